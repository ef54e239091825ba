package lane_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/lane"
)

const (
	day  = 24 * time.Hour
	took = 200 * time.Millisecond
)

func outcome(v connector.Verdict, r connector.Reason) connector.Outcome {
	return connector.Outcome{Verdict: v, Reason: r, Detail: string(r) + ".", Took: took}
}

var (
	sent      = outcome(connector.VerdictSent, connector.ReasonAccepted)
	posted    = outcome(connector.VerdictPosted, connector.ReasonAccepted)
	broken    = outcome(connector.VerdictUncertain, connector.ReasonBroken)
	throttled = outcome(connector.VerdictThrottled, connector.ReasonThrottled)
	retry     = outcome(connector.VerdictRetry, connector.ReasonConnect)
	refused   = outcome(connector.VerdictRefused, connector.ReasonBadRequest)
	schema    = outcome(connector.VerdictRefused, connector.ReasonSchema)
	gone      = outcome(connector.VerdictGone, connector.ReasonDisabled)
	internal  = outcome(connector.VerdictUncertain, connector.ReasonInternal)
)

func after(o connector.Outcome, d time.Duration) connector.Outcome {
	o.RetryAfter = d
	return o
}

// script answers the attempts at each message in turn; the last answer repeats.
func script(by map[string][]connector.Outcome) teams {
	return func(id connector.MessageID, n int, _ time.Time) connector.Outcome {
		list := by[string(id)]
		if len(list) == 0 {
			return sent
		}
		return list[min(n, len(list))-1]
	}
}

// scenario is one row of the table: what is sent, what Teams answers, what comes of it.
type scenario struct {
	profile connector.Profile // default none
	life    time.Duration     // default a day
	send    []string
	answers map[string][]connector.Outcome
	act     func(w *world)    // beside it; ends with a run if it needs one
	until   time.Duration     // default an hour
	ends    map[string]string // message: state/reason
	order   string            // attempts, in order
	phase   lane.Phase
	at      []time.Duration // starts of attempts, from the epoch, checked where given
}

