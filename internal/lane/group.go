package lane

import (
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

// group is the webhooks that share one of Microsoft's limits.
type group struct {
	connector.Group
	window  *window
	members []*lane
	round   []*lane // lanes that want to send, in turn
	dueAt   time.Time
	// limps are the starts of failing lanes that a window may still reach, sound counts the others since the last.
	limps []time.Time
	sound int
}

// join puts a lane into its group. Where lanes have moved, each group goes on
// with the sends of both: never looser than either window.
func (m *Machine) join(l *lane, in connector.Group) {
	g := m.groups[in.ID]
	if g == nil {
		in.NotBefore = m.sane(in.NotBefore)
		g = &group{Group: in, window: newWindow(in.Profile, m.past(in.Recent))}
		m.groups[g.ID] = g
	}
	if g.Version < in.Version {
		g.Version, g.Profile = in.Version, in.Profile
		g.window.limits = limits(g.Profile)
		m.merge(g, in)
	}
	if l.group == g {
		return
	}
	if old := l.group; old != nil {
		was := old.Group
		was.Recent = old.window.log
		m.merge(g, was)
		old.members = slices.DeleteFunc(old.members, func(o *lane) bool { return o == l })
		if l.token {
			l.token = false
			old.window.flying--
			m.pump(old)
		}
	}
	l.group = g
	g.members = append(g.members, l)
}

func (m *Machine) merge(g *group, o connector.Group) {
	g.Recent = g.window.log
	o.Recent = m.past(o.Recent)
	g.Merge(o)
	g.NotBefore = m.sane(g.NotBefore)
	g.window.log, g.Recent = g.Recent, nil
}

// sane cuts a stored time that lies absurdly far ahead, as after a clock jump.
func (m *Machine) sane(t time.Time) time.Time {
	if far := m.now.Add(teams.MaxRetryAfter); t.After(far) {
		return far
	}
	return t
}

// past cuts times of sends to now: one that lies ahead comes from a clock that was wrong.
func (m *Machine) past(times []time.Time) []time.Time {
	times = slices.Clone(times)
	for i, t := range times {
		if t.After(m.now) {
			times[i] = m.now
		}
	}
	return times
}
