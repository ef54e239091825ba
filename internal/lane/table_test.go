package lane_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/lane"
)

// TestTheTableOfMessageLifeIsWhatTheMachineDoes plays every scenario and many
// random lives, notes each step of a lane, and compares the steps with the
// table in docs/message-life.md: none may be missing there, none too many. No
// life may break an invariant.
func TestTheTableOfMessageLifeIsWhatTheMachineDoes(t *testing.T) {
	want := tableRows(t)

	got := map[string]bool{}
	note := func(b lane.Phase, e lane.Event, a lane.Phase, effects []lane.Effect) {
		got[row(b, e, a, effects)] = true
	}
	for _, s := range scenarios() {
		w := newWorld(script(s.answers))
		w.seen = note
		playIn(w, s)
	}
	for seed := range uint64(250) {
		checkLife(t, seed, randomLife(seed, note))
	}

	for r := range got {
		if !want[r] {
			t.Errorf("the machine does what the table does not say: %s", r)
		}
	}
	for r := range want {
		if !got[r] {
			t.Errorf("the table says what the machine never did: %s", r)
		}
	}
}

// randomLife plays an hour of three lanes with all that may happen to them.
func randomLife(seed uint64, note func(lane.Phase, lane.Event, lane.Phase, []lane.Effect)) *world {
	r := rand.New(rand.NewPCG(seed, 7))
	hang := outcome(connector.VerdictUncertain, connector.ReasonTimeout)
	hang.Took = 30 * time.Second
	all := []connector.Outcome{
		hang, sent, sent, sent, posted, broken, throttled, after(throttled, time.Minute), retry, refused, schema, gone, internal,
	}
	w := newWorld(func(connector.MessageID, int, time.Time) connector.Outcome { return all[r.IntN(len(all))] })
	w.options = lane.Options{Sends: 1 + r.IntN(3), SlowSends: 1, Loads: 1 + r.IntN(2)}
	w.machine = lane.New(w.options)
	w.seen, w.silent = note, true
	w.lag = func() time.Duration { return []time.Duration{0, 0, time.Millisecond, took, 3 * took}[r.IntN(5)] }
	w.lost = func() bool { return r.IntN(12) == 0 }
	profiles := []connector.Profile{connector.ProfileFlowBot, connector.ProfileNone, connector.ProfileLogicApp}
	for id := range 3 {
		w.open(connector.LaneID(id+1), profiles[r.IntN(len(profiles))])
		l := w.lanes[connector.LaneID(id+1)]
		l.Group = connector.GroupID(1 + r.IntN(3))
		l.Settings = connector.Settings{Combine: r.IntN(2) == 0, Urgent: r.IntN(3) == 0, OnUnclear: connector.OnUnclear(1 + r.IntN(2))}
	}
	for g := range 3 {
		w.groups[connector.GroupID(g+1)] = &connector.Group{ID: connector.GroupID(g + 1), Profile: profiles[r.IntN(len(profiles))]}
	}
	for i := range 60 {
		id := connector.LaneID(1 + r.IntN(3))
		lives := []time.Duration{time.Second, time.Minute, time.Hour, day}
		switch n := r.IntN(20); {
		case n < 6:
			w.accept(id, lives[r.IntN(len(lives))], many(1+r.IntN(7))...)
		case n < 10:
			w.acceptAs(id, lives[r.IntN(len(lives))], like(1+r.IntN(9000)), many(1+r.IntN(40))...)
		case n == 10:
			long := like(1)
			long.Parts = 2 + r.IntN(4)
			w.acceptAs(id, lives[r.IntN(len(lives))], long, "long")
		case n == 11:
			w.acceptAs(id, lives[r.IntN(len(lives))], test(), "test")
		case n < 14:
			w.set(id, connector.LanePaused, "Paused.")
		case n < 17:
			w.lanes[id].URLVersion++
			w.set(id, connector.LaneOpen, "")
		case n == 17 && i > 40:
			w.set(id, connector.LaneRetired, "")
		case n == 18:
			w.restart()
		case n == 19:
			w.move(id, connector.GroupID(1+r.IntN(3)))
		}
		steps := []time.Duration{0, took / 2, took, time.Second, time.Minute, 3 * time.Hour}
		w.run(w.now.Add(steps[r.IntN(len(steps))]))
	}
	w.run(w.now.Add(16 * day))
	return w
}

// checkLife fails where a life broke an invariant or left a message behind.
func checkLife(t *testing.T, seed uint64, w *world) {
	t.Helper()
	if len(w.bad) > 0 {
		t.Errorf("seed %d: %v", seed, w.bad)
	}
	for id, l := range w.lanes {
		if n := len(w.queue[id]); n > 0 && l.State != connector.LanePaused {
			t.Errorf("seed %d: %d messages still wait in lane %d (%v) after 16 days", seed, n, id, l.State)
		}
	}
}

func row(b lane.Phase, e lane.Event, a lane.Phase, effects []lane.Effect) string {
	var did []string
	for _, f := range effects {
		name := strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", f), "lane."))
		did = append(did, name)
	}
	if len(did) == 0 {
		did = []string{"-"}
	}
	return fmt.Sprintf("%v | %s | %s | %v", b, label(e), strings.Join(did, ", "), a)
}

func label(e lane.Event) string {
	switch e := e.(type) {
	case nil:
		return "turn"
	case lane.Wake:
		if e.N == 0 {
			return "changed"
		}
		return "accepted"
	case lane.LoadFailed:
		return "load failed"
	case lane.Delivered:
		return e.Outcome.Verdict.String()
	}
	return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", e), "lane."))
}

// tableRows reads the rows of the table: the first four columns; several
// events in one cell are written with commas.
func tableRows(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "message-life.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "<!-- table -->")
	if !ok {
		t.Fatal("docs/message-life.md has no <!-- table --> mark")
	}
	table, _, _ = strings.Cut(table, "<!-- end -->")
	rows := map[string]bool{}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) < 4 || strings.HasPrefix(cells[0], "-") || strings.TrimSpace(cells[0]) == "phase" {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		for e := range strings.SplitSeq(cells[1], ",") {
			r := strings.Join([]string{cells[0], strings.TrimSpace(e), cells[2], cells[3]}, " | ")
			if rows[r] {
				t.Errorf("the table says twice: %s", r)
			}
			rows[r] = true
		}
	}
	if len(rows) == 0 {
		t.Fatal("docs/message-life.md has an empty table")
	}
	return rows
}

func TestEachInvariantStandsInTheDocument(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "message-life.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "## What must always be true")
	for _, name := range lane.Invariants() {
		if !strings.Contains(list, name) {
			t.Errorf("docs/message-life.md does not name the invariant %s", name)
		}
	}
}
