package lane_test

import (
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// record is a message as it stands on disk.
type record struct {
	connector.Item
	lane connector.LaneID
	key  string
	text string
	end  *connector.End
}

// disk is what a crash leaves: each method is one committed transaction, and
// keeps the rules of internal/store.
type disk struct {
	lanes  map[connector.LaneID]*connector.Lane
	groups map[connector.GroupID]*connector.Group
	rows   map[connector.MessageID]*record
	queues map[connector.LaneID][]*record // what waits, in the order of acceptance
	seq    connector.Seq
	usage  map[connector.State]int
	// payloads are what webhooks send plain texts as; zero: adaptive.
	payloads map[connector.LaneID]connector.Payload
}

func newDisk() *disk {
	return &disk{
		lanes: map[connector.LaneID]*connector.Lane{}, groups: map[connector.GroupID]*connector.Group{},
		rows: map[connector.MessageID]*record{}, queues: map[connector.LaneID][]*record{}, usage: map[connector.State]int{},
		payloads: map[connector.LaneID]connector.Payload{},
	}
}

// accept takes a text, and says whether it is news: a key seen before makes no
// second message, whatever its content.
func (d *disk) accept(r record) (news bool) {
	if d.rows[connector.MessageID(r.key)] != nil {
		return false
	}
	d.seq++
	r.Seq, r.ID = d.seq, connector.MessageID(r.key)
	d.rows[r.ID] = &r
	d.queues[r.lane] = append(d.queues[r.lane], &r)
	return true
}

// headItems is how many messages one fetch brings.
const headItems = 4

func (d *disk) fetch(ask connector.FetchRequest) connector.Loaded {
	l, q := d.lanes[ask.Lane], d.queues[ask.Lane]
	g := *d.groups[l.Group]
	g.Recent = slices.Clone(g.Recent)
	in := connector.Loaded{Lane: *l, Group: g, Waiting: -1}
	most, weight := headItems, 0
	if ask.Card > 0 {
		most = connector.MaxCard
	}
	for _, r := range q {
		item := r.Item
		item.Parcel.Target.Version, item.Parcel.Target.Payload = l.URLVersion, d.payloads[l.ID]
		if item.Test {
			if in.Test == nil {
				in.Test = &item
			}
			continue
		}
		weight += item.Weight
		full := len(in.Head) == most || len(in.Head) > 0 && ask.Card > 0 && (item.Weight == 0 || item.Parts > 1 || weight > ask.Card)
		if in.More = in.More || full; !in.More {
			in.Head = append(in.Head, item)
		}
	}
	if ask.Count {
		in.Waiting = len(q)
	}
	return in
}

func (d *disk) settle(s connector.Settlement, now time.Time) {
	l := d.lanes[s.Lane.ID]
	if l.URLVersion == s.Lane.URLVersion {
		l.NotBefore, l.Failures, l.TimedOut, l.Mismatches = s.Lane.NotBefore, s.Lane.Failures, s.Lane.TimedOut, s.Lane.Mismatches
		l.CardLast = s.Lane.CardLast
		if s.Reopen && l.State == connector.LaneStopped {
			d.open(l.ID, now)
		}
		if s.Stop && l.State == connector.LaneOpen {
			l.State, l.Cause, l.HeldSince = connector.LaneStopped, s.Lane.Cause, s.Lane.HeldSince
		}
	}
	if s.Marks {
		l.Inflight = s.Lane.Inflight
	}
	d.settleGroup(s)
	if a := s.Attempt; a != nil {
		for _, m := range append([]connector.Member{{Message: a.Message, N: a.N}}, s.Card...) {
			r := d.rows[m.Message]
			r.Attempts = max(r.Attempts, m.N)
			r.Unclear = r.Unclear || a.Outcome.Verdict == connector.VerdictUncertain
			if taken(a.Outcome.Verdict) {
				r.PartsDone = max(r.PartsDone, a.Part)
			}
		}
	}
	for _, e := range s.Ends {
		d.end(e)
	}
}

// settleGroup keeps both sides' knowledge where lanes have moved since. What an
// older URL said pauses nobody.
func (d *disk) settleGroup(s connector.Settlement) {
	l, g, in := d.lanes[s.Lane.ID], d.groups[s.Group.ID], s.Group
	in.Recent = slices.Clone(in.Recent)
	old := l.URLVersion != s.Lane.URLVersion
	if g.Version == in.Version {
		if old {
			in.NotBefore = g.NotBefore
		}
		g.NotBefore, g.Throttles, g.Recent = in.NotBefore, in.Throttles, in.Recent
		return
	}
	if old {
		in.NotBefore = time.Time{}
	}
	g.Merge(in)
	if l.Group != g.ID {
		d.groups[l.Group].Merge(in)
	}
}

// move brings a lane into another group, with its recent sends and its wait.
func (d *disk) move(id connector.LaneID, to connector.GroupID) {
	l := d.lanes[id]
	if l.Group == to || l.State == connector.LaneRetired {
		return
	}
	from, into := d.groups[l.Group], d.groups[to]
	all := append(slices.Clone(into.Recent), from.Recent...)
	slices.SortFunc(all, time.Time.Compare)
	into.Recent = nil
	into.Merge(connector.Group{NotBefore: from.NotBefore, Throttles: from.Throttles, Recent: all})
	into.Version++
	from.Version++
	l.Group = to
}

// end is conditional: usage changes only where the state does, and what was
// handed to Teams beats an end that was only assumed.
func (d *disk) end(e connector.End) {
	r := d.rows[e.Message]
	if r.end != nil {
		if !handedOver(e.State) || handedOver(r.end.State) {
			return
		}
		d.usage[r.end.State]--
	}
	d.usage[e.State]++
	r.end = &e
	d.queues[r.lane] = slices.DeleteFunc(slices.Clone(d.queues[r.lane]), func(o *record) bool { return o == r })
}

func handedOver(s connector.State) bool {
	return s == connector.StateSent || s == connector.StatePosted
}

// sweepable finds what a sweep would end.
func (d *disk) sweepable(s connector.Sweep) (ends []connector.End) {
	for _, r := range d.queues[s.Lane] {
		expired := r.PartsDone == 0 && !s.ExpiresBefore.IsZero() && !r.ExpiresAt.After(s.ExpiresBefore)
		old := !s.AcceptedBefore.IsZero() && !r.AcceptedAt.After(s.AcceptedBefore)
		if r.Seq <= s.Except && !r.Test || r.Seq == s.Test || !(expired || old || s.Retired) {
			continue
		}
		e := connector.End{Seq: r.Seq, Message: r.ID, State: connector.StateExpired, Reason: connector.ReasonExpired, At: s.Now}
		if s.Retired {
			e.State, e.Reason = connector.StateFailed, connector.ReasonWebhookDeleted
		}
		if r.Unclear {
			e.State = connector.StateUncertain
		}
		ends = append(ends, e)
	}
	return ends
}

// hold pauses a lane for people.
func (d *disk) hold(id connector.LaneID, now time.Time) {
	l := d.lanes[id]
	if l.State == connector.LaneRetired || l.State == connector.LanePaused {
		return
	}
	l.State, l.Cause = connector.LanePaused, "paused"
	if l.HeldSince.IsZero() {
		l.HeldSince = now
	}
}

// open ends a hold: all that the lane was held is added up.
func (d *disk) open(id connector.LaneID, now time.Time) {
	l := d.lanes[id]
	if !l.State.Held() {
		return
	}
	if l.HeldSince.Before(now) {
		l.Held += now.Sub(l.HeldSince)
	}
	l.State, l.Cause, l.HeldSince = connector.LaneOpen, "", time.Time{}
	l.NotBefore, l.Failures, l.TimedOut, l.Mismatches = time.Time{}, 0, false, 0
}

// swap replaces the URL: a stopped lane goes on, a paused one stays paused.
func (d *disk) swap(id connector.LaneID, now time.Time) {
	l := d.lanes[id]
	if l.State == connector.LaneRetired {
		return
	}
	l.URLVersion++
	l.NotBefore, l.Failures, l.TimedOut, l.Mismatches, l.CardLast = time.Time{}, 0, false, 0, 0
	if l.State == connector.LaneStopped {
		d.open(id, now)
	}
}

func (d *disk) retire(id connector.LaneID) {
	l := d.lanes[id]
	l.State, l.Cause, l.HeldSince, l.NotBefore = connector.LaneRetired, "", time.Time{}, time.Time{}
}

// waiting lists the lanes that a starting process must wake.
func (d *disk) waiting() (ids []connector.LaneID) {
	for id, q := range d.queues {
		if len(q) > 0 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
