package main_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

// flowReport is what the oracle knows of a webhook's flow.
func (in *installation) flowReport(h hook) simulator.FlowReport {
	in.t.Helper()
	for _, f := range in.sim.Oracle().Flows {
		if f.ID == h.flow {
			return f
		}
	}
	in.t.Fatalf("the simulator has no flow %s", h.flow)
	return simulator.FlowReport{}
}

// TestTeamsLimitsHoldAcrossAKill kills the process after Teams named a time,
// and after a Flow bot's window was used up: neither is forgotten.
func TestTeamsLimitsHoldAcrossAKill(t *testing.T) {
	in := install(t, simulator.Options{}, 2, "--profile", "flow-bot")
	asked, busy := in.hooks[0], in.hooks[1]
	in.alter(`UPDATE webhook SET combine = 0`) // so that each text takes its place in the window
	in.start()
	client := &http.Client{Timeout: 20 * time.Second}
	if err := in.sim.Inject(simulator.Injection{Fault: simulator.ThrottleLong, Flow: asked.flow}); err != nil {
		t.Fatal(err)
	}
	a, err := in.send(client, asked.id, "asked to wait 600 s", "", "")
	if err != nil || a.Status != "accepted" {
		t.Fatalf("status %q, %v; want accepted", a.Status, err)
	}
	for i := range 30 {
		if _, err := in.send(client, busy.id, fmt.Sprintf("text %d", i), "", "respond-async"); err != nil {
			t.Fatal(err)
		}
	}
	in.until("the window is used up", func() bool { return in.flowReport(busy).Posts == 24 })

	in.kill()
	in.start()
	// A text through a third webhook shows that the new process sends.
	in.hooks = append(in.hooks, in.addHook("a third", "--profile", "none"))
	third := in.hooks[2]
	for i := range 3 { // the door takes four a second
		if a, err := in.send(client, third.id, fmt.Sprintf("after the kill %d", i), "", ""); err != nil || a.Status != "sent" {
			t.Fatalf("status %q, %v; want sent", a.Status, err)
		}
	}

	if f := in.flowReport(asked); f.Requests != 1 || f.Rude != 0 {
		t.Errorf("%d requests, %d of them before the time that Teams named; want 1 and 0", f.Requests, f.Rude)
	}
	if f := in.flowReport(busy); f.Posts != 24 || f.Requests != 24 || f.BurstWindow > 24 {
		t.Errorf("%d posts of %d requests in the window, want 24 of 24", f.Posts, f.Requests)
	}
}

// alter changes a row as only somebody beside the service can.
func (in *installation) alter(statement string) {
	in.t.Helper()
	db, err := sql.Open(in.rowsOf[0], in.rowsOf[1])
	if err != nil {
		in.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(in.t.Context(), statement); err != nil {
		in.t.Fatal(err)
	}
}

// TestABurstSharesCardsAndALongTextIsSplit sends more than a Flow bot's window
// takes: all of it is there at once, each text once, and each message has its own end and log.
func TestABurstSharesCardsAndALongTextIsSplit(t *testing.T) {
	in := install(t, simulator.Options{}, 1, "--profile", "flow-bot")
	hook := in.hooks[0]
	in.start()
	client := &http.Client{Timeout: 20 * time.Second}
	const many = 200

	for i := range many {
		if _, err := in.send(client, hook.id, fmt.Sprintf("<burst %03d>", i), "", "respond-async"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := in.send(client, hook.id, strings.Repeat("long words ", 4000)+"the end.", "", "respond-async"); err != nil {
		t.Fatal(err)
	}
	shown := func() string {
		var all strings.Builder
		for _, m := range in.sim.Oracle().Messages {
			if m.Posts > 0 {
				all.WriteString(strings.Repeat(m.Text+"\n", m.Posts))
			}
		}
		return all.String()
	}
	in.until("the end is there", func() bool { return strings.Contains(shown(), "the end.") })

	text := shown()
	for i := range many {
		if n := strings.Count(text, fmt.Sprintf("<burst %03d>", i)); n != 1 {
			t.Errorf("text %d is there %d times", i, n)
		}
	}
	for k := range 3 {
		if mark := fmt.Sprintf("(%d/3)", k+1); strings.Count(text, mark) != 1 {
			t.Errorf("part %s is there %d times", mark, strings.Count(text, mark))
		}
	}
	if f := in.flowReport(hook); f.Posts > 24 || f.FailedRuns > 0 || f.Rude > 0 {
		t.Errorf("%d posts, %d failed runs, %d rude requests", f.Posts, f.FailedRuns, f.Rude)
	}
}
