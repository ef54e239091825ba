package lane_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// TestTenThousandThatNeverAnswerDelayNobody has 100 webhooks that answer beside 10,000 that hang, all new to the machine.
func TestTenThousandThatNeverAnswerDelayNobody(t *testing.T) {
	const live, hanging = 100, 10_000
	w := newWorld(nil)
	w.silent = true
	w.answer = func(p connector.Parcel) connector.Outcome {
		if p.Message[0] == 'h' {
			o := outcome(connector.VerdictUncertain, connector.ReasonTimeout)
			o.Took = 10 * time.Second
			return o
		}
		o := outcome(connector.VerdictSent, connector.ReasonAccepted)
		o.Took = 100 * time.Millisecond
		return o
	}
	for i := range live + hanging {
		w.open(connector.LaneID(i+1), connector.ProfileNone)
	}
	accepted := map[string]time.Time{}
	second := func(n int) {
		for i := range live {
			name := fmt.Sprintf("l%d-%d", i, n)
			accepted[name] = w.now
			w.accept(connector.LaneID(i+1), day, name)
		}
	}
	for n := range 3 { // they have answered before
		second(n)
		w.run(w.now.Add(time.Second))
	}
	for i := range hanging {
		w.accept(connector.LaneID(live+i+1), day, fmt.Sprintf("h%d-0", i), fmt.Sprintf("h%d-1", i))
	}
	for n := range 120 {
		w.run(w.now.Add(time.Second))
		second(3 + n)
	}
	w.run(w.now.Add(time.Second))

	longest, sends := time.Duration(0), 0
	for id := range connector.LaneID(live) {
		for i, m := range w.order[id+1] {
			longest = max(longest, w.starts[id+1][i].Sub(accepted[string(m)]))
			sends++
		}
	}
	t.Logf("proof: beside %d webhooks that never answer, each of %d messages of %d others is sent within %v", hanging, sends, live, longest)
	if longest > time.Second || sends != 123*live {
		t.Errorf("%d of %d messages to webhooks that answer were sent, the slowest after %v; want all, within a second", sends, 123*live, longest)
	}
	w.check(t)
}
