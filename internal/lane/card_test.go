package lane_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/lane"
)

// like returns a text of a weight that may share a card.
func like(weight int) connector.Item {
	return connector.Item{Weight: weight, Parts: 1, Parcel: connector.Parcel{Content: connector.Content{Kind: connector.KindText}}}
}

// combining opens lane 1 with combining on, its window used up but for some places.
func combining(places int) *world {
	w := newWorld(script(nil))
	w.open(1, connector.ProfileFlowBot)
	w.lanes[1].Settings.Combine = true
	for range 24 - places {
		w.groups[1].Recent = append(w.groups[1].Recent, epoch.Add(-time.Minute))
	}
	return w
}

func (w *world) sequence(id connector.LaneID) string {
	var all []string
	for _, m := range w.order[id] {
		all = append(all, string(m))
	}
	return strings.Join(all, " ")
}

func (w *world) wantStates(t *testing.T, want connector.State, names ...string) {
	t.Helper()
	for _, n := range names {
		if got := w.state[connector.MessageID(n)]; got != want {
			t.Errorf("message %s is %v, want %v", n, got, want)
		}
	}
}

func TestABurstIsCombinedAtOnceWhereTheWindowIsShort(t *testing.T) {
	w := combining(24)
	w.acceptAs(1, day, like(100), named("m", 200)...)

	w.run(epoch.Add(time.Minute))

	if got := len(w.starts[1]); got > 5 {
		t.Errorf("200 texts took %d posts, want at most 5", got)
	}
	w.wantStates(t, connector.StateSent, named("m", 200)...)
	for _, p := range w.parcels {
		if len(p.Card) > 50 {
			t.Errorf("a card of %d texts, want at most 50", len(p.Card))
		}
	}
	w.check(t)
}

func TestWithPlacesEnoughEachTextGoesAlone(t *testing.T) {
	w := combining(24)
	w.acceptAs(1, day, like(100), named("m", 3)...) // an eighth of them

	w.run(epoch.Add(time.Minute))

	if got := len(w.starts[1]); got != 3 {
		t.Errorf("3 texts took %d posts, want 3", got)
	}
	w.check(t)
}

func TestACardIsBoundedByWhatTeamsCounts(t *testing.T) {
	w := combining(2)
	w.acceptAs(1, day, like(9000), named("m", 4)...)

	w.run(epoch.Add(10 * time.Minute))

	if got := w.sequence(1); got != "m0+m1 m2+m3" {
		t.Errorf("posts %q, want two cards of two", got)
	}
	w.check(t)
}

func TestACardNeverReachesPastACardOrASplitText(t *testing.T) {
	w := combining(1)
	card, split := like(0), like(100)
	card.Parcel.Content.Kind = connector.KindCard
	split.Parts = 2
	w.acceptAs(1, day, like(100), "a", "b")
	w.acceptAs(1, day, card, "C")
	w.acceptAs(1, day, like(100), "c", "d")
	w.acceptAs(1, day, split, "S")
	w.acceptAs(1, day, like(100), named("e", 40)...)

	w.run(epoch.Add(time.Hour))

	if got := w.sequence(1); !strings.HasPrefix(got, "a+b C c+d S/1 S/2 e0+e1") {
		t.Errorf("posts %q, want runs between what goes alone", got)
	}
	w.check(t)
}

func TestThrottledRetryAndGoneKeepAllAndTheCardMayGrow(t *testing.T) {
	for name, o := range map[string]connector.Outcome{"throttled": after(throttled, time.Minute), "retry": retry, "gone": gone} {
		t.Run(name, func(t *testing.T) {
			w := combining(1)
			first := true
			w.answer = func(connector.Parcel) connector.Outcome {
				if first {
					first = false
					return o
				}
				return sent
			}
			w.acceptAs(1, day, like(100), "a", "b")
			w.run(epoch.Add(time.Second))
			w.wantStates(t, connector.StateAccepted, "a", "b")
			w.acceptAs(1, day, like(100), named("c", 40)...)
			if name == "gone" {
				w.run(epoch.Add(2 * time.Second))
				w.set(1, connector.LaneOpen, "")
			}

			w.run(epoch.Add(time.Hour))

			if got := w.sequence(1); !strings.HasPrefix(got, "a+b a+b+c0+c1") {
				t.Errorf("posts %q, want the card to grow", got)
			}
			if got := w.ended["a"].Seq; got == 0 {
				t.Error("message a has no end")
			}
			w.check(t)
		})
	}
}

