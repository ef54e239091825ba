package main_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

// TestDatabaseCrashedUnderLoadNothingIsLostOrReordered ends the server of the
// database at once while the service accepts and sends, and starts it again.
func TestDatabaseCrashedUnderLoadNothingIsLostOrReordered(t *testing.T) {
	const crashes = 3
	in := installOnPostgres(t, simulator.Options{
		Latency: simulator.Latency{Fixed: 100 * time.Millisecond}, KeepAll: true,
		Limits: simulator.Limits{DoorPerSecond: -1, RunPosts: -1}, Sequence: simulator.ByNumber,
	}, killHooks)
	in.start()
	load := newLoad(in)
	load.run()
	ready := func() bool {
		code, _ := in.get(in.admin + "/readyz")
		return code == http.StatusOK
	}
	slowest := time.Duration(0)
	for range crashes {
		before := load.acked.Load()
		in.until("the backlog stands and grows", func() bool {
			return load.acked.Load() > before+50 && load.backlog() > killedWaiting
		})
		in.server.Crash()
		in.until("it says that it is not ready", func() bool { return !ready() })
		a, err := in.send(http.DefaultClient, in.hooks[0].id, "refused, for the database is away", "", "respond-async")
		if err != nil || a.HTTP != http.StatusServiceUnavailable || !strings.Contains(a.Problem, `"not_accepted"`) {
			t.Errorf("without a database: %d %s %v, want 503 not_accepted", a.HTTP, a.Problem, err)
		}
		if err := in.server.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		back, acked := time.Now(), load.acked.Load()
		in.until("it accepts again", func() bool { return load.acked.Load() > acked && ready() })
		slowest = max(slowest, time.Since(back))
	}
	if slowest > 3*time.Second {
		t.Errorf("it accepted again only %v after the database was back, want within 3 s", slowest)
	}
	acked := load.stop()
	in.sim.SetLatency(simulator.Latency{})
	in.until("everything is delivered", func() bool {
		_, metrics := in.get(in.admin + "/metrics")
		return strings.Contains(metrics, "\nteamsconnector_queue_messages 0\n")
	})

	checkKills(t, in.sim.Oracle(), acked, crashes)
	t.Logf("proof: PostgreSQL crashed under load: %d times, %d messages acknowledged, accepting again within %v of its return", crashes, len(acked), slowest.Round(time.Millisecond))
}

// executed counts the statements in a server's log: executing one by the
// extended protocol, or all that one text of the simple one holds.
var executed = regexp.MustCompile(`duration: [0-9.]+ ms  (execute|statement)`)

func TestIdleServiceAsksItsDatabaseLittle(t *testing.T) {
	in := installOnPostgres(t, simulator.Options{}, 3, "log_min_duration_statement=0", "log_min_messages=log")
	in.start()
	for _, h := range in.hooks {
		if _, err := in.send(http.DefaultClient, h.id, "before the rest", "", ""); err != nil {
			t.Fatal(err)
		}
	}
	statements := func() int {
		text, err := in.server.Log()
		if err != nil {
			t.Fatal(err)
		}
		return len(executed.FindAllString(text, -1))
	}
	<-time.After(2 * time.Second) // what is left to do is done

	const seconds = 20 // so that what comes every 15 seconds counts with its weight
	before := statements()
	for range seconds {
		<-time.After(time.Second)
		in.get(in.admin + "/readyz") // as whoever runs it asks
	}

	n := statements() - before
	if n > 5*seconds || n == 0 {
		t.Errorf("%d statements in %d idle seconds, want at most 5 a second, and some", n, seconds)
	}
	t.Logf("proof: idle on PostgreSQL: %.1f statements a second", float64(n)/seconds)
}