func scenarios() map[string]scenario {
	return map[string]scenario{
		"texts go in the order of acceptance": {
			send: []string{"a", "b", "c", "d", "e", "f"}, order: "a b c d e f", phase: lane.Idle,
			ends: map[string]string{"a": "sent/accepted", "f": "sent/accepted"},
			at:   []time.Duration{0, took, 2 * took, 3 * took, 4 * took, 5 * took},
		},
		"a confirmed post ends posted": {
			send: []string{"a"}, answers: map[string][]connector.Outcome{"a": {posted}}, order: "a", phase: lane.Idle,
			ends: map[string]string{"a": "posted/accepted"},
		},
		"a transient failure is tried again and the followers wait behind it": {
			send: []string{"a", "b"}, answers: map[string][]connector.Outcome{"a": {retry, retry, sent}},
			order: "a a a b", phase: lane.Idle, ends: map[string]string{"a": "sent/accepted", "b": "sent/accepted"},
		},
		"a refused message ends and the lane goes on": {
			send: []string{"a", "b"}, answers: map[string][]connector.Outcome{"a": {refused}},
			order: "a b", phase: lane.Idle, ends: map[string]string{"a": "failed/bad_request", "b": "sent/accepted"},
		},
		"a gone webhook stops its lane at once and keeps the messages": {
			send: []string{"a", "b"}, answers: map[string][]connector.Outcome{"a": {gone}},
			order: "a", phase: lane.Held, ends: map[string]string{"a": "accepted/", "b": "accepted/"},
		},
		"a stopped lane goes on where it was when its URL is replaced": {
			send: []string{"a", "b"}, answers: map[string][]connector.Outcome{"a": {gone, sent}}, until: 2 * day,
			act: func(w *world) {
				w.run(epoch.Add(30 * time.Hour))
				w.lanes[1].URLVersion++
				w.set(1, connector.LaneOpen, "")
			},
			order: "a a b", phase: lane.Idle, ends: map[string]string{"a": "sent/accepted", "b": "sent/accepted"},
		},
		"gone for an older URL stops nothing": {
			send: []string{"a", "b"}, answers: map[string][]connector.Outcome{"a": {gone, sent}},
			act: func(w *world) {
				w.run(epoch.Add(took / 2))
				w.lanes[1].URLVersion++
				w.set(1, connector.LaneOpen, "")
			},
			order: "a a b", phase: lane.Idle, ends: map[string]string{"a": "sent/accepted", "b": "sent/accepted"},
		},
		"throttled for an older URL pauses nothing": {
			send: []string{"a", "b"}, answers: map[string][]connector.Outcome{"a": {after(throttled, 600*time.Second), sent}},
			act: func(w *world) {
				w.run(epoch.Add(took / 2))
				w.lanes[1].URLVersion++
				w.set(1, connector.LaneOpen, "")
			},
			order: "a a b", phase: lane.Idle, ends: map[string]string{"a": "sent/accepted", "b": "sent/accepted"},
			at: []time.Duration{0, took, 2 * took},
		},
		"a URL replaced after it was throttled leaves the group's pause": {
			send: []string{"a"}, answers: map[string][]connector.Outcome{"a": {after(throttled, 600*time.Second), sent}},
			act: func(w *world) {
				w.run(epoch.Add(time.Minute))
				w.lanes[1].URLVersion++
				w.set(1, connector.LaneOpen, "")
			},
			order: "a a", phase: lane.Idle, ends: map[string]string{"a": "sent/accepted"},
			at: []time.Duration{0, 600*time.Second + took},
		},
		"Retry-After is obeyed to the second": {
			send: []string{"a", "b"}, answers: map[string][]connector.Outcome{"a": {after(throttled, 600*time.Second), sent}},
			order: "a a b", phase: lane.Idle, ends: map[string]string{"b": "sent/accepted"},
			at: []time.Duration{0, 600*time.Second + took, 600*time.Second + 2*took},
		},
		"a 503 with Retry-After pauses the group as well": {
			send: []string{"a"}, answers: map[string][]connector.Outcome{"a": {after(broken, 600*time.Second), sent}},
			order: "a a", phase: lane.Idle, ends: map[string]string{"a": "sent/accepted"},
			at: []time.Duration{0, 600*time.Second + took},
		},
		"Retry-After survives a restart": {
			send: []string{"a"}, answers: map[string][]connector.Outcome{"a": {after(throttled, 600*time.Second), sent}},
			act:   func(w *world) { w.run(epoch.Add(time.Minute)); w.restart() },
			order: "a a", phase: lane.Idle, ends: map[string]string{"a": "sent/accepted"},
			at: []time.Duration{0, 600*time.Second + took},
		},
		"a Retry-After of a week is cut to a day": {
			send: []string{"a"}, answers: map[string][]connector.Outcome{"a": {after(throttled, 7*day), sent}}, life: 3 * day, until: 2 * day,
			order: "a a", phase: lane.Idle, ends: map[string]string{"a": "sent/accepted"},
			at: []time.Duration{0, day + took},
		},
		"a life that ends while the group waits ends expired": {
			send: []string{"a"}, answers: map[string][]connector.Outcome{"a": {after(throttled, 600*time.Second)}}, life: 5 * time.Minute,
			order: "a", phase: lane.Idle, ends: map[string]string{"a": "expired/expired"},
		},
		"a shorter life behind a long wait ends in its time": {
			send: []string{"a"}, answers: map[string][]connector.Outcome{"a": {after(throttled, 3000*time.Second), sent}}, until: 20 * time.Minute,
			act:   func(w *world) { w.accept(1, time.Minute, "b"); w.accept(1, day, "c") },
			order: "a", phase: lane.Waiting, ends: map[string]string{"a": "accepted/", "b": "expired/expired", "c": "accepted/"},
		},
		"what may be in the channel never ends as plainly expired": {
			send: []string{"a"}, answers: map[string][]connector.Outcome{"a": {broken, retry}}, life: time.Minute,
			order: "a a a a a a", phase: lane.Idle, ends: map[string]string{"a": "uncertain/expired"},
		},
		"what may be in the channel never ends as plainly failed": {
			send: []string{"a"}, answers: map[string][]connector.Outcome{"a": {broken, refused}},
			order: "a a", phase: lane.Idle, ends: map[string]string{"a": "uncertain/bad_request"},
		},
		"an unclear attempt is repeated and ends sent": {
			send: []string{"a", "b"}, answers: map[string][]connector.Outcome{"a": {broken, sent}},
			order: "a a b", phase: lane.Idle, ends: map[string]string{"a": "sent/accepted", "b": "sent/accepted"},
		},
		"an unclear attempt is remembered over a restart": {
			send: []string{"a"}, answers: map[string][]connector.Outcome{"a": {broken, refused}},
			act:   func(w *world) { w.run(epoch.Add(took)); w.restart() },
			order: "a a", phase: lane.Idle, ends: map[string]string{"a": "uncertain/bad_request"},
		},
		"three shapes refused in a row mean that the flow is another one": {
			send: []string{"a", "b", "c", "d"}, answers: map[string][]connector.Outcome{"a": {schema}, "b": {schema}, "c": {schema}, "d": {schema}},
			order: "a b c", phase: lane.Held,
			ends: map[string]string{"a": "failed/schema_mismatch", "b": "failed/schema_mismatch", "c": "accepted/", "d": "accepted/"},
		},
		"shapes refused with an accepted one between stop nothing": {
			send: []string{"a", "b", "c", "d"}, answers: map[string][]connector.Outcome{"a": {schema}, "b": {schema}, "d": {schema}},
			order: "a b c d", phase: lane.Idle,
			ends: map[string]string{"c": "sent/accepted", "d": "failed/schema_mismatch"},
		},
		"a message that breaks us twice ends": {
			send: []string{"a", "b"}, answers: map[string][]connector.Outcome{"a": {internal}},
			order: "a a b", phase: lane.Idle, ends: map[string]string{"a": "uncertain/internal", "b": "sent/accepted"},
		},
		"a sweep beside a slow commit touches nothing under way": {
			send: []string{"a", "b"}, answers: map[string][]connector.Outcome{"a": {retry, sent}}, life: 30 * time.Second,
			act: func(w *world) {
				lags := []time.Duration{0, 100 * time.Second} // of the fetch, of the commit; all others at once
				w.lag = func() time.Duration {
					if len(lags) == 0 {
						return 0
					}
					d := lags[0]
					lags = lags[1:]
					return d
				}
			},
			order: "a", phase: lane.Idle, ends: map[string]string{"a": "expired/expired", "b": "expired/expired"},
		},
		"a test whose time comes with a sweep goes first": {
			send: []string{"a"}, answers: map[string][]connector.Outcome{"a": {after(throttled, time.Minute-took), sent}},
			act: func(w *world) {
				w.run(epoch.Add(time.Second))
				w.acceptAs(1, day, test(), "T")
			},
			order: "a T a", phase: lane.Idle, ends: map[string]string{"T": "sent/accepted", "a": "sent/accepted"},
			at: []time.Duration{0, time.Minute},
		},
		"a test that waits for a sweep goes after it": {
			send: []string{"a"}, answers: map[string][]connector.Outcome{"a": {after(throttled, 90*time.Second), sent}},
			act: func(w *world) {
				w.run(epoch.Add(time.Second))
				w.acceptAs(1, day, test(), "T")
				w.run(epoch.Add(59 * time.Second))
				w.lag = func() time.Duration { return time.Minute }
				w.run(epoch.Add(119 * time.Second))
				w.lag = func() time.Duration { return 0 }
			},
			order: "a T a", phase: lane.Idle, ends: map[string]string{"T": "sent/accepted", "a": "sent/accepted"},
		},
		"a message that can't be opened ends and the lane goes on": {
			send: []string{"a", "b"}, order: "b", phase: lane.Idle,
			act:  func(w *world) { w.queue[1][0].Broken = "It can't be opened." },
			ends: map[string]string{"a": "failed/internal", "b": "sent/accepted"},
		},
		"a paused lane holds, and the clock of its messages stands still": {
			send: []string{"a"}, answers: map[string][]connector.Outcome{"a": {retry, sent}}, until: 4 * day,
			act: func(w *world) {
				w.run(epoch.Add(took))
				w.set(1, connector.LanePaused, "Paused by Mira.")
				w.run(epoch.Add(3 * day))
				w.set(1, connector.LaneOpen, "")
			},
			order: "a a", phase: lane.Idle, ends: map[string]string{"a": "sent/accepted"},
		},
		"a lane that is paused while it sends holds after that": {
			send: []string{"a", "b"}, until: day,
			act:   func(w *world) { w.run(epoch.Add(took / 2)); w.set(1, connector.LanePaused, "") },
			order: "a", phase: lane.Held, ends: map[string]string{"a": "sent/accepted", "b": "accepted/"},
		},
		"fourteen days held are the most": {
			send: []string{"a"}, answers: map[string][]connector.Outcome{"a": {gone}}, until: 15 * day,
			order: "a", phase: lane.Held, ends: map[string]string{"a": "expired/expired"},
		},
		"a deleted webhook ends what waits": {
			send: []string{"a", "b"}, answers: map[string][]connector.Outcome{"a": {retry}},
			act:   func(w *world) { w.run(epoch.Add(took)); w.set(1, connector.LaneRetired, "") },
			order: "a", phase: lane.Idle, ends: map[string]string{"a": "failed/webhook_deleted", "b": "failed/webhook_deleted"},
		},
		"a webhook deleted while it sends lets a late sent win": {
			send:  []string{"a", "b"},
			act:   func(w *world) { w.run(epoch.Add(took / 2)); w.set(1, connector.LaneRetired, "") },
			order: "a", phase: lane.Idle, ends: map[string]string{"a": "sent/accepted", "b": "failed/webhook_deleted"},
		},
		"no more than three in a second, and twenty-four in 305": {
			profile: connector.ProfileFlowBot, send: many(30), order: strings.Join(many(30), " "), phase: lane.Idle,
			ends: map[string]string{"m29": "sent/accepted"},
		},
	}
}

