package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/client"
)

// within is how soon a service obeys what a command beside it changed.
const within = time.Second

func TestDeletedKeysAreRefusedWithinASecondAlthoughTheyWereInUse(t *testing.T) {
	teams := httptest.NewServer(http.HandlerFunc(answersByPath))
	defer teams.Close()
	in := install(t, teams.URL+"/202", teams.URL)
	n := startNode(t, in.data, "--trust-target", teams.URL)
	app := in.client(n)
	send := func() error {
		_, err := app.Send(t.Context(), client.Message{WebhookID: in.webhook, Text: "x", Wait: client.NoWait})
		return err
	}
	// In use all the time, so that the service has them in memory.
	begun, refused := make(chan struct{}), make(chan error, 1)
	accepted := make(chan time.Time, 1) // when the last send that was accepted had begun
	go func() {
		for first := true; ; first = false {
			at := time.Now()
			if err := send(); err != nil {
				refused <- err
				return
			}
			select {
			case <-accepted:
			default:
			}
			accepted <- at
			if first {
				close(begun)
			}
		}
	}()
	<-begun

	output(t, "keys", "delete", "--data", in.data, "--key", in.key)
	deleted := time.Now()

	select {
	case err := <-refused:
		if !errors.Is(err, client.ErrLicenseInvalid) {
			t.Errorf("the end is %v, want license_invalid", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("deleted keys still work after 30 s")
	}
	if last := <-accepted; last.Sub(deleted) > within {
		t.Errorf("a send that began %v after the deletion was accepted, want none after %v", last.Sub(deleted), within)
	}
	if err := send(); !errors.Is(err, client.ErrLicenseInvalid) {
		t.Errorf("a later send: %v, want license_invalid", err)
	}
}

func TestAPauseBesideTheServiceHoldsWhatHasNotGone(t *testing.T) {
	teams := newSlowTeams(t)
	in := install(t, teams.URL+"/hook", teams.URL)
	n := startNode(t, in.data, "--trust-target", teams.URL, "--log-level", "debug")
	for _, text := range []string{"first", "second", "third"} {
		if _, err := in.client(n).Send(t.Context(), client.Message{WebhookID: in.webhook, Text: text, Wait: client.NoWait}); err != nil {
			t.Fatal(err)
		}
	}
	<-teams.came // the others are in the engine's memory

	output(t, "webhook", "pause", "--data", in.data, "--webhook", in.webhook)
	n.log.next(t, `"msg":"lanes changed by people"`)
	close(teams.answer)

	var w queueJSON
	show := func() queueJSON {
		out, _ := output(t, "webhook", "show", "--data", in.data, "--webhook", in.webhook, "--json")
		if err := json.Unmarshal([]byte(out), &w); err != nil {
			t.Fatal(err)
		}
		return w
	}
	if !eventually(func() bool { return show().Waiting < 3 }) {
		t.Fatalf("the send that was under way has not ended: %+v", w)
	}
	if w.Waiting != 2 || w.Status != "Paused" {
		t.Errorf("%d wait, %s; want 2, Paused", w.Waiting, w.Status)
	}
	select {
	case body := <-teams.came:
		t.Fatalf("although it is paused, Teams got %s", body)
	case <-time.After(within / 2):
	}

	output(t, "webhook", "resume", "--data", in.data, "--webhook", in.webhook)
	for _, want := range []string{"second", "third"} {
		select {
		case body := <-teams.came:
			if !strings.Contains(body, want) {
				t.Errorf("after the resume Teams got %s, want %q", body, want)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("after the resume Teams did not get %q", want)
		}
	}
}

func TestShowSaysWhyAQueueIsNotMovingWithAServiceAndWithout(t *testing.T) {
	teams := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/429") {
			w.Header().Set("Retry-After", "600")
		}
		answersByPath(w, r)
	}))
	defer teams.Close()
	in := install(t, teams.URL+"/202", teams.URL)
	n := startNode(t, in.data, "--trust-target", teams.URL)
	const many = 30 // more than any profile's window that is tried here
	for name, path := range map[string]string{"asked": "/429", "window": "/202?window", "retry": "/503", "gone": "/404"} {
		profile := "none"
		if name == "window" {
			profile = "flow-bot"
		}
		out, _ := output(t, "webhook", "add", "--data", in.data, "--name", name, "--url", teams.URL+path, "--trust-target", teams.URL, "--profile", profile, "--combine=false", "--json")
		var hook webhookJSON
		if err := json.Unmarshal([]byte(out), &hook); err != nil {
			t.Fatal(err)
		}
		for range many {
			if _, err := in.client(n).Send(t.Context(), client.Message{WebhookID: hook.ID, Text: "x", Wait: client.NoWait}); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := map[string][]string{
		"asked":  {"Status          Waiting for Teams' limit", "Waiting         30 messages", "Asked to wait   until ", "Last attempt    2", "(HTTP 429)", "Next attempt    2"},
		"window": {"Status          Waiting for Teams' limit", "Sent            24 messages", "Limit used up   until ", "profile flow-bot", "Next attempt    2"},
		"retry":  {"Status          Retrying", "(HTTP 503)", "in a row that came to nothing"},
		"gone":   {"Status          Stopped", "Cause           ", "Held since      2", "Waiting         30 messages", "Next attempt    none until it goes on", "To do           mend the cause"},
	}
	explained := func(name string) (missing []string, out string) {
		out, _ = output(t, "webhook", "show", "--data", in.data, "--name", name)
		for _, part := range want[name] {
			if !strings.Contains(out, part) {
				missing = append(missing, part)
			}
		}
		return missing, out
	}

	for name := range want {
		if !eventually(func() bool { missing, _ := explained(name); return len(missing) == 0 }) {
			missing, out := explained(name)
			t.Errorf("%s, beside the service: no %q in:\n%s", name, missing, out)
		}
	}
	n.terminate(t)
	if code := n.end(t); code != 0 {
		t.Errorf("exit code is %d", code)
	}
	for name := range want {
		if missing, out := explained(name); len(missing) > 0 && name != "retry" { // its time may have come
			t.Errorf("%s, without a service: no %q in:\n%s", name, missing, out)
		}
	}
}

func TestATestBesideTheServiceGoesBeforeWhatWaits(t *testing.T) {
	teams := newSlowTeams(t)
	in := install(t, teams.URL+"/hook", teams.URL)
	n := startNode(t, in.data, "--trust-target", teams.URL)
	for _, text := range []string{"first", "second"} {
		if _, err := in.client(n).Send(t.Context(), client.Message{WebhookID: in.webhook, Text: text, Wait: client.NoWait}); err != nil {
			t.Fatal(err)
		}
	}
	<-teams.came // the first is under way
	said := make(chan string, 1)
	go func() {
		out, err := command(t, "webhook", "test", "--data", in.data, "--webhook", in.webhook).CombinedOutput()
		said <- fmt.Sprint(string(out), err)
	}()
	if !eventually(func() bool {
		out, _ := output(t, "webhook", "show", "--data", in.data, "--webhook", in.webhook, "--json")
		return strings.Contains(out, `"waiting": 3`) // the first, the second and the test
	}) {
		t.Fatal("the test was not stored")
	}
	<-time.After(within) // until then the service has heard of it

	teams.answer <- struct{}{}
	next := <-teams.came
	close(teams.answer)

	if !strings.Contains(next, "Test of the webhook") {
		t.Errorf("after the first came %s, want the test", next)
	}
	if out := <-said; !strings.Contains(out, "Teams accepted the test") {
		t.Errorf("the command says %q", out)
	}
}
