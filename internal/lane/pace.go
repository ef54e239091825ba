package lane

import (
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// advance takes a waiting lane whose state is certain as far as it can go now.
func (m *Machine) advance(l *lane) {
	if l.sweeping || m.draining {
		m.release(l)
		return // goes on when it is swept, or in the next process
	}
	if ends := m.hopeless(l); len(ends) > 0 {
		m.settle(l, connector.Settlement{Ends: ends})
		return
	}
	if !l.token || len(l.head) == 0 && len(l.test) == 0 || m.blocked(l) || m.crowded(l) {
		m.queue(l)
		return
	}
	m.send(l)
}

// blocked reports whether the lane or its group must wait.
func (m *Machine) blocked(l *lane) bool {
	return l.waits().After(m.now) || l.group.NotBefore.After(m.now)
}

// waits is until when the lane itself must wait. A new test does not wait for
// what earlier failures asked for.
func (l *lane) waits() time.Time {
	if len(l.test) > 0 && l.test[0].Attempts == 0 {
		return time.Time{}
	}
	return l.NotBefore
}

// queue puts a waiting lane where it will be woken: at its own time, or in its
// group's round.
func (m *Machine) queue(l *lane) {
	m.release(l)
	if l.queued {
		return
	}
	if at := l.waits(); at.After(m.now) {
		m.at(l, at)
	} else {
		l.queued = true
		l.group.round = append(l.group.round, l)
		m.pump(l.group)
	}
	if l.phase == Waiting && len(l.head)+len(l.test) > 0 {
		l.head, l.test, l.more = nil, nil, true // no bodies in memory for a lane that waits
	}
}

// pump gives out the group's free places, one lane in turn after the other.
func (m *Machine) pump(g *group) {
	for len(g.round) > 0 && !m.draining {
		at := g.window.free(m.now)
		if g.NotBefore.After(at) {
			at = g.NotBefore
		}
		if at.After(m.now) {
			m.wakeGroup(g, at)
			return
		}
		l, later := m.pick(g)
		if l == nil {
			m.wakeGroup(g, later)
			return
		}
		g.round = slices.DeleteFunc(g.round, func(o *lane) bool { return o == l })
		l.queued = false
		if !m.slotsFor(l).take(l) {
			l.queued = true
			continue
		}
		l.token = true
		g.window.flying++
		m.countStart(g, l)
		if len(l.head) == 0 && len(l.test) == 0 {
			m.load(l)
			continue
		}
		m.send(l)
	}
}

func (m *Machine) wakeGroup(g *group, at time.Time) {
	if at != never && !g.dueAt.Equal(at) {
		g.dueAt = at
		m.timers.push(timer{at: at, group: g})
	}
}

// slotsFor keeps lanes whose last attempt timed out, or that were not heard since the start, from
// taking the places of the others.
func (m *Machine) slotsFor(l *lane) *slots {
	switch {
	case l.TimedOut:
		return &m.slots[1]
	case l.landed.IsZero():
		return &m.slots[2]
	}
	return &m.slots[0]
}

// take gives the lane a slot, or a place in the line.
func (s *slots) take(l *lane) bool {
	if s.free == 0 {
		s.line = append(s.line, l)
		l.queued = true
		return false
	}
	s.free--
	l.slot = s
	return true
}

// release gives back what the lane holds of its group's window and of the
// slots, and lets the next in line go on.
func (m *Machine) release(l *lane) {
	if l.token {
		l.token = false
		l.group.window.flying--
		m.pump(l.group)
	}
	s := l.slot
	if s == nil {
		return
	}
	l.slot = nil
	s.free++
	if len(s.line) == 0 {
		return
	}
	next := s.line[0]
	s.line = s.line[1:]
	next.queued = false
	if s == &m.loads {
		m.reload(next)
		return
	}
	next.queued = true
	next.group.round = append([]*lane{next}, next.group.round...)
	m.pump(next.group)
}

// send starts an attempt. The lane holds a token and a slot. It reads more first
// where one card could carry more, and marks first what people want to be asked about.
func (m *Machine) send(l *lane) {
	m.choose(l)
	if !l.testing && l.more && !l.carded && l.members == len(l.head) && m.combines(l) {
		m.load(l)
		return
	}
	if !m.arm(l) {
		m.start(l)
	}
}

func (m *Machine) start(l *lane) {
	m.check(l)
	m.enter(l, Sending)
	m.do(Send{Lane: l.ID, Webhook: l.Webhook, Item: l.going()[0], Parcel: l.parcel(), At: m.now})
}

// check counts what must never be true where a send starts.
func (m *Machine) check(l *lane) {
	if l.phase == Sending || l.phase == Settling {
		m.do(Violation{twoSends})
	}
	m.checkCard(l)
	if !m.several && !l.testing && l.going()[0].Seq <= l.last {
		m.do(Violation{outOfOrder})
	}
	if m.blocked(l) {
		m.do(Violation{tooEarly})
	}
	if m.crowded(l) {
		m.do(Violation{overWindow})
	}
}

// crowded reports whether the place that a lane holds is gone: another lane has
// brought its sends into the group since.
func (m *Machine) crowded(l *lane) bool {
	w := l.group.window
	w.flying--
	at := w.free(m.now)
	w.flying++
	return at.After(m.now)
}

// over reports whether a message's life is over. Once a part of it is in the
// channel, it has none.
func (m *Machine) over(l *lane, item *connector.Item) bool {
	return item.PartsDone == 0 && !l.Time(m.now).Before(item.ExpiresAt)
}

const unanswered = "It may be in the channel: an attempt ended without an answer, and the webhook is set to ask before a repeat."

// hopeless takes messages off the head that will never go: their life is over, people want to be
// asked about them, or they can't be opened any more. In a stopped lane that is for a test only.
func (m *Machine) hopeless(l *lane) []connector.End {
	var ends []connector.End
	for {
		l.testing, l.members = len(l.test) > 0, 1
		if !l.testing && (len(l.head) == 0 || l.State != connector.LaneOpen) {
			return ends
		}
		const why = "Its life ended before it could be delivered."
		switch item := &l.going()[0]; {
		case m.over(l, item):
			ends = append(ends, m.finish(l, connector.StateExpired, connector.ReasonExpired, why)...)
		case item.Unclear && l.Settings.OnUnclear == connector.UnclearAsk && !l.testing: // people chose so after the attempt
			ends = append(ends, m.finish(l, connector.StateUncertain, connector.ReasonBroken, unanswered)...)
		case item.Broken != "":
			ends = append(ends, m.finish(l, connector.StateFailed, connector.ReasonInternal, item.Broken)...)
		default:
			return ends
		}
	}
}

// sweep looks for lanes that stand still and asks to end messages in them
// whose life is over, wherever they stand.
func (m *Machine) sweep() {
	m.sweepAt = time.Time{}
	for _, l := range m.sorted() {
		if l.phase == Idle {
			continue
		}
		m.sweepAt = m.now.Add(sweepEvery)
		every := sweepEvery
		s := connector.Sweep{Lane: l.ID, Now: m.now, AcceptedBefore: m.now.Add(-longestHold)}
		if len(l.test) > 0 {
			s.Test = l.test[0].Seq
		}
		switch l.phase {
		case Held:
			every = sweepHeld
		case Waiting:
			s.ExpiresBefore = l.Time(m.now)
		case Sending, Settling:
			s.ExpiresBefore = l.Time(m.now)
			if n := l.kept(); n > 0 {
				s.Except = l.head[n-1].Seq
			}
		case Idle, Loading, Ending:
			continue
		}
		if l.known && !l.sweeping && m.now.Sub(l.touched) >= every {
			m.ask(l, s)
		}
	}
}

// kept is how many messages of the head a sweep leaves alone while something of the lane is under way.
func (l *lane) kept() int { return min(max(l.members, 1), len(l.head)) }

func (m *Machine) ask(l *lane, s connector.Sweep) {
	if l.phase == Waiting {
		m.leave(l)
	}
	l.sweeping, l.touched = true, m.now
	m.do(Sweep{s})
}

// endAll ends all that waits in a lane whose webhook was deleted.
func (m *Machine) endAll(l *lane) {
	l.head, l.test, l.more = nil, nil, false
	m.ask(l, connector.Sweep{Lane: l.ID, Now: m.now, Retired: true})
}

// swept goes on where a sweep had stopped the lane.
func (m *Machine) swept(l *lane, e Swept) {
	l.sweeping = false
	l.waiting = max(l.waiting-e.N, 0)
	again := e.N > 0 && e.More
	switch l.phase {
	case Ending:
		if e.More || l.more || l.stale {
			l.stale = false
			m.endAll(l)
			return
		}
		l.waiting = 0
		m.enter(l, Idle)
	case Waiting:
		l.head, l.more = nil, true
		m.leave(l)
		m.want(l)
	case Sending, Settling:
		if n := l.kept(); e.N > 0 && len(l.head) > n {
			l.head, l.more = l.head[:n], true
		}
	case Loading:
		l.stale = l.stale || e.N > 0 // the head may have been read before
	case Idle, Held:
	}
	if again {
		l.touched = time.Time{}
		m.sweepAt = m.now
	}
}
