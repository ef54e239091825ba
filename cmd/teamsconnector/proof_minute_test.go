//go:build minute

package main_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

// TestAThousandTextsInAMinuteOfRealTime is the virtual test's counterpart over real sockets, by the built binary. It
// takes more than a minute, so it is built only with the tag minute.
func TestAThousandTextsInAMinuteOfRealTime(t *testing.T) {
	for name, c := range map[string]struct{ hooks, owners int }{
		"to one channel": {1, 1}, "to ten channels of three people": {10, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			minute(t, name, c.hooks, c.owners)
		})
	}
}

func minute(t *testing.T, name string, hooks, owners int) {
	t.Helper()
	const texts = 1000
	o := microsofts(1)
	in := install(t, o, 0)
	for i := range hooks {
		owner := fmt.Sprintf("person %d", i%owners)
		in.hooks = append(in.hooks, in.addFlow(simulator.Flow{Channel: fmt.Sprintf("hook %d", i), Owner: owner, Serial: true},
			"--profile", "flow-bot", "--flow-owner", owner))
	}
	in.start()
	client := &http.Client{Timeout: 20 * time.Second}
	tick := time.NewTicker(time.Minute / texts)
	defer tick.Stop()
	start, accepted := time.Now(), time.Now()
	for i := range texts {
		if a, err := in.send(client, in.hooks[i%hooks].id, fmt.Sprintf("[nr %04d] the pump runs hot", i/hooks), "", "respond-async"); err != nil || a.HTTP != http.StatusAccepted {
			t.Fatalf("text %d: HTTP %d, %v", i, a.HTTP, err)
		}
		accepted = time.Now()
		<-tick.C
	}
	in.until("all texts stand in their channels", func() bool {
		shown := 0
		for _, h := range in.hooks {
			numbers, _ := channel(in.sim, h)
			shown += len(numbers)
		}
		return shown >= texts
	})

	last := shows(t, in.sim, in.hooks, texts/hooks)
	inTime(t, "in real time, 1,000 texts "+name, last.Sub(start), best(o, (hooks+owners-1)/owners, texts/hooks, accepted.Sub(start)), 1.2)
}
