package simulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

func newTeams(t *testing.T, o simulator.Options) *simulator.Simulator {
	t.Helper()
	s, err := simulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// open is Options without a limit at the front door.
func open() simulator.Options {
	return simulator.Options{Limits: simulator.Limits{DoorPerSecond: -1}}
}

// envelope is a message with one card that has a TextBlock per line.
func envelope(lines ...string) string {
	var blocks []any
	for _, l := range lines {
		blocks = append(blocks, map[string]any{"type": "TextBlock", "text": l, "wrap": true})
	}
	return wrap(map[string]any{"type": "AdaptiveCard", "version": "1.4", "body": blocks})
}

func wrap(card any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(map[string]any{"type": "message", "attachments": []any{
		map[string]any{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": card},
	}})
	if err != nil {
		panic(err) // the test's own values
	}
	return b.String()
}

func request(method, target, body string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	return r
}

func send(s http.Handler, target, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, request("POST", target, body))
	return w
}

func settle(t *testing.T, s *simulator.Simulator) {
	t.Helper()
	if err := s.Settle(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
}

func texts(s *simulator.Simulator, id simulator.FlowID) []string {
	var all []string
	for _, p := range s.Posts(id) {
		all = append(all, p.Text)
	}
	return all
}

// errorCode is the code of a workflow service's error, or its text.
func errorCode(body string) string {
	var e struct {
		Error struct{ Code string }
	}
	if json.Unmarshal([]byte(body), &e) == nil && e.Error.Code != "" {
		return e.Error.Code
	}
	return body
}

// shared is the folder of test data beside the project.
func shared(t *testing.T, parts ...string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		root := filepath.Join(filepath.Dir(dir), "shared")
		if _, err := os.Stat(filepath.Join(root, "fixtures")); err == nil {
			return filepath.Join(append([]string{root}, parts...)...)
		}
	}
	t.Skip("no ../shared beside the project: its data is not here to be tested")
	return ""
}
