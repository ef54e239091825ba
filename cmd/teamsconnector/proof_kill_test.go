package main_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

const (
	killHooks     = 20
	killedWaiting = 200 // messages that must stand on disk at each kill, or it proves nothing
)

// TestKilledTwentyTimesUnderLoadNothingIsLostOrReordered kills the process
// while it accepts and sends, with a backlog standing, and counts at the end
// what the channels show. KILLS sets another number of kills.
func TestKilledTwentyTimesUnderLoadNothingIsLostOrReordered(t *testing.T) {
	kills := 20
	if n, err := strconv.Atoi(os.Getenv("KILLS")); err == nil {
		kills = n
	}
	o := simulator.Options{
		Latency: simulator.Latency{Fixed: 100 * time.Millisecond}, KeepAll: true,
		Limits: simulator.Limits{DoorPerSecond: -1, RunPosts: -1}, Sequence: simulator.ByNumber,
	}
	t.Run("sqlite", func(t *testing.T) { killed(t, install(t, o, killHooks), kills) })
	t.Run("postgres", func(t *testing.T) { killed(t, installOnPostgres(t, o, killHooks), kills) })
}

func killed(t *testing.T, in *installation, kills int) {
	t.Helper()
	in.start()
	load := newLoad(in)
	load.run()
	lowest := -1
	for kill := range kills {
		before := load.acked.Load()
		in.until("the backlog stands and grows", func() bool {
			return load.acked.Load() > before+50 && load.backlog() > 2*killedWaiting
		})
		in.kill()
		waiting := in.rows("SELECT count(*) FROM queue")
		if lowest < 0 || waiting < lowest {
			lowest = waiting
		}
		if waiting < killedWaiting {
			t.Fatalf("kill %d: %d messages waiting, want at least %d: it proves nothing", kill+1, waiting, killedWaiting)
		}
		in.start()
	}
	acked := load.stop()
	in.sim.SetLatency(simulator.Latency{})
	in.until("everything is delivered", func() bool {
		_, metrics := in.get(in.admin + "/metrics")
		return strings.Contains(metrics, "\nteamsconnector_queue_messages 0\n")
	})

	checkKills(t, in.sim.Oracle(), acked, kills)
	checkUsage(t, in)
	t.Logf("proof: kill -9 under load (%s): %d kills, at least %d waiting at each, %d messages acknowledged", in.rowsOf[0], kills, lowest, len(acked))
}

func checkKills(t *testing.T, report simulator.Report, acked []string, kills int) {
	t.Helper()
	posts, lost := map[string]int{}, 0
	twice := map[simulator.FlowID]int{}
	for _, m := range report.Messages {
		posts[m.Text] = m.Posts
		twice[m.Flow] += max(0, m.Posts-1)
	}
	for _, text := range acked {
		if posts[text] == 0 {
			lost++
		}
	}
	if lost > 0 || len(acked) == 0 {
		t.Errorf("%d of %d acknowledged messages are in no channel, want 0", lost, len(acked))
	}
	for _, f := range report.Flows {
		if f.SentInversions > 0 {
			t.Errorf("%s: %d messages out of order, want 0", f.Channel, f.SentInversions)
		}
		if twice[f.ID] > kills {
			t.Errorf("%s: %d duplicates after %d kills, want at most one for each", f.Channel, twice[f.ID], kills)
		}
	}
}

// checkUsage counts the messages that a license sent, and what was counted of them.
func checkUsage(t *testing.T, in *installation) {
	t.Helper()
	for column, states := range map[string]string{"accepted": "1, 2, 3, 4, 5, 6", "sent": "2, 3", "failed": "4", "expired": "5", "uncertain": "6"} {
		rows := in.rows("SELECT count(*) FROM message WHERE subscription IN (SELECT subscription FROM keys) AND state IN (" + states + ")")
		if counted := in.rows("SELECT COALESCE(SUM(" + column + "), 0) FROM usage"); counted != rows {
			t.Errorf("usage counts %d messages %s, and there are %d", counted, column, rows)
		}
	}
}

// load sends to every webhook, one message after the other: the next call
// begins after the last was answered, so that the order is promised.
type load struct {
	in     *installation
	acked  atomic.Int64
	posted atomic.Int64 // as of a moment ago
	ended  chan struct{}
	wg     sync.WaitGroup
	mu     sync.Mutex
	texts  []string
	client *http.Client
}

func newLoad(in *installation) *load {
	return &load{in: in, ended: make(chan struct{}), client: &http.Client{Timeout: 5 * time.Second}}
}

// backlog is about how many acknowledged messages are in no channel yet.
func (l *load) backlog() int64 { return l.acked.Load() - l.posted.Load() }

// watch keeps posted fresh; the oracle is too slow to be asked before each call.
func (l *load) watch() {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-l.ended:
			return
		case <-tick.C:
			l.posted.Store(int64(l.in.sim.Oracle().Total.Posts))
		}
	}
}

func (l *load) run() {
	l.wg.Go(l.watch)
	for i := range l.in.hooks {
		l.wg.Go(func() { l.sender(i) })
	}
}

// stop ends the senders and returns the texts that were acknowledged.
func (l *load) stop() []string {
	close(l.ended)
	l.wg.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.texts
}

func (l *load) sender(i int) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; {
		select {
		case <-l.ended:
			return
		case <-tick.C:
		}
		if l.backlog() > 10*killedWaiting {
			continue // the backlog is long enough
		}
		text := fmt.Sprintf("hook %d message %d", i, n)
		a, err := l.in.send(l.client, l.in.hooks[i].id, text, fmt.Sprintf("%d-%d", i, n), "respond-async")
		if err != nil || a.HTTP != http.StatusAccepted {
			continue // the same again, with the same key
		}
		l.acked.Add(1)
		l.mu.Lock()
		l.texts = append(l.texts, text)
		l.mu.Unlock()
		n++
	}
}

// TestEveryAnswerFollowsASync counts what a kill can't show: that each commit
// was synced to the disk before its answer.
func TestEveryAnswerFollowsASync(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	const messages = 50
	in := install(t, simulator.Options{Limits: simulator.Limits{DoorPerSecond: -1, RunPosts: -1}}, 1)
	counts := t.TempDir() + "/syncs"
	in.start(strace, "-f", "-qq", "-e", "trace=fdatasync,fsync", "-e", "signal=none", "-o", counts)
	syncs := func() int {
		raw, err := os.ReadFile(counts)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(raw), "sync(") // resumed calls say "sync resumed>"
	}
	client := &http.Client{Timeout: 10 * time.Second}
	if _, err := in.sim.Change(in.hooks[0].flow, simulator.TurnOff); err != nil {
		t.Fatal(err)
	}
	if a, err := in.send(client, in.hooks[0].id, "stops the lane", "", ""); err != nil || a.Status != "held" {
		t.Fatalf("status %q, %v; want held, so that no outcome is written beside the accepts", a.Status, err)
	}

	for i := range messages {
		before := syncs()
		a, err := in.send(client, in.hooks[0].id, fmt.Sprintf("text %d", i), "", "respond-async")
		if err != nil || a.Status != "held" {
			t.Fatalf("message %d: HTTP %d, status %q, %v; want held", i, a.HTTP, a.Status, err)
		}
		if syncs() <= before {
			t.Fatalf("message %d was answered without a sync before it", i)
		}
	}
	t.Logf("proof: sync before each answer: %d answers, %d syncs", messages, syncs())
}
