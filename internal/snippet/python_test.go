package snippet_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/snippet"
)

const secret = "tcs_canary"

// service answers each call in turn, the last answer again and again, and remembers.
type service struct {
	*httptest.Server
	mu      sync.Mutex
	bodies  []map[string]any
	headers []http.Header
}

type answer struct {
	status     int
	body       string
	retryAfter string
	cut        bool // the connection ends without an answer
}

const sent = `{"sentMessage":true,"message":"ok","messageId":"msg_1","status":"sent"}`

func serving(t *testing.T, answers ...answer) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		s.bodies, s.headers = append(s.bodies, body), append(s.headers, r.Header)
		a := answers[min(len(s.bodies), len(answers))-1]
		s.mu.Unlock()
		if a.cut {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("X-Request-Id", "req_1")
		if a.retryAfter != "" {
			w.Header().Set("Retry-After", a.retryAfter)
		}
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	}))
	t.Cleanup(s.Close)
	return s
}

// python runs the client's command line, or a program beside it, against url.
func python(t *testing.T, url, input string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 here")
	}
	dir, err := filepath.Abs("files")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TEAMSCONNECTOR_URL="+url, "TEAMSCONNECTOR_LICENSE_KEY=tck_x", "TEAMSCONNECTOR_LICENSE_SECRET="+secret,
		"PYTHONDONTWRITEBYTECODE=1", "no_proxy=*")
	var out, complaint bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &complaint
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if strings.Contains(out.String()+complaint.String(), secret) || strings.Contains(complaint.String(), "Traceback") {
		t.Errorf("%q says %s%s", args, out.String(), complaint.String())
	}
	return cmd.ProcessState.ExitCode(), out.String(), complaint.String()
}

func TestPythonExitsAsTheCommandLineDoes(t *testing.T) {
	problem := func(status int, code string) answer {
		return answer{status: status, body: `{"code":"` + code + `","message":"why","errors":[{"pointer":"/a","detail":"d"}]}`, retryAfter: "3600"}
	}
	for name, c := range map[string]struct {
		answer answer
		args   string
		code   int
		says   string
	}{
		"sent":           {answer{status: 200, body: sent}, "", 0, "sent: ok (msg_1)"},
		"accepted":       {answer{status: 200, body: `{"messageId":"msg_1","status":"accepted","message":"m"}`}, "", 3, "accepted: m"},
		"held, and fine": {answer{status: 200, body: `{"messageId":"msg_1","status":"held","message":"m"}`}, "--accept-ok", 0, "held: m"},
		"failed":         {answer{status: 200, body: `{"messageId":"msg_1","status":"failed","message":"m"}`}, "", 4, "failed: m"},
		"refused":        {problem(422, "invalid_field"), "", 4, "why\n  /a: d"},
		"keys":           {problem(401, "license_invalid"), "", 5, "why"},
		"quota":          {problem(403, "message_quota_exhausted"), "", 5, "why"},
		"expired":        {problem(403, "subscription_expired"), "", 5, "why"},
		"too busy":       {problem(429, "backlog_full"), "", 6, "why"},
		"full disk":      {problem(503, "not_accepted"), "", 6, "why"},
		"another server": {answer{status: 404, body: "nginx"}, "", 6, "Check the service's URL"},
		"a page":         {answer{status: 200, body: "<html>"}, "", 6, "Check the service's URL"},
	} {
		s := serving(t, c.answer)
		args := append([]string{snippet.PythonFile, "send", "--webhook", "wh_1", "--text", "hello"}, strings.Fields(c.args)...)

		code, stdout, stderr := python(t, s.URL, "", args...)

		if code != c.code || !strings.Contains(stdout+stderr, c.says) {
			t.Errorf("%s: exit code %d, want %d with %q\n%s%s", name, code, c.code, c.says, stdout, stderr)
		}
		if len(s.bodies) != 1 {
			t.Errorf("%s: %d calls, want 1", name, len(s.bodies))
		}
	}
}

func TestPythonRepeatsWithTheSameKey(t *testing.T) {
	s := serving(t, answer{cut: true}, answer{status: 503, body: `{"code":"not_accepted"}`, retryAfter: "1"}, answer{status: 200, body: sent})

	code, stdout, stderr := python(t, s.URL, "from input\n", snippet.PythonFile, "send", "--webhook", "wh_1", "-", "--json", "--wait", "0",
		"--title", "t", "--level", "good", "--fact", "a=1=2", "--fact", "b=", "--link", "A=b=https://a.example/?c=d", "--expires-in", "2h")

	if code != 0 || !strings.Contains(stdout, `"sentMessage": true`) || len(s.bodies) != 3 {
		t.Fatalf("exit code %d after %d calls: %s%s", code, len(s.bodies), stdout, stderr)
	}
	first := s.bodies[0]
	if key, ok := first["messageKey"].(string); !ok || key == "" || key != s.bodies[1]["messageKey"] || key != s.bodies[2]["messageKey"] {
		t.Errorf("keys are %v, %v and %v", first["messageKey"], s.bodies[1]["messageKey"], s.bodies[2]["messageKey"])
	}
	got, err := json.Marshal([]any{first["textMessage"], first["title"], first["level"], first["facts"], first["link"], first["expiresIn"]})
	if want := `["from input\n","t","good",[{"name":"a","value":"1=2"},{"name":"b","value":""}],{"text":"A=b","url":"https://a.example/?c=d"},7200]`; err != nil || string(got) != want {
		t.Errorf("sent %s\nwant %s", got, want)
	}
	if s.headers[0].Get("Prefer") != "respond-async" || !strings.HasPrefix(s.headers[0].Get("Authorization"), "Basic ") {
		t.Errorf("headers are %v", s.headers[0])
	}
}