func TestAnUnclearCardIsRepeatedWithTheSameMembers(t *testing.T) {
	for _, crash := range []bool{false, true} {
		w := combining(1)
		first := true
		w.answer = func(connector.Parcel) connector.Outcome {
			if first {
				first = false
				return broken
			}
			return sent
		}
		w.acceptAs(1, day, like(100), "a", "b")
		w.run(epoch.Add(time.Second))
		if w.lanes[1].CardLast != 2 || !w.queue[1][1].Unclear {
			t.Fatalf("the lane keeps %d, the second member %+v; want the card remembered", w.lanes[1].CardLast, w.queue[1][1])
		}
		w.acceptAs(1, day, like(100), named("c", 5)...)
		if crash {
			w.restart()
		}

		w.run(epoch.Add(time.Hour))

		if got := w.sequence(1); !strings.HasPrefix(got, "a+b a+b c0") {
			t.Errorf("crash %v: posts %q, want the same two again", crash, got)
		}
		if w.lanes[1].CardLast != 0 {
			t.Errorf("crash %v: the lane still keeps card %d", crash, w.lanes[1].CardLast)
		}
		w.check(t)
	}
}

func TestARefusedCardIsHalvedUntilTheBadOneStandsAlone(t *testing.T) {
	w := combining(24)
	w.answer = func(p connector.Parcel) connector.Outcome {
		for _, c := range p.Card {
			if c.Message == "m5" {
				return refused
			}
		}
		if p.Message == "m5" {
			return refused
		}
		return sent
	}
	w.acceptAs(1, day, like(100), named("m", 40)...)

	w.run(epoch.Add(time.Hour))

	w.wantStates(t, connector.StateFailed, "m5")
	for i := range 40 {
		if i != 5 {
			w.wantStates(t, connector.StateSent, fmt.Sprintf("m%d", i))
		}
	}
	if n := len(w.starts[1]); n > 14 {
		t.Errorf("it took %d posts: %s", n, w.sequence(1))
	}
	w.check(t)
}

func TestAMemberWhoseLifeIsOverIsNotInTheCard(t *testing.T) {
	w := combining(0)
	w.acceptAs(1, day, like(100), "a")
	w.acceptAs(1, time.Minute, like(100), "short")
	w.acceptAs(1, day, like(100), "b")

	w.run(epoch.Add(time.Hour))

	w.wantStates(t, connector.StateExpired, "short")
	w.wantStates(t, connector.StateSent, "a", "b")
	if strings.Contains(w.sequence(1), "short") {
		t.Errorf("posts %q", w.sequence(1))
	}
	w.check(t)
}

func TestAnAttemptOfACardCountsForEachMember(t *testing.T) {
	w := combining(1)
	w.acceptAs(1, day, like(100), "a", "b", "c")
	var got connector.Settlement
	w.seen = func(_ lane.Phase, _ lane.Event, _ lane.Phase, effects []lane.Effect) {
		for _, f := range effects {
			if s, ok := f.(lane.Settle); ok && s.Attempt != nil {
				got = s.Settlement
			}
		}
	}

	w.run(epoch.Add(time.Minute))

	if got.Attempt.Card != 3 || len(got.Card) != 2 || got.Card[1].Message != "c" || got.Card[1].N != 1 || len(got.Ends) != 3 {
		t.Errorf("the settlement is %+v of %+v", got, got.Attempt)
	}
}

func TestPartsGoInTurnAndSurviveARestart(t *testing.T) {
	w := newWorld(script(nil))
	w.open(1, connector.ProfileNone)
	long := like(100)
	long.Parts = 3
	w.acceptAs(1, day, long, "L")
	w.accept(1, day, "z")
	w.run(epoch.Add(took + took/2)) // the second part is under way

	w.restart()
	w.run(epoch.Add(time.Minute))

	if got := w.sequence(1); got != "L/1 L/2 L/2 L/3 z" {
		t.Errorf("posts %q", got)
	}
	w.wantStates(t, connector.StateSent, "L", "z")
	w.check(t)
}

