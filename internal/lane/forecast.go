package lane

import (
	"maps"
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/teams"
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
	posts := m.posts(l)
	ahead := posts + m.beside(l, posts)
	if l.phase == Sending {
		ahead-- // what is under way has its place in the window already
	}
	byWindow := l.group.window.nth(f.At, ahead)
	bySends := f.At.Add(time.Duration(posts-1) * l.took)
	f.At = byWindow
	if bySends.After(f.At) {
		f.At = bySends
	}
	return f
}

// posts is in how many posts what waits in a lane is expected to go.
func (m *Machine) posts(l *lane) int {
	n := max(l.waiting, 1)
	if l.Settings.Combine && l.payload != connector.PayloadText && m.short(l.group) {
		perCard := connector.MaxCard
		if w := l.weight(); w > 0 {
			perCard = min(perCard, max(teams.CardRoom/w, 1))
		}
		n = (n + perCard - 1) / perCard
	}
	return n
}

// weight is the mean weight of the texts that are loaded; zero: none is.
func (l *lane) weight() int {
	if len(l.head) == 0 {
		return 0
	}
	sum := 0
	for i := range l.head {
		sum += l.head[i].Weight
	}
	return sum / len(l.head)
}

// beside is how many posts of other lanes take places before the last of own
// posts goes: lanes take turns, and urgent ones go first.
func (m *Machine) beside(l *lane, own int) (n int) {
	for _, o := range l.group.members {
		if o == l || o.State != connector.LaneOpen || o.waiting == 0 || l.Settings.Urgent && !o.Settings.Urgent {
			continue
		}
		theirs := m.posts(o)
		if o.Settings.Urgent == l.Settings.Urgent {
			theirs = min(theirs, own)
		}
		n += theirs
	}
	return n
}

// sorted returns all lanes in a fixed order, so that a run replays.
func (m *Machine) sorted() []*lane {
	all := make([]*lane, 0, len(m.lanes))
	for _, id := range slices.Sorted(maps.Keys(m.lanes)) {
		all = append(all, m.lanes[id])
	}
	return all
}
