package lane_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/lane"
)

// stream accepts texts at a steady pace and returns the longest that one waited until it was sent.
func (w *world) stream(n int, every time.Duration) (longest time.Duration) {
	accepted := map[string]time.Time{}
	for i := range n {
		w.run(w.now.Add(every))
		w.now = epoch.Add(time.Duration(i) * every)
		name := fmt.Sprint("s", i)
		accepted[name] = w.now
		w.acceptAs(1, day, like(300), name)
	}
	w.run(w.now.Add(time.Hour))
	for i, post := range w.order[1] {
		for name := range strings.SplitSeq(string(post), "+") {
			longest = max(longest, w.starts[1][i].Sub(accepted[name]))
		}
	}
	return longest
}

func TestATextWaitsForOthersNoLongerThanSixteenSeconds(t *testing.T) {
	for name, c := range map[string]struct {
		n     int
		every time.Duration
		posts int // at most
	}{
		"sixteen a second for a minute":         {960, time.Second / 16, 24},
		"two a second for an hour":              {7200, time.Second / 2, 300},
		"one each five seconds for an hour":     {720, 5 * time.Second, 300},
		"one each twelve seconds for two hours": {600, 12 * time.Second, 600},
		"one each half a minute":                {100, 30 * time.Second, 100},
	} {
		t.Run(name, func(t *testing.T) {
			w := combining(24)
			w.silent = true

			longest := w.stream(c.n, c.every)

			if longest > 16*time.Second {
				t.Errorf("a text waited for %v, want at most 16 s", longest)
			}
			if got := len(w.starts[1]); got > c.posts {
				t.Errorf("%d texts took %d posts, want at most %d", c.n, got, c.posts)
			}
			if left := len(w.queue[1]); left > 0 {
				t.Errorf("%d texts still wait", left)
			}
			w.check(t)
		})
	}
}

func TestOnlyATextWithTimeWaitsForOthers(t *testing.T) {
	for name, c := range map[string]struct {
		life   time.Duration
		urgent bool
		waits  bool
	}{
		"a text":                   {day, false, true},
		"a text for half a minute": {30 * time.Second, false, false},
		"an urgent webhook":        {day, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := combining(8)
			w.lanes[1].Settings.Urgent = c.urgent
			w.acceptAs(1, day, like(300), "first")
			w.run(epoch.Add(time.Second))
			w.now = epoch.Add(time.Second)
			w.acceptAs(1, c.life, like(300), "next")
			if c.life < time.Minute {
				w.soon(0, lane.Wake{Lane: 1}) // as the front door does
			}

			w.run(epoch.Add(3 * time.Second))

			if waits := len(w.order[1]) == 1; waits != c.waits {
				t.Errorf("sent within 2 s: %v; waits %v, want %v", w.order[1], waits, c.waits)
			}
			if e := w.machine.Explain(w.now, 1, 1); c.waits && (e.Reason != connector.WaitsForCompany || e.Expected[0] != e.Until || !e.Until.After(w.now)) {
				t.Errorf("explained as %v until %v, expected at %v", e.Reason, e.Until.Sub(epoch), e.Expected[0].Sub(epoch))
			}
			w.run(epoch.Add(20 * time.Second))
			w.wantStates(t, connector.StateSent, "first", "next")
			w.check(t)
		})
	}
}

func TestAFullCardWaitsForNothing(t *testing.T) {
	w := combining(8)
	w.acceptAs(1, day, like(300), "first")
	w.run(epoch.Add(time.Second))
	w.now = epoch.Add(time.Second)
	w.acceptAs(1, day, like(300), named("a", 25)...)
	w.run(epoch.Add(1500 * time.Millisecond))
	w.now = epoch.Add(1500 * time.Millisecond)
	w.acceptAs(1, day, like(300), named("b", 25)...)

	w.run(epoch.Add(1600 * time.Millisecond))

	if got := len(w.order[1]); got != 2 {
		t.Errorf("%d posts after the card was full, want 2", got)
	}
	w.check(t)
}