func TestAStartedMessageIgnoresItsLifeAndARefusedPartSaysHowFarItCame(t *testing.T) {
	w := newWorld(script(nil))
	w.open(1, connector.ProfileNone)
	long, calls := like(100), 0
	long.Parts = 3
	w.answer = func(connector.Parcel) connector.Outcome {
		calls++
		switch {
		case calls == 1:
			return sent
		case calls < 6:
			return retry
		}
		return refused
	}
	w.acceptAs(1, 5*time.Second, long, "L")

	w.run(epoch.Add(time.Hour))

	w.wantStates(t, connector.StateFailed, "L")
	if got := w.ended["L"]; !strings.HasPrefix(got.Detail, "1 of 3 parts are in the channel.") || got.Reason != connector.ReasonBadRequest {
		t.Errorf("it ended %+v", got)
	}
	w.check(t)
}

func TestAskEndsAnUnclearMessageAtOnceAndTheLaneGoesOn(t *testing.T) {
	w := newWorld(script(map[string][]connector.Outcome{"a": {broken}}))
	w.open(1, connector.ProfileNone)
	w.lanes[1].Settings.OnUnclear = connector.UnclearAsk
	w.accept(1, day, "a", "b")

	w.run(epoch.Add(time.Minute))

	w.wantStates(t, connector.StateUncertain, "a")
	w.wantStates(t, connector.StateSent, "b")
	if got := w.sequence(1); got != "a b" || w.lanes[1].Inflight != 0 {
		t.Errorf("attempts %q, %d still marked as under way", got, w.lanes[1].Inflight)
	}
	w.check(t)
}

func TestAskMarksBeforeItSendsSoThatACrashHidesNothing(t *testing.T) {
	w := combining(1)
	w.lanes[1].Settings.OnUnclear = connector.UnclearAsk
	w.acceptAs(1, day, like(100), named("m", 8)...)
	w.run(epoch.Add(took / 2)) // a card of eight is under way
	if w.lanes[1].Inflight != 8 {
		t.Fatalf("%d is marked as under way, want 8", w.lanes[1].Inflight)
	}
	w.acceptAs(1, day, like(100), "later")

	w.restart()
	w.run(epoch.Add(time.Hour))

	w.wantStates(t, connector.StateUncertain, named("m", 8)...)
	w.wantStates(t, connector.StateSent, "later")
	if got := w.sequence(1); got != "m0+m1+m2+m3+m4+m5+m6+m7 later" {
		t.Errorf("posts %q, want nothing twice", got)
	}
	w.check(t)
}

func TestAskTakesTheMarkBackWhereSomethingCameBetween(t *testing.T) {
	w := newWorld(script(nil))
	w.open(1, connector.ProfileNone)
	w.lanes[1].Settings.OnUnclear = connector.UnclearAsk
	w.lag = func() time.Duration { return time.Second }
	w.accept(1, day, "a")
	w.run(epoch.Add(1500 * time.Millisecond)) // the mark is being written

	w.set(1, connector.LanePaused, "Paused.")
	w.run(epoch.Add(time.Minute))

	if len(w.order[1]) > 0 || w.lanes[1].Inflight != 0 || w.machine.PhaseOf(1) != lane.Held {
		t.Errorf("attempts %q, mark %d, the lane %v; want it held with nothing sent", w.sequence(1), w.lanes[1].Inflight, w.machine.PhaseOf(1))
	}
	w.check(t)
}

func test() connector.Item { i := like(0); i.Test = true; return i }