func many(n int) []string {
	var s []string
	for i := range n {
		s = append(s, fmt.Sprintf("m%d", i))
	}
	return s
}

func TestScenariosEndAsTheTableSays(t *testing.T) {
	for name, s := range scenarios() {
		t.Run(name, func(t *testing.T) {
			w := play(s)

			checkScenario(t, s, w)
		})
	}
}

func play(s scenario) *world {
	w := newWorld(script(s.answers))
	return playIn(w, s)
}

func playIn(w *world, s scenario) *world {
	profile, life, until := s.profile, s.life, s.until
	if profile == 0 {
		profile = connector.ProfileNone
	}
	if life == 0 {
		life = day
	}
	if until == 0 {
		until = time.Hour
	}
	w.open(1, profile)
	w.accept(1, life, s.send...)
	if s.act != nil {
		s.act(w)
	}
	w.run(epoch.Add(until))
	return w
}

func checkScenario(t *testing.T, s scenario, w *world) {
	t.Helper()
	for id, want := range s.ends {
		got := w.state[connector.MessageID(id)].String() + "/" + string(w.ended[connector.MessageID(id)].Reason)
		if got != want {
			t.Errorf("message %s ended %s, want %s", id, got, want)
		}
	}
	var order []string
	for _, id := range w.order[1] {
		order = append(order, string(id))
	}
	if got := strings.Join(order, " "); got != s.order {
		t.Errorf("attempts: %s, want %s", got, s.order)
	}
	if got := w.machine.PhaseOf(1); got != s.phase {
		t.Errorf("the lane is %v, want %v", got, s.phase)
	}
	for i, want := range s.at {
		if i >= len(w.starts[1]) || w.starts[1][i].Sub(epoch) != want {
			t.Errorf("attempts began at %v, want number %d at %v", since(w.starts[1]), i+1, want)
			break
		}
	}
	if len(w.bad) > 0 {
		t.Errorf("invariants violated: %v", w.bad)
	}
	if t.Failed() {
		t.Log(strings.Join(w.trace, "\n"))
	}
}

