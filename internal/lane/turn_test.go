package lane_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/lane"
)

// shared opens lanes 1 to n in one group.
func shared(answer teams, n int, p connector.Profile) *world {
	w := newWorld(answer)
	for id := range n {
		w.open(connector.LaneID(id+1), p)
		w.lanes[connector.LaneID(id+1)].Group = 1
	}
	return w
}

func named(prefix string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("%s%d", prefix, i))
	}
	return all
}

// starts collects the starts of all lanes, in order.
func (w *world) allStarts() (all []time.Time) {
	for _, s := range w.starts {
		all = append(all, s...)
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}

// most returns how many of the times fall into one span at most.
func most(times []time.Time, span time.Duration) (n int) {
	for i := range times {
		j := i
		for j < len(times) && times[j].Sub(times[i]) < span {
			j++
		}
		n = max(n, j-i)
	}
	return n
}

func (w *world) check(t *testing.T) {
	t.Helper()
	if len(w.bad) > 0 {
		t.Errorf("invariants violated: %v", w.bad)
	}
}

func TestLanesOfOneFlowOwnerShareItsWindowInTurn(t *testing.T) {
	w := shared(script(nil), 3, connector.ProfileFlowBot)
	for id := range 3 {
		w.accept(connector.LaneID(id+1), day, named(fmt.Sprintf("l%d-", id), 40)...)
	}

	w.run(epoch.Add(time.Hour))

	if got := most(w.allStarts(), 300*time.Second); got > 24 {
		t.Errorf("%d posts within 300 s, want 24", got)
	}
	for id := range 3 {
		if got := len(w.starts[connector.LaneID(id+1)]); got != 40 {
			t.Errorf("lane %d made %d attempts, want 40", id+1, got)
		}
		first := 0
		for _, at := range w.starts[connector.LaneID(id+1)] {
			if at.Sub(epoch) < time.Minute {
				first++
			}
		}
		if first != 8 {
			t.Errorf("lane %d has %d of the first 24 places, want 8", id+1, first)
		}
	}
	w.check(t)
}

func TestOneLaneThrottledPausesItsGroupOnly(t *testing.T) {
	w := shared(script(map[string][]connector.Outcome{"a": {after(throttled, 600*time.Second), sent}}), 2, connector.ProfileFlowBot)
	w.open(3, connector.ProfileFlowBot)
	w.accept(1, day, "a")
	w.run(epoch.Add(time.Second))

	w.accept(2, day, "b")
	w.accept(3, day, "c")
	w.run(epoch.Add(time.Hour))

	if at := w.starts[2][0].Sub(epoch); at < 600*time.Second {
		t.Errorf("the other lane of the group sent after %v, want at least 600 s", at)
	}
	if at := w.starts[3][0].Sub(epoch); at != time.Second {
		t.Errorf("the lane of another group sent after %v, want 1 s", at)
	}
	w.check(t)
}

func TestUrgentLanesGoFirst(t *testing.T) {
	w := shared(script(nil), 2, connector.ProfileFlowBot)
	w.lanes[2].Settings.Urgent = true
	w.accept(1, day, named("a", 60)...)
	w.run(epoch.Add(10 * time.Second))

	w.accept(2, day, named("b", 10)...)
	w.run(epoch.Add(400 * time.Second))

	// 24 places were used up in the first seconds; of those that come free next, the urgent lane gets all it wants.
	if got := len(w.starts[2]); got != 10 {
		t.Errorf("the urgent lane made %d attempts, want all 10", got)
	}
	if got := len(w.starts[1]); got > 24+14+1 {
		t.Errorf("the other lane made %d attempts beside it, want the rest of the places", got)
	}
	w.check(t)
}

func TestAFailingLaneGetsAtMostOnePlaceInTen(t *testing.T) {
	w := shared(func(id connector.MessageID, _ int, _ time.Time) connector.Outcome {
		if id[0] == 'x' {
			return retry
		}
		return sent
	}, 12, connector.ProfileFlowBot)
	for id := connector.LaneID(1); id <= 11; id++ {
		w.accept(id, 10*day, "x"+fmt.Sprint(id))
	}
	w.run(epoch.Add(2 * time.Hour))
	before := len(w.allStarts()) - len(w.starts[12])

	w.accept(12, 10*day, named("a", 240)...)
	w.run(epoch.Add(4 * time.Hour))

	failing := len(w.allStarts()) - len(w.starts[12]) - before
	if got := len(w.starts[12]); got != 240 {
		t.Errorf("the lane in good standing sent %d of 240", got)
	}
	if failing == 0 || failing > 2*24 {
		t.Errorf("failing lanes made %d attempts in two hours, want some, and at most two in 305 s", failing)
	}
	w.check(t)
}

func TestALaneThatMovesIsNeverPacedLooserThanEitherGroup(t *testing.T) {
	for _, crash := range []bool{false, true} {
		w := newWorld(script(nil))
		w.open(1, connector.ProfileFlowBot)
		w.open(2, connector.ProfileFlowBot)
		w.accept(1, day, named("a", 60)...)
		w.accept(2, day, named("b", 16)...)
		w.run(epoch.Add(5*time.Second + took/2)) // a send of each is under way

		w.move(1, 2)
		if crash {
			w.run(epoch.Add(5*time.Second + took))
			w.restart()
		}
		w.accept(2, day, named("c", 40)...)
		w.run(epoch.Add(3 * time.Hour))

		moved := w.starts[1]
		if got := most(moved, 300*time.Second); got > 24 {
			t.Errorf("crash %v: the moved lane sent %d in 300 s, want 24", crash, got)
		}
		late := 0
		for _, s := range w.allStarts() {
			if at := s.Sub(epoch); at > 6*time.Second && at < 300*time.Second {
				late++
			}
		}
		if late > 0 {
			t.Errorf("crash %v: %d sends in a window that both lanes had used up together", crash, late)
		}
		if n := len(w.queue[1]) + len(w.queue[2]); n > 0 {
			t.Errorf("crash %v: %d messages still wait", crash, n)
		}
		w.check(t)
	}
}

func TestALaneMovedOutOfAPausedGroupStaysPaused(t *testing.T) {
	w := newWorld(script(map[string][]connector.Outcome{"a": {after(throttled, 600*time.Second), sent}}))
	w.open(1, connector.ProfileFlowBot)
	w.open(2, connector.ProfileFlowBot)
	w.accept(1, day, "a")
	w.run(epoch.Add(time.Second))

	w.move(1, 2)
	w.run(epoch.Add(time.Hour))

	if at := w.starts[1][1].Sub(epoch); at < 600*time.Second {
		t.Errorf("it was tried again after %v, want at least 600 s", at)
	}
	if w.machine.PhaseOf(1) != lane.Idle {
		t.Errorf("the lane is %v", w.machine.PhaseOf(1))
	}
	w.check(t)
}

func TestAShorterPauseOutlivesTheLongerOneOfAURLThatWasReplaced(t *testing.T) {
	m := lane.New(lane.Options{})
	group := connector.Group{ID: 1, Profile: connector.ProfileNone, Version: 1}
	load := func(id connector.LaneID, version int64, at time.Time) bool {
		item := connector.Item{Seq: connector.Seq(id), ID: connector.MessageID(fmt.Sprint(id)), ExpiresAt: epoch.Add(day)}
		effects := m.Step(at, lane.Loaded{Loaded: connector.Loaded{
			Lane: connector.Lane{ID: id, Group: 1, State: connector.LaneOpen, URLVersion: version}, Group: group, Head: []connector.Item{item}, Waiting: 1,
		}})
		return slices.ContainsFunc(effects, func(f lane.Effect) bool { _, sends := f.(lane.Send); return sends })
	}
	throttle := func(id connector.LaneID, wait time.Duration) {
		m.Step(epoch, lane.Delivered{Lane: id, Outcome: after(throttled, wait)})
		m.Step(epoch, lane.Settled{Lane: id})
	}
	for id := range connector.LaneID(2) {
		m.Step(epoch, lane.Wake{Lane: id + 1, N: 1})
		if !load(id+1, 1, epoch) {
			t.Fatalf("lane %d does not send", id+1)
		}
	}
	m.Step(epoch, lane.Wake{Lane: 1}) // its URL is replaced
	throttle(1, time.Hour)            // the store keeps nothing of it
	throttle(2, time.Minute)          // not on disk yet as lane 1 is read
	if load(1, 2, epoch) || len(m.Step(epoch.Add(time.Minute-time.Second), lane.Tick{})) > 0 {
		t.Error("lane 1 sends within the minute that Teams asked of lane 2")
	}
	m.Step(epoch.Add(time.Minute), lane.Tick{})
	if !load(1, 2, epoch.Add(time.Minute)) {
		t.Error("lane 1 waits longer than the minute that Teams asked of lane 2")
	}
}
