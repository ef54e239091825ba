package lane_test

import (
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/lane"
)

// attempt is one POST as an onlooker sees it who knows both sides.
type attempt struct {
	id      connector.MessageID
	seq     connector.Seq
	lane    connector.LaneID
	n       int
	reply   reply
	told    bool // the process saw the answer
	onDisk  bool // what came of it is durable
	lost    bool // the process died before that
	arrived bool
	verdict connector.Verdict
}

// ask is a wait that Teams asked for.
type ask struct {
	attempt *attempt
	flow    flow
	group   connector.GroupID
	until   time.Time
}

// rules watch a trial. Each has a name, and the first that breaks ends the trial.
type rules struct {
	t      *trial
	broken string // the name of the rule
	how    string

	attempts map[connector.MessageID][]*attempt
	open     map[connector.LaneID]*attempt // under way or not on disk yet
	busy     map[connector.LaneID]bool     // a settlement is under way
	untold   map[connector.LaneID]int      // changes of people that the machine has not heard of
	asks     []ask
	started  map[connector.LaneID]bool         // had messages waiting when the process started, and was not read yet
	ghosts   map[connector.GroupID][]time.Time // places taken for posts that may have been in flight then
	unread   map[connector.LaneID]time.Time    // when a lane that could not be read is asked for again
	mixed    map[connector.GroupID]time.Time   // until when a group knows more than its row
	slow     time.Time                         // until when a clock that was put back excuses delay
	excused  time.Time                         // until when a clock that jumped ahead excuses haste
	promised map[connector.MessageID]bool
}

func newRules(t *trial) *rules {
	return &rules{
		t: t, attempts: map[connector.MessageID][]*attempt{}, open: map[connector.LaneID]*attempt{}, busy: map[connector.LaneID]bool{},
		untold: map[connector.LaneID]int{}, promised: map[connector.MessageID]bool{}, unread: map[connector.LaneID]time.Time{},
		mixed: map[connector.GroupID]time.Time{}, started: map[connector.LaneID]bool{}, ghosts: map[connector.GroupID][]time.Time{},
	}
}

func (r *rules) breach(rule, format string, args ...any) {
	if r.broken != "" {
		return
	}
	r.broken, r.how = rule, fmt.Sprintf("%v: ", r.t.now.Sub(epoch))+fmt.Sprintf(format, args...)
	r.t.note("BROKEN %s: %s", rule, r.how)
}

func (r *rules) changed(id connector.LaneID) { r.untold[id]++ }
func (r *rules) told(id connector.LaneID)    { r.untold[id]-- }

// accepted: a key stands for one message, as long as it lives.
func (r *rules) accepted(m record) {
	id := connector.MessageID(m.key)
	if r.promised[id] {
		r.breach("one_key_one_message", "%s is accepted twice", id)
	}
	r.promised[id] = true
}

// send holds what must be true where an attempt begins.
func (r *rules) send(f lane.Send) *attempt {
	t, id := r.t, f.Item.ID
	a := &attempt{id: id, seq: f.Item.Seq, lane: f.Lane, n: len(r.attempts[id]) + 1}
	l, m := t.disk.lanes[f.Lane], t.disk.rows[id]
	switch {
	case r.open[f.Lane] != nil:
		r.breach("one_send_per_lane", "%s begins while %s of lane %d is not on disk", id, r.open[f.Lane].id, f.Lane)
	case r.busy[f.Lane]:
		r.breach("settled_before_next", "%s begins while a settlement of lane %d is not on disk", id, f.Lane)
	case m == nil || m.lane != f.Lane:
		r.breach("knows_its_messages", "%s is not a message of lane %d", id, f.Lane)
	case m.end != nil:
		r.breach("ended_never_sent", "%s ended %s and is sent again", id, m.end.State)
	case t.disk.queues[f.Lane][0] != m:
		r.breach("fifo", "%s is sent while %s waits before it", id, t.disk.queues[f.Lane][0].ID)
	case l.State != connector.LaneOpen && r.untold[f.Lane] == 0:
		r.breach("held_sends_nothing", "%s is sent while lane %d is %s", id, f.Lane, l.State)
	case t.drained:
		r.breach("drain_starts_nothing", "%s is sent after the drain", id)
	case !l.Time(t.clock()).Before(m.ExpiresAt) && r.untold[f.Lane] == 0:
		r.breach("expired_never_sent", "%s is sent %v after its life", id, l.Time(t.clock()).Sub(m.ExpiresAt))
	}
	r.patient(f)
	r.attempts[id] = append(r.attempts[id], a)
	r.open[f.Lane] = a
	return a
}

// patient: no request before a time that Teams named.
func (r *rules) patient(f lane.Send) {
	to := flow{f.Lane, f.Item.Parcel.Target.Version}
	for _, w := range r.asks {
		if !r.t.now.Before(w.until) || r.t.now.Before(r.excused) {
			continue
		}
		if w.flow == to {
			r.breach("retry_after", "%s is sent %v before the time that Teams named", f.Item.ID, w.until.Sub(r.t.now))
		}
		current := r.t.disk.lanes[w.flow.lane].URLVersion == w.flow.version
		if w.group == r.t.teams.owner[to] && current {
			r.breach("retry_after_of_group", "%s is sent %v before the time that Teams named to lane %d", f.Item.ID, w.until.Sub(r.t.now), w.flow.lane)
		}
	}
}

