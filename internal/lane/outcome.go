package lane

import (
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// delivered decides what an outcome means for the messages, their lane and its group.
func (m *Machine) delivered(l *lane, e Delivered) {
	if l.phase != Sending || len(l.going()) == 0 {
		m.do(Violation{strayOutcome})
		return
	}
	o := e.Outcome
	s := m.made(l, o)
	l.token = false
	l.group.window.land(m.now)
	l.landed = m.now
	l.took = (3*l.took + o.Took) / 4
	l.TimedOut = o.Reason == connector.ReasonTimeout
	l.paused, l.before = never, l.group.NotBefore
	if l.Inflight != 0 {
		l.Inflight, s.Marks = 0, true
	}

	switch o.Verdict {
	case connector.VerdictSent:
		m.sent(l, &s, connector.StateSent)
	case connector.VerdictPosted:
		m.sent(l, &s, connector.StatePosted)
	case connector.VerdictRefused:
		m.refused(l, &s)
	case connector.VerdictGone:
		s.Stop = l.State == connector.LaneOpen
		if l.testing {
			s.Ends = m.finish(l, connector.StateFailed, o.Reason, o.Detail)
		}
	case connector.VerdictThrottled:
		m.pause(l, e)
	case connector.VerdictRetry:
		s.Ends = m.failed(l, e)
	case connector.VerdictUncertain:
		s.Ends = m.unclear(l, e)
	default:
		m.do(Violation{strayVerdict})
		s.Ends = m.unclear(l, e)
	}
	if s.Stop {
		l.State, l.Cause, l.HeldSince = connector.LaneStopped, o.Detail, m.now
	}
	m.settle(l, s)
	m.pump(l.group)
}

// made is the settlement of an attempt: each message that it carried counts it.
func (m *Machine) made(l *lane, o connector.Outcome) (s connector.Settlement) {
	going := l.going()
	for i := range going {
		item := &going[i]
		item.Attempts++
		if i > 0 {
			s.Card = append(s.Card, connector.Member{Seq: item.Seq, Message: item.ID, N: item.Attempts})
		}
	}
	head := &going[0]
	s.Attempt = &connector.Attempt{Seq: head.Seq, Message: head.ID, N: head.Attempts, At: m.now.Add(-o.Took), Outcome: o, Part: partOf(head)}
	if len(going) > 1 {
		s.Attempt.Card = len(going)
	}
	return s
}

// sent takes what Microsoft accepted off the lane: the webhook works.
func (m *Machine) sent(l *lane, s *connector.Settlement, state connector.State) {
	o := s.Attempt.Outcome
	m.answered(l, o)
	l.CardLast = 0
	if l.State == connector.LaneStopped { // a test found that it works again
		s.Reopen, l.stale = true, true
	}
	if head := &l.going()[0]; head.PartsDone+1 < head.Parts {
		head.PartsDone++
		l.panics = 0
		return
	}
	s.Ends = m.finish(l, state, o.Reason, o.Detail)
}

// answered forgets failures: the webhook answers.
func (m *Machine) answered(l *lane, o connector.Outcome) {
	l.Failures, l.NotBefore = 0, time.Time{}
	l.group.Throttles = 0
	if o.Reason != connector.ReasonSchema {
		l.Mismatches = 0
	}
}

// refused ends a message that will never go, unless it is the flow that is
// wrong. Of a card nobody ends: it is halved until the bad one stands alone.
func (m *Machine) refused(l *lane, s *connector.Settlement) {
	o := s.Attempt.Outcome
	if m.halve(l) {
		return
	}
	if o.Reason == connector.ReasonSchema && !l.testing {
		l.Mismatches++
		if s.Stop = l.Mismatches >= schemaStrikes; s.Stop {
			return
		}
	}
	m.answered(l, o)
	l.most = 0
	s.Ends = m.finish(l, connector.StateFailed, o.Reason, o.Detail)
}

// unclear marks what may be in the channel. It ends where people want to be
// asked, else it is repeated, and a card with the same members.
func (m *Machine) unclear(l *lane, e Delivered) []connector.End {
	going := l.going()
	for i := range going {
		going[i].Unclear = true
	}
	if l.Settings.OnUnclear == connector.UnclearAsk {
		m.backOff(l, e)
		return m.finish(l, connector.StateUncertain, e.Outcome.Reason, "It may be in the channel: "+e.Outcome.Detail)
	}
	if n := len(going); n > 1 {
		l.CardLast = going[n-1].Seq
	}
	return m.failed(l, e)
}

// failed makes the lane wait. A message that broke us twice ends, and so does a
// test of a webhook that was stopped anyway.
func (m *Machine) failed(l *lane, e Delivered) []connector.End {
	o := e.Outcome
	if o.Reason == connector.ReasonInternal {
		l.panics++
	}
	switch broke := l.panics >= panicStrikes; {
	case broke && m.halve(l):
		l.panics = 0
		return nil
	case broke:
		return m.finish(l, connector.StateFailed, o.Reason, o.Detail)
	}
	m.backOff(l, e)
	if l.testing && l.State == connector.LaneStopped {
		return m.finish(l, connector.StateFailed, o.Reason, o.Detail)
	}
	return nil
}

// backOff makes the lane wait, and the group if Teams named a time.
func (m *Machine) backOff(l *lane, e Delivered) {
	if e.Outcome.RetryAfter > 0 {
		m.pause(l, e)
	}
	l.NotBefore = m.now.Add(backoff(l.Failures, firstRetry, longestRetry, e.Rand))
	l.Failures++
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
	until := m.now.Add(wait + time.Microsecond - 1).Truncate(time.Microsecond)
	if until.After(g.NotBefore) {
		g.NotBefore, l.paused = until, until
		return
	}
	for _, o := range g.members { // the longer one falls where its URL was replaced; this one does not
		if o.paused.Equal(g.NotBefore) && until.After(o.before) {
			o.before = until
		}
	}
}

// finish ends what is going and takes it off the lane.
func (m *Machine) finish(l *lane, state connector.State, reason connector.Reason, detail string) []connector.End {
	going := l.going()
	ends := make([]connector.End, len(going))
	for i := range going {
		ends[i] = m.end(&going[i], state, reason, detail)
	}
	if l.testing {
		l.test, l.testing, l.more = nil, false, true // there may be another
	} else {
		l.last = going[len(going)-1].Seq
		l.head, l.members = l.head[len(going):], 0
	}
	l.waiting = max(l.waiting-len(ends), 0)
	l.touched, l.panics = m.now, 0
	return ends
}

// end is how one message ends. What may be in the channel never ends as plainly
// expired or failed.
func (m *Machine) end(item *connector.Item, state connector.State, reason connector.Reason, detail string) connector.End {
	bad := state == connector.StateExpired || state == connector.StateFailed
	if item.Unclear && bad {
		state = connector.StateUncertain
		detail = "It may be in the channel: an earlier attempt ended without an answer. " + detail
	}
	if item.PartsDone > 0 && item.Parts > 1 && state != connector.StateSent && state != connector.StatePosted {
		detail = fmt.Sprintf("%d of %d parts are in the channel. %s", item.PartsDone, item.Parts, detail)
	}
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
	case l.armed:
		m.fire(l)
	case l.stale:
		m.enter(l, Waiting)
		m.release(l)
		m.reload(l)
	case !l.sends():
		m.enter(l, Held)
		l.head, l.more = nil, true
		m.release(l)
	case l.empty():
		m.enter(l, Idle)
		l.waiting = 0
		m.release(l)
	default:
		m.enter(l, Waiting)
		m.release(l)
		m.advance(l)
	}
}
