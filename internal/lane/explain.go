package lane

import (
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// FreeAt returns when the window of a group as it is stored lets one more send
// start: now when it may start at once. What Teams asked the group to wait is
// not looked at.
func FreeAt(now time.Time, g connector.Group) time.Time {
	return newWindow(g.Profile, g.Recent).free(now)
}

// Explain says why a lane is not sending, when its queue is expected to be empty, and when the
// messages at some places of it, counted from 1, are expected to go. It knows nothing of a lane that it never had.
func (m *Machine) Explain(now time.Time, id connector.LaneID, places ...int) connector.Explanation {
	l := m.lanes[id]
	if l == nil {
		return connector.Explanation{}
	}
	e := connector.Explanation{Waiting: l.waiting, Reason: connector.WaitsForNothing, Expected: make([]time.Time, len(places))}
	if l.phase == Idle {
		return e
	}
	if e.Reason, e.Until = m.waitsFor(now, l); !l.known || l.State.Held() {
		e.Cause = l.Cause
		return e
	}
	if l.waiting > 0 {
		e.Empty = m.expect(now, l, l.waiting)
	}
	for i, place := range places {
		e.Expected[i] = m.expect(now, l, place)
	}
	return e
}

// Reckon explains a lane that another process runs, from what is stored of it and of the
// others of its group.
func Reckon(now time.Time, stored []connector.Loaded, id connector.LaneID, places ...int) connector.Explanation {
	m := stand(now, stored)
	e := m.Explain(now, id, places...)
	if e.Reason == connector.WaitsForTurn && len(stored) == 1 {
		e.Reason = connector.WaitsForNothing // as far as is stored, it may go
	}
	return e
}

// Expect is the forecast of a lane that another process runs, from what is stored of it.
func Expect(now time.Time, stored connector.Loaded) connector.Forecast {
	return stand(now, []connector.Loaded{stored}).Forecast(now, stored.Lane.ID)
}

// stand is a machine that knows lanes from what is stored of them.
func stand(now time.Time, stored []connector.Loaded) *Machine {
	m := New(Options{})
	m.now = now
	for _, in := range stored {
		l := m.lane(in.Lane.ID)
		m.learn(l, in)
		switch {
		case l.State.Held():
			l.phase = Held
		case l.waiting > 0:
			l.phase = Waiting
		}
	}
	return m
}

func (m *Machine) waitsFor(now time.Time, l *lane) (connector.WaitReason, time.Time) {
	if !l.known || l.phase == Loading || l.phase == Settling {
		return connector.WaitsForStore, time.Time{}
	}
	free := l.group.window.free(now)
	switch {
	case l.State.Held():
		return connector.WaitsForPeople, time.Time{}
	case l.phase != Waiting:
		return connector.WaitsForNothing, time.Time{}
	case l.group.NotBefore.After(now) && !l.NotBefore.After(l.group.NotBefore):
		return connector.WaitsForPause, l.group.NotBefore
	case l.NotBefore.After(now):
		return connector.WaitsForRetry, l.NotBefore
	case free.After(now) && free != never:
		return connector.WaitsForWindow, free
	}
	if until := m.company(l); l.queued && until.After(now) {
		return connector.WaitsForCompany, until
	}
	return connector.WaitsForTurn, time.Time{}
}

// Late counts the lanes that need longer than connector.Late for what waits in them.
func (m *Machine) Late(now time.Time) (n int) {
	for _, l := range m.sorted() {
		if l.waiting == 0 || l.phase == Idle {
			continue
		}
		if f := m.Forecast(now, l.ID); !f.Held && f.At.Sub(now) > connector.Late {
			n++
		}
	}
	return n
}
