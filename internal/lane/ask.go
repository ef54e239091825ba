package lane

import "github.com/teamsconnector/teamsconnector/internal/connector"

// arm commits what is about to go before it goes, where people want to be asked
// about attempts whose end is unknown: a crash can't hide one then. It reports
// whether that is needed first. A test may always be repeated.
func (m *Machine) arm(l *lane) bool {
	if l.Settings.OnUnclear != connector.UnclearAsk || l.testing {
		return false
	}
	going := l.going()
	l.armed, l.Inflight = true, going[len(going)-1].Seq
	m.settle(l, connector.Settlement{Marks: true})
	return true
}

// fire sends what was armed, or takes the mark back where it may not go any more.
func (m *Machine) fire(l *lane) {
	l.armed = false
	if l.stale || m.draining || l.sweeping || m.blocked(l) || m.crowded(l) || m.over(l, &l.head[0]) {
		l.Inflight = 0
		m.enter(l, Waiting)
		m.settle(l, connector.Settlement{Marks: true})
		return
	}
	m.enter(l, Waiting)
	m.start(l)
}

// interrupted ends what was under way when the last process ended: nobody knows
// whether it is in the channel, and people want to be asked.
func (m *Machine) interrupted(l *lane) (s connector.Settlement, found bool) {
	if l.Inflight == 0 {
		return s, false
	}
	l.testing, l.members = false, 0
	for l.members < len(l.head) && l.head[l.members].Seq <= l.Inflight {
		l.members++
	}
	if l.members < len(l.head) || !l.more {
		l.Inflight, s.Marks = 0, true // else there are more of them to be read
	}
	if l.members > 0 {
		const why = "It may be in the channel: this service ended while it was being sent."
		s.Ends = m.finish(l, connector.StateUncertain, connector.ReasonShutdown, why)
	}
	return s, true
}