func since(times []time.Time) []time.Duration {
	var d []time.Duration
	for _, at := range times {
		d = append(d, at.Sub(epoch))
	}
	return d
}

func TestAFlowBotNeverExceedsItsWindowAcrossRestarts(t *testing.T) {
	w := newWorld(script(nil))
	w.open(1, connector.ProfileFlowBot)
	w.accept(1, 3*day, many(200)...)
	for at := time.Minute; at < 2*time.Hour; at += 7 * time.Minute {
		w.run(epoch.Add(at))
		w.restart()
	}
	w.run(epoch.Add(2 * day))

	starts := w.starts[1]
	if len(starts) < 200 {
		t.Fatalf("%d attempts, want at least 200", len(starts))
	}
	for i := range starts {
		if i >= 24 && starts[i].Sub(starts[i-24]) < 300*time.Second {
			t.Errorf("25 posts within %v, from attempt %d on", starts[i].Sub(starts[i-24]), i-24)
		}
		if i >= 3 && starts[i].Sub(starts[i-3]) < time.Second {
			t.Errorf("4 posts within %v, from attempt %d on", starts[i].Sub(starts[i-3]), i-3)
		}
	}
	if len(w.bad) > 0 {
		t.Errorf("invariants violated: %v", w.bad)
	}
}