func TestATestGoesBeforeTheHeadAndReopensAStoppedLane(t *testing.T) {
	w := newWorld(script(map[string][]connector.Outcome{"a": {gone, sent}}))
	w.open(1, connector.ProfileFlowBot)
	w.accept(1, day, "a", "b")
	w.run(epoch.Add(time.Minute))

	w.acceptAs(1, day, test(), "T")
	w.run(epoch.Add(2 * time.Minute))

	if got := w.sequence(1); got != "a T a b" {
		t.Errorf("attempts %q, want the test first and then all that was held", got)
	}
	w.wantStates(t, connector.StateSent, "T", "a", "b")
	w.check(t)
}

func TestATestThatFailsLeavesTheLaneStopped(t *testing.T) {
	for name, o := range map[string]connector.Outcome{"gone": gone, "retry": retry, "refused": refused} {
		w := newWorld(script(map[string][]connector.Outcome{"a": {gone}, "T": {o}}))
		w.open(1, connector.ProfileFlowBot)
		w.accept(1, day, "a")
		w.run(epoch.Add(time.Minute))

		w.acceptAs(1, day, test(), "T")
		w.run(epoch.Add(10 * time.Minute))

		w.wantStates(t, connector.StateFailed, "T")
		w.wantStates(t, connector.StateAccepted, "a")
		if got := w.sequence(1); got != "a T" || w.machine.PhaseOf(1) != lane.Held {
			t.Errorf("%s: attempts %q, the lane is %v", name, got, w.machine.PhaseOf(1))
		}
		w.check(t)
	}
}

func TestATestWaitsForTheGroupsPauseButNotForTheLanesOwnWait(t *testing.T) {
	w := newWorld(script(map[string][]connector.Outcome{"a": {retry, retry, retry, retry, after(throttled, time.Hour), sent}}))
	w.open(1, connector.ProfileFlowBot)
	w.accept(1, day, "a")
	w.run(epoch.Add(10 * time.Second)) // the third wait is under way

	w.acceptAs(1, day, test(), "T1")
	w.run(epoch.Add(11 * time.Second))
	w.wantStates(t, connector.StateSent, "T1")
	w.run(epoch.Add(2 * time.Minute))
	w.acceptAs(1, day, test(), "T2")
	w.run(epoch.Add(3 * time.Minute))

	w.wantStates(t, connector.StateAccepted, "T2")
	w.run(epoch.Add(2 * time.Hour))
	w.wantStates(t, connector.StateSent, "T2", "a")
	w.check(t)
}

func TestAPausedLaneSendsNoTest(t *testing.T) {
	w := newWorld(script(nil))
	w.open(1, connector.ProfileNone)
	w.set(1, connector.LanePaused, "Paused.")
	w.acceptAs(1, day, test(), "T")

	w.run(epoch.Add(time.Hour))

	w.wantStates(t, connector.StateAccepted, "T")
	w.check(t)
}

func TestATestWhoseLifeEndsInLineIsNotSent(t *testing.T) {
	w := combining(0)
	w.acceptAs(1, time.Minute, test(), "T")

	w.run(epoch.Add(time.Hour))

	w.wantStates(t, connector.StateExpired, "T")
	if len(w.order[1]) > 0 {
		t.Errorf("attempts %q, want none", w.sequence(1))
	}
	w.check(t)
}

func TestTheForecastOfABurstReckonsWithCardsAndTheGroup(t *testing.T) {
	w := combining(4)
	w.acceptAs(1, day, like(100), named("m", 200)...)
	w.run(epoch)

	f := w.machine.Forecast(epoch, 1)
	w.run(epoch.Add(time.Hour))

	last := w.starts[1][len(w.starts[1])-1]
	if off := f.At.Sub(last); off < -2*time.Second || off > 2*time.Second {
		t.Errorf("expected at %v, the last went at %v", f.At.Sub(epoch), last.Sub(epoch))
	}

	w = shared(script(nil), 2, connector.ProfileFlowBot)
	w.accept(1, day, named("a", 40)...)
	w.accept(2, day, named("b", 40)...)
	w.run(epoch)
	f = w.machine.Forecast(epoch, 1)
	w.run(epoch.Add(time.Hour))
	last = w.starts[1][39]
	if off := f.At.Sub(last); off < -5*time.Second || off > 5*time.Second {
		t.Errorf("beside another lane: expected at %v, the last went at %v", f.At.Sub(epoch), last.Sub(epoch))
	}
}

