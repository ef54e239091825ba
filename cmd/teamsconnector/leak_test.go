package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/client"
)

// answersByPath answers with the status at the end of the path, quotes what it
// was sent, and breaks the connection for 0.
func answersByPath(w http.ResponseWriter, r *http.Request) {
	code, err := strconv.Atoi(path.Base(r.URL.Path))
	if err != nil || code == 0 {
		panic(http.ErrAbortHandler)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.Header().Set("Location", "http://127.0.0.1:1"+r.URL.String())
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, "you sent %s to %s", body, r.URL)
}

// TestNoSecretLeavesARunAtDebugLevel lets messages go well and wrong in many
// ways and looks for their texts, the URLs and the credentials in all that was written.
func TestNoSecretLeavesARunAtDebugLevel(t *testing.T) {
	teams := httptest.NewServer(http.HandlerFunc(answersByPath))
	defer teams.Close()
	target := func(code int) string {
		return fmt.Sprintf("%s/workflows/canary-path/%d?api-version=1&sig=canary-sig", teams.URL, code)
	}
	in := install(t, target(202), teams.URL)
	token, written := output(t, "token", "create", "--data", in.data, "--operator", "--name", "ci")
	n := startNode(t, in.data, "--trust-target", teams.URL, "--log-level", "debug")
	app := in.client(n)
	hooks := []string{in.webhook}
	for _, code := range []int{0, 200, 302, 400, 401, 404, 413, 429, 500} {
		out, errs := output(t, "webhook", "add", "--data", in.data, "--name", strconv.Itoa(code), "--url", target(code), "--trust-target", teams.URL, "--json")
		var hook webhookJSON
		if err := json.Unmarshal([]byte(out), &hook); err != nil {
			t.Fatal(err)
		}
		hooks, written = append(hooks, hook.ID), written+out+errs
	}
	card := []byte(`{"type":"AdaptiveCard","version":"1.4","body":[{"type":"TextBlock","text":"canary-text"}]}`)

	statuses := map[string]int{}
	for i, id := range hooks {
		r, err := app.Send(t.Context(), client.Message{WebhookID: id, Text: "canary-text", Key: "canary-key" + strconv.Itoa(i), Wait: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		statuses[r.Status]++
		written += r.Message
		r, err = app.Send(t.Context(), client.Message{WebhookID: id, Card: card, Wait: client.NoWait})
		written += fmt.Sprint(r, err)
	}
	_, err := app.Send(t.Context(), client.Message{WebhookID: "wh_nobody", Text: "canary-text"})
	written += fmt.Sprint(err)
	_, err = client.New("http://"+n.api, in.key, in.secret+"canary-wrong", client.WithAttempts(1)).Send(t.Context(), client.Message{WebhookID: in.webhook, Text: "x"})
	written += fmt.Sprint(err)
	metrics, err := get("http://" + n.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	n.terminate(t)
	if code := n.end(t); code != 0 {
		t.Errorf("exit code is %d", code)
	}

	written += n.log.String() + string(metrics)
	for _, want := range []string{client.StatusSent, client.StatusFailed, client.StatusHeld, client.StatusAccepted} {
		if statuses[want] == 0 {
			t.Errorf("no message became %s, the run is poorer than it should be: %v", want, statuses)
		}
	}
	for what, secret := range map[string]string{
		"license secret": in.secret, "token": strings.TrimSpace(token), "webhook path": "canary-path", "signature": "canary-sig",
		"text": "canary-text", "message key": "canary-key", "wrong secret": "canary-wrong",
	} {
		if at := strings.Index(written, secret); at >= 0 {
			t.Errorf("the %s was written: ...%s...", what, written[max(0, at-300):min(len(written), at+100)])
		}
	}
	if !strings.Contains(written, `"level":"DEBUG"`) || !strings.Contains(written, "teamsconnector_") {
		t.Errorf("the run wrote less than it should:\n%s", written)
	}
}

func TestRedactHidesWhatNoRoomShouldLog(t *testing.T) {
	for given, want := range map[string]string{
		"secret tcs_0123456789abcdefgh at end":                       "secret [secret] at end",
		"token=tct_abc123, more":                                     "token=[secret], more",
		"Authorization: Basic dGNrX2FiYzp0Y3NfYWJj":                  "Authorization: [secret]",
		"bearer abcdefghijklmnopqrstuvwxyz":                          "[secret]",
		"Post \"https://x.com/workflows/abc/triggers?sig=1\": EOF":   "Post \"https://x.com[secret]\": EOF",
		"https://a.webhook.office.com/webhookb2/g@g/IncomingWebhook": "https://a.webhook.office.com[secret]",
		"called with sig=abc&x=1":                                    "called with [secret]&x=1",
		"/api/v1/webhooks/wh_1 is no secret, the basics are fine":    "/api/v1/webhooks/wh_1 is no secret, the basics are fine",
		"tck_abc is shown, /data/master.key too":                     "tck_abc is shown, /data/master.key too",
	} {
		if got := redacted(given); got != want {
			t.Errorf("redacted(%q) = %q, want %q", given, got, want)
		}
	}
}
