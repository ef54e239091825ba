package main_test

import (
	"fmt"
	"net/http"
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
