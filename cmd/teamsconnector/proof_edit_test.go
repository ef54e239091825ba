package main_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

// TestAStoppedWebhookGoesOnWithANewURL rotates the flow's URL under a running
// service and mends it as an operator would.
func TestAStoppedWebhookGoesOnWithANewURL(t *testing.T) {
	in := install(t, simulator.Options{KeepAll: true}, 1)
	in.start()
	client := &http.Client{Timeout: 20 * time.Second}
	target, err := in.sim.Change(in.hooks[0].flow, simulator.RotateSignature)
	if err != nil {
		t.Fatal(err)
	}
	a, err := in.send(client, in.hooks[0].id, "held for a while", "", "")
	if err != nil || a.Status != "held" {
		t.Fatalf("status %q, %v; want held", a.Status, err)
	}

	var w struct{ ID string }
	in.ask(&w, in.teams.URL+target, "webhook", "edit", "--webhook", in.hooks[0].id, "--url", "-", "--json",
		"--data", in.data, "--trust-target", in.teams.URL)
	in.until("the held message is posted", func() bool {
		m, found := in.sim.Oracle().Find("held for a while")
		return found && m.Posts == 1
	})

	if w.ID != in.hooks[0].id {
		t.Errorf("the Webhook ID is %s now, want %s as before", w.ID, in.hooks[0].id)
	}
}

// TestAServiceThatMayNotCallATargetHoldsItsMessages starts the service without
// the operator's word that the target may be called, and then with it.
func TestAServiceThatMayNotCallATargetHoldsItsMessages(t *testing.T) {
	in := install(t, simulator.Options{KeepAll: true}, 1)
	trusted := in.trust
	in.trust = nil
	in.start()
	client := &http.Client{Timeout: 20 * time.Second}
	a, err := in.send(client, in.hooks[0].id, "not lost", "", "")
	if err != nil || a.Status != "held" {
		t.Fatalf("status %q, %v; want held: a setting is no reason to give a message up", a.Status, err)
	}

	in.kill()
	in.trust = trusted
	in.start()
	var w struct{ ID string }
	in.ask(&w, "", "webhook", "resume", "--webhook", in.hooks[0].id, "--json", "--data", in.data)
	in.until("the held message is posted", func() bool {
		m, found := in.sim.Oracle().Find("not lost")
		return found && m.Posts == 1
	})
}