func TestPythonSaysWhetherAMessageMayBeStored(t *testing.T) {
	const program = `
import sys, teamsconnector
try:
    teamsconnector.Client(attempts=int(sys.argv[1])).send("wh_1", "hello")
except teamsconnector.TeamsConnectorError as err:
    print(type(err).__name__, err.unknown, err.code, err.status, err.retry_after)
`
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	refused := answer{status: 403, body: `{"code":"message_quota_exhausted"}`}
	for want, c := range map[string]struct {
		url      string
		attempts string
	}{
		"NotReached False  0 0":                              {"http://" + closed.Addr().String(), "1"},
		"NotReached True  0 0":                               {serving(t, answer{cut: true}).URL, "1"},
		"NotReached True  502 0":                             {serving(t, answer{status: 502}).URL, "1"},
		"QuotaExhausted False message_quota_exhausted 403 0": {serving(t, answer{cut: true}, refused).URL, "2"},
		"TeamsConnectorError True accept_unknown 503 7":      {serving(t, answer{status: 503, body: `{"code":"accept_unknown"}`, retryAfter: "7"}).URL, "1"},
	} {
		_, stdout, stderr := python(t, c.url, "", "-c", program, c.attempts)
		if got := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(stdout), ".0")); got != want {
			t.Errorf("got %q, want %q %s", got, want, stderr)
		}
	}
}

func TestPythonRefusesWrongUse(t *testing.T) {
	for _, args := range [][]string{
		{"send", "--text", "x"},
		{"send", "--webhook", "wh_1"},
		{"send", "--webhook", "wh_1", "--text", "x", "-"},
		{"send", "--webhook", "wh_1", "--text", "x", "--wait", "90s"},
		{"send", "--webhook", "wh_1", "--text", "x", "--expires-in", "1.5h"},
		{"send", "--webhook", "wh_1", "--text", "x", "--fact", "a"},
		{"send", "--webhook", "wh_1", "--card", "missing.json"},
		{"send", "--webhook", "wh_1", "--card", "-", "--title", "t"},
		{"send", "--webhook", "wh_1", "--text", "x", "--url", "nonsense"},
		{},
	} {
		if code, _, stderr := python(t, "http://127.0.0.1:1", "", append([]string{snippet.PythonFile}, args...)...); code != 2 {
			t.Errorf("%q: exit code %d, want 2 (%s)", args, code, stderr)
		}
	}
	if code, _, stderr := python(t, "", "", "-c", "import teamsconnector as t\ntry: t.Client(license_key='')\nexcept ValueError as e: print(e)"); code != 0 {
		t.Error(stderr)
	}
}

func TestPythonNeedsNothingNewerThan38(t *testing.T) {
	code, _, stderr := python(t, "", "", "-c", "import ast; ast.parse(open('"+snippet.PythonFile+"').read(), feature_version=(3, 8))")
	if code != 0 {
		t.Error(stderr)
	}
	raw, err := snippet.Python()
	if err != nil || !bytes.HasPrefix(raw, []byte("#!/usr/bin/env python3\n")) {
		t.Errorf("Python() = %.30q, %v", raw, err)
	}
}

func TestASnippetHoldsNothingThatBreaksOut(t *testing.T) {
	ids := []string{}
	for _, l := range snippet.Languages() {
		ids = append(ids, l.ID)
		for _, bad := range []string{`http://a"; rm -rf /`, "http://a'$(id)", "javascript:alert(1)", "http://a`b", "", "http://a/ b"} {
			text, err := snippet.Render(l.ID, bad, bad)
			if err != nil || bad != "" && strings.Contains(text, bad) || !strings.Contains(text, "https://connector.example.com/") && !strings.Contains(text, `"https://connector.example.com"`) {
				t.Errorf("%s for %q (%v):\n%s", l.ID, bad, err, text)
			}
		}
		text, err := snippet.Render(l.ID, "http://127.0.0.1:8080/teams/", "wh_1")
		if err != nil || !strings.Contains(text, "http://127.0.0.1:8080/teams") || !strings.Contains(text, "wh_1") || strings.Contains(text, "{{") {
			t.Errorf("%s (%v):\n%s", l.ID, err, text)
		}
	}
	if want := []string{"curl", "go", "python", "javascript", "csharp", "powershell"}; !slices.Equal(ids, want) {
		t.Errorf("languages are %v, want %v", ids, want)
	}
	if _, err := snippet.Render("cobol", "", ""); err == nil {
		t.Error("there is a snippet for an unknown language")
	}
}
