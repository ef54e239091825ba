package lane

import (
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// delivered decides what an outcome means for the message, its lane and its group.
func (m *Machine) delivered(l *lane, e Delivered) {
	if l.phase != Sending || len(l.head) == 0 {
		m.do(Violation{strayOutcome})
		return
	}
	o := e.Outcome
	item := &l.head[0]
	item.Attempts++
	s := connector.Settlement{Attempt: &connector.Attempt{
		Seq: item.Seq, Message: item.ID, N: item.Attempts, At: m.now.Add(-o.Took), Outcome: o,
	}}
	l.token = false
	l.group.window.land(m.now)
	l.took = (3*l.took + o.Took) / 4
	l.TimedOut = o.Reason == connector.ReasonTimeout
	l.paused, l.before = never, l.group.NotBefore

	switch o.Verdict {
	case connector.VerdictSent:
		s.Ends = m.answered(l, connector.StateSent, o)
	case connector.VerdictPosted:
		s.Ends = m.answered(l, connector.StatePosted, o)
	case connector.VerdictRefused:
		s.Stop = m.strike(l, o)
		if !s.Stop {
			s.Ends = m.answered(l, connector.StateFailed, o)
		}
	case connector.VerdictGone:
		s.Stop = true
	case connector.VerdictThrottled:
		m.pause(l, e)
	case connector.VerdictUncertain:
		item.Unclear = true
		s.Ends = m.failed(l, e)
	case connector.VerdictRetry:
		s.Ends = m.failed(l, e)
	default:
		m.do(Violation{strayVerdict})
		item.Unclear = true
		s.Ends = m.failed(l, e)
	}
	if s.Stop {
		l.State, l.Cause, l.HeldSince = connector.LaneStopped, o.Detail, m.now
	}
	m.settle(l, s)
	m.pump(l.group)
}

// answered ends the head with Teams' answer: the webhook works.
func (m *Machine) answered(l *lane, state connector.State, o connector.Outcome) []connector.End {
	l.Failures, l.NotBefore = 0, time.Time{}
	l.group.Throttles = 0
	if o.Reason != connector.ReasonSchema {
		l.Mismatches = 0
	}
	return []connector.End{m.finish(l, state, o.Reason, o.Detail)}
}

// strike counts different messages in a row that the flow's trigger refuses
// for their shape, and reports whether it is the flow that is wrong.
func (m *Machine) strike(l *lane, o connector.Outcome) bool {
	if o.Reason != connector.ReasonSchema {
		return false
	}
	l.Mismatches++
	return l.Mismatches >= schemaStrikes
}

// failed makes the lane wait, or the group if Teams named a time. A message
// that broke us twice ends.
func (m *Machine) failed(l *lane, e Delivered) []connector.End {
	if e.Outcome.Reason == connector.ReasonInternal {
		l.panics++
		if l.panics >= panicStrikes {
			return []connector.End{m.finish(l, connector.StateFailed, connector.ReasonInternal, e.Outcome.Detail)}
		}
	}
	if e.Outcome.RetryAfter > 0 {
		m.pause(l, e)
	}
	l.NotBefore = m.now.Add(backoff(l.Failures, firstRetry, longestRetry, e.Rand))
	l.Failures++
	return nil
}

// pause stops the whole group for as long as Teams asked, never shorter than
// what was asked before.
func (m *Machine) pause(l *lane, e Delivered) {
	g := l.group
	wait := backoff(g.Throttles, firstPause, longestPause, e.Rand)
	if e.Outcome.RetryAfter > 0 {
		wait = asked(e.Outcome.RetryAfter)
	}
	g.Throttles++
	// No finer than the store keeps it, and never earlier.
	if until := m.now.Add(wait + time.Microsecond - 1).Truncate(time.Microsecond); until.After(g.NotBefore) {
		g.NotBefore, l.paused = until, until
	}
}

// finish takes the head off with its end. What may be in the channel never
// ends as plainly expired or failed.
func (m *Machine) finish(l *lane, state connector.State, reason connector.Reason, detail string) connector.End {
	item := l.head[0]
	if item.Unclear && (state == connector.StateExpired || state == connector.StateFailed) {
		state = connector.StateUncertain
		detail = "It may be in the channel: an earlier attempt ended without an answer. " + detail
	}
	l.head = l.head[1:]
	l.waiting = max(l.waiting-1, 0)
	l.last, l.touched, l.panics = item.Seq, m.now, 0
	return connector.End{Seq: item.Seq, Message: item.ID, State: state, Reason: reason, Detail: detail, At: m.now}
}

// settle asks to make a step durable; nothing of the lane moves until it is.
func (m *Machine) settle(l *lane, s connector.Settlement) {
	if l.phase == Settling {
		m.do(Violation{twoSettles})
	}
	s.Lane = l.Lane
	s.Group = l.group.Group
	s.Group.Recent = l.group.window.recent()
	m.enter(l, Settling)
	m.do(Settle{s})
}

// settled goes on after a step is on disk.
func (m *Machine) settled(l *lane) {
	if l.phase != Settling {
		m.do(Violation{straySettled})
		return
	}
	switch {
	case l.stale:
		m.enter(l, Waiting)
		m.release(l)
		m.reload(l)
	case l.State != connector.LaneOpen:
		m.enter(l, Held)
		l.head, l.more = nil, true
		m.release(l)
	case len(l.head) == 0 && !l.more:
		m.enter(l, Idle)
		l.waiting = 0
		m.release(l)
	default:
		m.enter(l, Waiting)
		m.release(l)
		m.advance(l)
	}
}
