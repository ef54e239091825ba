package lane_test

import (
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/lane"
)

// afterStep holds what must be true after every step of the machine.
func (r *rules) afterStep() {
	if r.t.drained || r.t.plan.slots > 0 || r.t.machine == nil {
		return
	}
	for i := range r.t.plan.lanes {
		r.forgotten(connector.LaneID(i + 1))
	}
}

// forgotten: a lane that may send, in a group where nothing is under way, will
// be looked at by the time at which it may.
func (r *rules) forgotten(id connector.LaneID) {
	t := r.t
	l, q := t.disk.lanes[id], t.disk.queues[id]
	if len(q) == 0 || l.Failures > 2 || l.State != connector.LaneOpen || t.now.Before(r.slow) || t.now.Before(r.mixed[l.Group]) {
		delete(r.able, id)
		return
	}
	if r.pending() {
		return
	}
	if l.Settings.Urgent && r.untold[id] == 0 && !t.clock().Before(l.NotBefore) && !t.clock().Before(r.unread[id]) {
		r.first[id] = true
	}
	g := *t.disk.groups[l.Group]
	g.Recent = append(slices.Clone(g.Recent), r.ghosts[g.ID]...)
	slices.SortFunc(g.Recent, time.Time.Compare)
	due := lane.FreeAt(t.clock(), g)
	for _, at := range []time.Time{l.NotBefore, g.NotBefore, r.unread[id]} {
		if at.After(due) {
			due = at
		}
	}
	if due.After(t.clock()) {
		delete(r.able, id)
	} else if r.able[id].IsZero() {
		r.able[id] = t.now
	}
	if l.Settings.Combine { // its texts may wait for others to share their card
		due = due.Add(company)
	}
	if since := r.able[id]; !since.IsZero() && t.now.Sub(since) > company+time.Second {
		r.breach("goes_in_the_end", "lane %d may send since %v, and does not", id, since.Sub(epoch))
	}
	if next := t.machine.Next(); next.IsZero() || next.After(due) && next.After(t.clock()) {
		r.breach("no_lane_forgotten", "lane %d may send at %v, and the machine wakes at %v", id, due.Sub(epoch), next.Sub(epoch))
	}
}

// company is the longest that a text which may go waits for others.
const company = 30 * time.Second

func (r *rules) start(ids []connector.LaneID) {
	for _, id := range ids {
		r.started[id] = true
	}
}

// loaded takes note of the place that a lane's first look after a start takes
// in its group's window, for the post that may have been in flight.
func (r *rules) loaded(in connector.Loaded) {
	if r.started[in.Lane.ID] && (len(in.Head) > 0 || in.Test != nil) {
		r.ghosts[in.Group.ID] = append(r.ghosts[in.Group.ID], r.t.clock())
	}
	delete(r.started, in.Lane.ID)
	r.tested[in.Lane.ID] = [2]bool{in.Test != nil, r.tested[in.Lane.ID][0]}
	r.believed[in.Lane.ID] = belief{in.Group.ID, in.Group.Profile}
}

// pending reports whether the runner has something under way that will come
// back to the machine.
func (r *rules) pending() bool {
	if r.t.settling || r.t.sweeping || len(r.t.sweeps) > 0 || r.t.fetching > 0 {
		return true
	}
	for _, i := range r.t.agenda.list {
		if i.life == r.t.life {
			return true
		}
	}
	return false
}

// forecast: what the front door tells people is never in the past, and no
// later than the slowest rule allows.
func (r *rules) forecast(id connector.LaneID) {
	t := r.t
	if t.machine == nil {
		return
	}
	f := t.machine.Forecast(t.clock(), id)
	longest := day + 5*time.Minute + time.Duration(f.Waiting+25)*40*time.Second + max(t.skew, -t.skew)
	switch {
	case f.Waiting < 1:
		r.breach("forecast", "%d messages wait in lane %d", f.Waiting, id)
	case !f.Held && f.At.Before(t.clock()):
		r.breach("forecast", "lane %d is to send %v ago", id, t.clock().Sub(f.At))
	case !f.Held && f.At.Sub(t.clock()) > longest:
		r.breach("forecast", "lane %d with %d messages is to be done in %v", id, f.Waiting, f.At.Sub(t.clock()))
	}
}

// patience is how long the last message may take once there is peace.
func (r *rules) patience() time.Duration {
	longest := 0
	for _, q := range r.t.disk.queues {
		longest = max(longest, len(q))
	}
	return 4*time.Hour + time.Duration(longest+25)*40*time.Second
}

// atTheEnd: nothing is lost, and the books agree.
func (r *rules) atTheEnd() {
	counted := 0
	for _, n := range r.t.disk.usage {
		counted += n
	}
	ended := 0
	for id := range r.promised {
		switch m := r.t.disk.rows[id]; {
		case m == nil:
			r.breach("nothing_lost", "%s is gone", id)
		case m.end == nil:
			r.breach("everything_ends", "%s still waits in lane %d, which is %s", id, m.lane, r.t.disk.lanes[m.lane].State)
		default:
			ended++
		}
	}
	if counted != ended {
		r.breach("usage", "%d ends are counted of %d", counted, ended)
	}
}
