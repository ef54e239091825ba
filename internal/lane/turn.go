package lane

import "time"

// failing reports whether a lane has failed so often that others come first:
// its circuit is open, and what it gets are probes.
func (l *lane) failing() bool { return l.Failures >= circuitFailures }

// pick chooses whose turn it is among the lanes that want to send: those with a
// test first, urgent ones next, else the one that waits longest; a failing lane gets one place in ten.
// Nobody's turn: later is when a failing one's comes.
func (m *Machine) pick(g *group) (l *lane, later time.Time) {
	var urgent, sound, failing *lane
	later = never
	for _, o := range g.round {
		until := m.company(o)
		switch {
		case o.probing:
			return o, time.Time{}
		case until.After(m.now):
			later = earlier(later, until)
		case o.failing():
			failing = first(failing, o)
		case o.Settings.Urgent:
			urgent = first(urgent, o)
		default:
			sound = first(sound, o)
		}
	}
	free := m.probeAt(g)
	switch may := !free.After(m.now); {
	case failing != nil && may && g.sound >= probeEvery-1:
		return failing, time.Time{}
	case urgent != nil:
		return urgent, time.Time{}
	case sound != nil:
		return sound, time.Time{}
	case failing == nil:
		return nil, later
	case may:
		return failing, time.Time{}
	}
	return nil, earlier(later, free)
}

func first(a, b *lane) *lane {
	if a != nil {
		return a
	}
	return b
}

// probeAt returns when a failing lane may take a place: at most one in ten of
// those that the group's window has, unless nobody else is in the group.
func (m *Machine) probeAt(g *group) time.Time {
	w := g.window.longest()
	for len(g.limps) > 0 && m.now.Sub(g.limps[0]) >= w.per {
		g.limps = g.limps[1:]
	}
	if most := max(w.n/probeEvery, 1); len(g.members) > 1 && w.n > 0 && len(g.limps) >= most {
		return g.limps[len(g.limps)-most].Add(w.per)
	}
	return m.now
}

// countStart notes that a lane was given a place.
func (m *Machine) countStart(g *group, l *lane) {
	if !l.failing() {
		g.sound++
		return
	}
	g.sound = 0
	g.limps = append(g.limps, m.now)
}