func TestWaitsBetweenAttemptsDoubleUpToFiveMinutes(t *testing.T) {
	w := newWorld(script(map[string][]connector.Outcome{"a": {retry}}))
	w.open(1, connector.ProfileNone)
	w.accept(1, day, "a")
	w.run(epoch.Add(time.Hour))

	starts := w.starts[1]
	for i := range len(starts) - 1 {
		base := min(2*time.Second<<min(i, 20), 5*time.Minute)
		wait := starts[i+1].Sub(starts[i]) - took
		if wait < base/2 || wait > base {
			t.Errorf("wait %d is %v, want between %v and %v", i+1, wait, base/2, base)
		}
	}
	if len(starts) < 15 {
		t.Errorf("%d attempts in an hour, want at least 15", len(starts))
	}
}

func TestThrottledWithoutRetryAfterWaitsFifteenSecondsDoubling(t *testing.T) {
	w := newWorld(script(map[string][]connector.Outcome{"a": {throttled}}))
	w.open(1, connector.ProfileNone)
	w.accept(1, day, "a")
	w.run(epoch.Add(time.Hour))

	starts := w.starts[1]
	for i := range len(starts) - 1 {
		base := min(15*time.Second<<min(i, 20), 5*time.Minute)
		wait := starts[i+1].Sub(starts[i]) - took
		if wait < base/2 || wait > base {
			t.Errorf("pause %d is %v, want between %v and %v", i+1, wait, base/2, base)
		}
	}
}

func TestAHangingLaneTakesNoPlaceOfTheOthers(t *testing.T) {
	hang := outcome(connector.VerdictUncertain, connector.ReasonTimeout)
	hang.Took = 30 * time.Second
	w := newWorld(func(id connector.MessageID, _ int, _ time.Time) connector.Outcome {
		if strings.HasPrefix(string(id), "dead") {
			return hang
		}
		return sent
	})
	w.machine = lane.New(lane.Options{Sends: 20, SlowSends: 4})
	for id := connector.LaneID(1); id <= 60; id++ {
		w.open(id, connector.ProfileNone)
		if id <= 15 {
			w.accept(id, day, fmt.Sprintf("dead%d", id))
		}
	}
	w.run(epoch.Add(10 * time.Minute))
	for id := connector.LaneID(16); id <= 60; id++ {
		w.accept(id, day, fmt.Sprintf("live%d", id))
	}
	w.run(epoch.Add(10*time.Minute + 10*took))

	late := 0
	for id := connector.LaneID(16); id <= 60; id++ {
		if w.state[connector.MessageID(fmt.Sprintf("live%d", id))] != connector.StateSent {
			late++
		}
	}
	if late > 0 {
		t.Errorf("%d of 45 live messages not sent after ten times a send, want 0", late)
	}
}