// arrive is a request at Teams' door: what Microsoft counts.
func (r *rules) arrive(a *attempt, to flow) {
	t := r.t
	a.arrived = true
	owner := t.teams.owners[t.teams.owner[to]]
	if over(t.teams.requests[to], frontDoor(owner.profile)) && !t.now.Before(r.excused) {
		r.breach("front_door", "more than 4 requests in a second at lane %d", a.lane)
	}
	if !a.reply.runs {
		return
	}
	for _, b := range r.attempts[a.id] {
		if b == a || !b.arrived || !b.reply.runs {
			continue
		}
		hidden := a.lost || b.lost || b.verdict == connector.VerdictUncertain
		if !hidden {
			r.breach("duplicate", "%s is posted again although attempt %d was known to be %s", a.id, b.n, b.verdict)
		}
	}
	late := time.Duration(0) // a retired connector posts before it answers; a flow's run starts later
	if owner.profile != connector.ProfileOffice365 {
		late = 200*time.Millisecond + time.Duration(t.teams.lot("late", a.id, a.n)*float64(2800*time.Millisecond))
	}
	t.outside(t.now.Add(late), func() {
		owner.posts = append(owner.posts, t.now)
		if over(owner.posts, runLimits(owner.profile)) && !t.now.Before(r.excused) {
			r.breach("window", "the run of %s fails: the connection of lane %d posts too much", a.id, a.lane)
		}
	})
}

// answered is the moment at which the process knows.
func (r *rules) answered(a *attempt, to flow, o connector.Outcome) {
	a.told, a.verdict = true, o.Verdict
	if o.RetryAfter > 0 {
		until := r.t.now.Add(min(max(o.RetryAfter, time.Second), day))
		r.asks = append(r.asks, ask{a, to, r.t.teams.owner[to], until})
	}
}

// settle is a settlement that is asked for.
func (r *rules) settle(s connector.Settlement) {
	if r.busy[s.Lane.ID] {
		r.breach("two_settles", "lane %d settles twice at once", s.Lane.ID)
	}
	r.busy[s.Lane.ID] = true
	a := r.open[s.Lane.ID]
	switch {
	case (s.Attempt != nil) != (a != nil):
		r.breach("every_outcome_settled", "lane %d settles an attempt: %v; one is under way: %v", s.Lane.ID, s.Attempt != nil, a != nil)
	case a != nil && s.Attempt.Message != a.id:
		r.breach("every_outcome_settled", "lane %d settles %s instead of %s", s.Lane.ID, s.Attempt.Message, a.id)
	}
}

// commit is a settlement that reaches the disk, the first time or again.
func (r *rules) commit(s *step) {
	if s.done {
		return
	}
	r.busy[s.Lane.ID] = false
	if a := r.open[s.Lane.ID]; a != nil && s.Attempt != nil {
		a.onDisk = true
		delete(r.open, s.Lane.ID)
	}
	for i, e := range s.Ends {
		if i > 0 && s.Ends[i-1].Seq >= e.Seq {
			r.breach("ends_once", "%s ends twice, or out of order, in one settlement", e.Message)
		}
		r.end(e, false)
	}
}

// end holds what must be true where a message ends.
func (r *rules) end(e connector.End, swept bool) {
	m := r.t.disk.rows[e.Message]
	sure, maybe, unclear := false, false, false
	for _, a := range r.attempts[e.Message] {
		delivered := a.arrived && a.reply.runs
		sure = sure || delivered && a.told && taken(a.verdict)
		maybe = maybe || delivered && !a.lost
		unclear = unclear || a.lost || a.verdict == connector.VerdictUncertain
		if swept && r.open[a.lane] == a {
			r.breach("ended_under_way", "%s is swept while an attempt is under way", e.Message)
		}
	}
	switch {
	case m.end != nil && !swept:
		r.breach("ends_once", "%s ended %s and ends %s", e.Message, m.end.State, e.State)
	case handedOver(e.State) && !sure:
		r.breach("sent_is_true", "%s ends %s, and Teams has not taken it", e.Message, e.State)
	case !handedOver(e.State) && e.State != connector.StateUncertain && maybe:
		r.breach("in_the_channel_is_never_failed", "%s ends %s, and may be in the channel", e.Message, e.State)
	case e.State == connector.StateUncertain && !unclear:
		r.breach("uncertain_has_a_cause", "%s ends uncertain, and every attempt was clear", e.Message)
	}
	l := r.t.disk.lanes[m.lane]
	old := r.t.clock().Sub(m.AcceptedAt) >= 14*day
	if e.State == connector.StateExpired && l.Time(r.t.clock()).Before(m.ExpiresAt) && !old && r.untold[m.lane] == 0 {
		r.breach("expires_in_time", "%s ends expired %v before its life ends", e.Message, m.ExpiresAt.Sub(l.Time(r.t.clock())))
	}
}

func taken(v connector.Verdict) bool {
	return v == connector.VerdictSent || v == connector.VerdictPosted
}

// moved: a group that a lane joins or leaves knows more than its row for as long as the window reaches.
func (r *rules) moved(from, to connector.GroupID) {
	if from != to {
		r.mixed[from], r.mixed[to] = r.t.now.Add(time.Hour), r.t.now.Add(time.Hour)
	}
}

// crash: what was not on disk is forgotten; one attempt per lane may be repeated for it.
func (r *rules) crash() {
	for _, a := range r.open {
		a.lost = true
	}
	asks := r.asks[:0]
	for _, w := range r.asks {
		if w.attempt.onDisk {
			asks = append(asks, w)
		}
	}
	r.asks = asks
	clear(r.open)
	clear(r.busy)
	clear(r.untold)
	clear(r.started)
	clear(r.ghosts)
}

// jumped: a clock that was put ahead makes the past look old, and nobody can
// know; one that was put back makes waits longer.
func (r *rules) jumped(by time.Duration) {
	if by > 0 {
		r.excused = r.t.now.Add(time.Hour + by)
		r.asks = nil
		return
	}
	if until := r.t.now.Add(2*time.Hour - by); until.After(r.slow) {
		r.slow = until
	}
}