func TestTheMachineSaysWhyALaneIsNotSending(t *testing.T) {
	w := newWorld(script(map[string][]connector.Outcome{"a": {after(throttled, time.Hour)}, "b": {retry}, "c": {gone}}))
	for id, p := range []connector.Profile{connector.ProfileNone, connector.ProfileNone, connector.ProfileNone, connector.ProfileFlowBot, connector.ProfileNone} {
		w.open(connector.LaneID(id+1), p)
	}
	w.accept(1, day, "a")
	w.accept(2, day, "b")
	w.accept(3, day, "c")
	w.accept(4, day, named("m", 30)...)
	w.set(5, connector.LanePaused, "Paused by Mira.")
	w.run(epoch.Add(30*time.Second + time.Millisecond))

	for id, want := range map[connector.LaneID]connector.WaitReason{
		1: connector.WaitsForPause, 2: connector.WaitsForRetry, 3: connector.WaitsForPeople, 4: connector.WaitsForWindow, 5: connector.WaitsForPeople, 6: 0,
	} {
		if got := w.machine.Explain(w.now, id); got.Reason != want {
			t.Errorf("lane %d waits for %v, want %v", id, got.Reason, want)
		}
	}
}

func TestEachPlaceOfAQueueHasATimeOfItsOwn(t *testing.T) {
	w := newWorld(script(nil))
	w.open(1, connector.ProfileFlowBot)
	w.accept(1, day, named("m", 60)...)
	w.run(epoch.Add(30 * time.Second))

	e := w.machine.Explain(w.now, 1, 10, 36)
	w.run(epoch.Add(time.Hour))

	for i, at := range []time.Time{w.starts[1][24+9], w.starts[1][59]} {
		if off := e.Expected[i].Sub(at); off < -5*time.Second || off > 5*time.Second {
			t.Errorf("place %d: expected at %v, it went at %v", i, e.Expected[i].Sub(epoch), at.Sub(epoch))
		}
	}
	if !e.Empty.Equal(e.Expected[1]) || e.Waiting != 36 {
		t.Errorf("%d wait, empty at %v; want 36, and the time of the last, %v", e.Waiting, e.Empty.Sub(epoch), e.Expected[1].Sub(epoch))
	}
}

func TestWhatIsStoredIsExplainedAsTheEngineWould(t *testing.T) {
	w := shared(script(nil), 2, connector.ProfileFlowBot)
	w.accept(1, day, named("a", 40)...)
	w.accept(2, day, named("b", 40)...)
	w.run(epoch.Add(20 * time.Second))
	want := w.machine.Explain(w.now, 1, 5)

	var stored []connector.Loaded
	for _, id := range []connector.LaneID{1, 2} {
		stored = append(stored, w.load(connector.FetchRequest{Lane: id, Count: true}))
	}
	got := lane.Reckon(w.now, stored, 1, 5)

	if got.Reason != connector.WaitsForWindow || got.Reason != want.Reason || got.Waiting != want.Waiting {
		t.Errorf("%+v, want %+v", got, want)
	}
	if off := got.Empty.Sub(want.Empty); off < -time.Second || off > time.Second {
		t.Errorf("empty at %v, want %v", got.Empty.Sub(epoch), want.Empty.Sub(epoch))
	}
	if off := got.Expected[0].Sub(want.Expected[0]); off < -time.Second || off > time.Second {
		t.Errorf("the fifth at %v, want %v", got.Expected[0].Sub(epoch), want.Expected[0].Sub(epoch))
	}
}

func TestWhatPeopleEndIsCountedNoLonger(t *testing.T) {
	w := newWorld(script(nil))
	w.open(1, connector.ProfileFlowBot)
	w.accept(1, day, named("m", 60)...)
	w.run(epoch.Add(30 * time.Second))
	w.queue[1] = w.queue[1][:6]
	w.soon(0, lane.Wake{Lane: 1})
	w.run(epoch.Add(40 * time.Second))

	if e := w.machine.Explain(w.now, 1); e.Waiting != 6 {
		t.Errorf("%d wait, want 6", e.Waiting)
	}
}