func TestNeverMoreSendsAtOnceThanTheCaps(t *testing.T) {
	flying, most := 0, 0
	w := newWorld(func(connector.MessageID, int, time.Time) connector.Outcome {
		flying++
		most = max(most, flying)
		return sent
	})
	w.seen = func(b lane.Phase, _ lane.Event, a lane.Phase, _ []lane.Effect) {
		if b == lane.Sending && a != lane.Sending {
			flying--
		}
	}
	w.machine = lane.New(lane.Options{Sends: 5})
	for id := connector.LaneID(1); id <= 40; id++ {
		w.open(id, connector.ProfileNone)
		w.accept(id, day, fmt.Sprintf("a%d", id), fmt.Sprintf("b%d", id))
	}
	w.run(epoch.Add(time.Hour))
	for id := connector.LaneID(1); id <= 60; id++ { // twenty of them are new
		if id > 40 {
			w.open(id, connector.ProfileNone)
		}
		w.accept(id, day, fmt.Sprintf("c%d", id))
	}
	w.run(epoch.Add(2 * time.Hour))

	if most != 5 {
		t.Errorf("%d sends at once, want 5", most)
	}
	for id, s := range w.state {
		if s != connector.StateSent {
			t.Errorf("message %s is %v, want sent", id, s)
		}
	}
}

func TestDrainStartsNothingNew(t *testing.T) {
	w := newWorld(script(nil))
	w.open(1, connector.ProfileNone)
	w.accept(1, day, many(10)...)
	w.run(epoch.Add(took / 2))
	w.step(lane.Drain{})
	w.run(epoch.Add(time.Hour))

	if got := len(w.starts[1]); got != 1 {
		t.Errorf("%d attempts, want 1: the one under way", got)
	}
	if got := w.state["m0"]; got != connector.StateSent {
		t.Errorf("the message under way is %v, want sent", got)
	}
	if got := w.machine.Busy(); got != 0 {
		t.Errorf("%d lanes busy, want 0", got)
	}
}

func TestAnUnreadableStoreIsAskedAgain(t *testing.T) {
	w := newWorld(script(nil))
	w.open(1, connector.ProfileNone)
	w.accept(1, day, "a")
	w.step(lane.Wake{Lane: 1, N: 0})
	w.pending = nil // the store's answer is lost
	w.step(lane.LoadFailed{Lane: 1})
	w.run(epoch.Add(time.Hour))

	if got := w.state["a"]; got != connector.StateSent {
		t.Errorf("the message is %v, want sent", got)
	}
}

func TestARunReplaysBitForBit(t *testing.T) {
	answers := map[string][]connector.Outcome{"m1": {retry, sent}, "m3": {throttled, broken, sent}, "m5": {refused}}
	run := func() []string {
		w := newWorld(script(answers))
		for id := connector.LaneID(1); id <= 5; id++ {
			w.open(id, connector.ProfileFlowBot)
			w.accept(id, day, many(30)...)
		}
		w.run(epoch.Add(day))
		return w.trace
	}

	first, second := run(), run()

	if !slices.Equal(first, second) {
		t.Error("two runs from one seed differ")
	}
}

func TestADayOfAWebhooksLifeIsSimulated(t *testing.T) {
	if got := len(aDay().starts[1]); got != 24*60 {
		t.Errorf("%d attempts, want %d", got, 24*60)
	}
}

// BenchmarkADay is a day of one webhook's life, a message a minute: it is to
// take less than 100 ms.
func BenchmarkADay(b *testing.B) {
	for b.Loop() {
		aDay()
	}
}

func aDay() *world {
	w := newWorld(script(nil))
	w.silent = true
	w.open(1, connector.ProfileFlowBot)
	for i := range 24 * 60 {
		w.now = epoch.Add(time.Duration(i) * time.Minute)
		w.accept(1, day, fmt.Sprintf("m%d", i))
		w.run(w.now.Add(time.Minute))
	}
	return w
}
