package store_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// The test binary starts itself as a second process with one of these.
var (
	killDir = flag.String("kill", "", "data folder or database: accept and settle in it until killed")
	fullDir = flag.String("full", "", "data folder on a small disk: fill it")
)

// rejoin opens the house of another process.
func rejoin(t testing.TB, place string) *house {
	t.Helper()
	h := &house{t: t, ring: newRing(t)}
	h.options = store.Options{Dir: place, Ring: h.ring}
	if strings.Contains(place, "://") {
		h.options = store.Options{Database: connector.NewSecret(place), Ring: h.ring}
	}
	h.start()
	t.Cleanup(func() { _ = h.Close() })
	h.license = h.licenseOf("tck_first")
	subs, err := h.Subscriptions(t.Context(), h.license.Organization)
	if err != nil {
		t.Fatal(err)
	}
	h.subscription = subs[0]
	return h
}

// killedLanes are how many lanes the child fills; it empties the first half of them.
const killedLanes = 4

// TestMain leaves out what only a child of another test does, unless this is one.
func TestMain(m *testing.M) {
	flag.Parse()
	if *killDir == "" && *fullDir == "" {
		if err := flag.Set("test.skip", "^(TestKilled|TestFilled)$"); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

// TestKilled is what the child does: each line says what it was promised.
func TestKilled(t *testing.T) {
	h := rejoin(t, *killDir)
	webhooks, err := h.Webhooks(t.Context(), h.subscription.ID)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf(format+"\n", args...)
	}
	for _, w := range webhooks[:killedLanes/2] {
		go func() {
			for {
				l := h.load(w.Lane)
				if len(l.Head) > 0 {
					h.settle(h.attempted(l, connector.VerdictSent, h.endOf(l.Head[0], connector.StateSent)))
					say("settled %s 0", l.Head[0].ID)
				}
			}
		}()
	}
	go func() { _ = h.Run(t.Context()) }()
	crowd(16, 1_000_000, func(i int) {
		r := h.requestTo(webhooks[i%killedLanes].ID, text(i))
		a := h.accept(r)
		say("accepted %s %d", r.Message.ID, a.Lane)
	})
}

func TestAnsweredSurvivesKill(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a process several times")
	}
	promise(t, func(t *testing.T, h *house) {
		place := h.options.Dir + h.options.Database.Reveal() // one of them is empty
		h.webhooks(killedLanes)
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		promised := map[string]bool{}

		for round := range 5 {
			answers := killAfter(t, place, 400+150*round)

			after := rejoin(t, place)
			for _, line := range answers {
				promised[line] = true
			}
			after.checkPromised(promised)
			if waiting := after.count(`SELECT COUNT(*) FROM queue`); waiting < 100 {
				t.Errorf("only %d messages waited when it was killed: the test shows less than it should", waiting)
			}
			if err := after.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// killAfter runs the child until it gave so many answers, kills it, and returns them.
func killAfter(t *testing.T, place string, n int) (answers []string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilled$", "-kill="+place)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if line := lines.Text(); strings.HasPrefix(line, "accepted ") || strings.HasPrefix(line, "settled ") {
			answers = append(answers, line)
		} else {
			t.Errorf("the child says %q", line)
		}
		if len(answers) == n {
			_ = child.Process.Kill() // SIGKILL; what it had said by then still comes through the pipe
		}
	}
	_ = child.Wait() // killed, as it should be
	if len(answers) < n {
		t.Fatalf("the child ended after %d answers", len(answers))
	}
	// The last line may have been cut off.
	return answers[:len(answers)-1]
}

func (h *house) checkPromised(promised map[string]bool) {
	h.t.Helper()
	for line := range promised {
		var kind string
		var id connector.MessageID
		var lane connector.LaneID
		if _, err := fmt.Sscan(line, &kind, &id, &lane); err != nil {
			h.t.Fatalf("%q: %v", line, err)
		}
		m, err := h.Message(h.t.Context(), h.license.SubscriptionRow, id)
		if err != nil {
			h.t.Errorf("%s: %v", line, err)
			continue
		}
		if kind == "settled" && m.State != connector.StateSent || kind == "accepted" && m.Lane != lane {
			h.t.Errorf("%s, but it is %v in lane %d", line, m.State, m.Lane)
		}
	}
	usage := h.total()
	rows, sent := h.count(`SELECT COUNT(*) FROM message`), h.count(`SELECT COUNT(*) FROM message WHERE state = 2`)
	waiting, queued := h.count(`SELECT COUNT(*) FROM message WHERE state = 1`), h.count(`SELECT COUNT(*) FROM queue`)
	quota, attempts := h.count(`SELECT SUM(messages) FROM quota`), h.count(`SELECT COUNT(*) FROM attempt`)
	if usage.Accepted != rows || quota != rows || usage.Sent != sent || attempts != sent || waiting != queued {
		h.t.Errorf("usage %+v, quota %d, %d attempts do not add up with %d rows, %d of them sent, %d waiting, %d in the queue",
			usage, quota, attempts, rows, sent, waiting, queued)
	}
	if h.onPostgres() {
		return
	}
	if broken := h.count(`SELECT COUNT(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'`); broken != 0 {
		h.t.Errorf("the database has %d faults", broken)
	}
}

// TestFilled is what the child does on its small disk.
func TestFilled(t *testing.T) {
	h := build(t, store.Options{Dir: filepath.Join(*fullDir, "data")})
	ballast := filepath.Join(*fullDir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	var accepted []connector.MessageID
	fill := func() error {
		for range 2000 {
			r := h.request(strings.Repeat("x", 20_000))
			if _, err := h.Accept(t.Context(), r); err != nil {
				return err
			}
			accepted = append(accepted, r.Message.ID)
		}
		return nil
	}

	if err := fill(); codeOf(err) != connector.NotAccepted {
		t.Fatalf("on the full disk: %v, want %s", err, connector.NotAccepted)
	}
	if err := h.Ready(t.Context()); err == nil {
		t.Error("ready with the disk full")
	}
	for _, id := range accepted {
		if m := h.message(id); m.State != connector.StateAccepted {
			t.Errorf("%s is %v", id, m.State)
		}
	}
	if n := h.count(`SELECT COUNT(*) FROM queue`); n != len(accepted) {
		t.Errorf("%d wait, %d were accepted", n, len(accepted))
	}

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	h.readyAgain()
	before := len(accepted)
	if err := fill(); codeOf(err) != connector.NotAccepted || len(accepted) == before {
		t.Errorf("with room for more: %d accepted, then %v", len(accepted)-before, err)
	}
	if h.Err() != nil {
		t.Errorf("Err: %v, want none", h.Err())
	}
}

// readyAgain waits until the store says that it is ready.
func (h *house) readyAgain() {
	h.t.Helper()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	late := time.After(10 * time.Second)
	for h.Ready(h.t.Context()) != nil {
		select {
		case <-look.C:
		case <-late:
			h.t.Fatalf("not ready although there is room: %v", h.Ready(h.t.Context()))
		}
	}
}

func TestFullDiskLosesNothing(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	script := `mount -t tmpfs -o size=10m tmpfs "$1" && exec "$0" -test.run='^TestFilled$' -full="$1"`
	child := exec.CommandContext(ctx, "unshare", "-rm", "sh", "-c", script, os.Args[0], t.TempDir())
	var out bytes.Buffer
	child.Stdout, child.Stderr = &out, &out

	err := child.Run()

	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || strings.Contains(out.String(), "unshare:") || strings.Contains(out.String(), "mount:")) {
		t.Skipf("no small disk can be made here: %v %s", err, out.String())
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}
