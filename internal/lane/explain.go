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

// Explain says why a lane is not sending, and when its queue is expected to be empty.
func (m *Machine) Explain(now time.Time, id connector.LaneID) connector.Explanation {
	l := m.lanes[id]
	if l == nil || l.phase == Idle {
		return connector.Explanation{Reason: connector.WaitsForNothing}
	}
	e := connector.Explanation{Waiting: l.waiting}
	if f := m.Forecast(now, id); !f.Held && l.waiting > 0 {
		e.Empty = f.At
	}
	e.Reason, e.Until = m.waitsFor(now, l)
	return e
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
