package lane

import (
	"maps"
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// Forecast says what is expected of the message that joined a lane last.
func (m *Machine) Forecast(now time.Time, id connector.LaneID) connector.Forecast {
	l := m.lanes[id]
	if l == nil || !l.known {
		return connector.Forecast{At: now, Waiting: 1}
	}
	f := connector.Forecast{Waiting: max(l.waiting, 1), At: now}
	if l.State.Held() {
		f.Held, f.Cause = true, l.Cause
		return f
	}
	for _, t := range []time.Time{l.NotBefore, l.group.NotBefore} {
		if t.After(f.At) {
			f.At = t
		}
	}
	ahead := f.Waiting
	if l.phase == Sending {
		ahead-- // the head has its place in the window already
	}
	byWindow := l.group.window.nth(f.At, ahead)
	bySends := f.At.Add(time.Duration(f.Waiting-1) * l.took)
	f.At = byWindow
	if bySends.After(f.At) {
		f.At = bySends
	}
	return f
}

// sorted returns all lanes in a fixed order, so that a run replays.
func (m *Machine) sorted() []*lane {
	all := make([]*lane, 0, len(m.lanes))
	for _, id := range slices.Sorted(maps.Keys(m.lanes)) {
		all = append(all, m.lanes[id])
	}
	return all
}
