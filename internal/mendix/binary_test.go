package mendix_test

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the real command, built once for the test.
func binary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "teamsconnector")
	c := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./cmd/teamsconnector")
	c.Dir = "../.."
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// run runs the command to its end and reads its JSON.
func run(t *testing.T, answer any, program string, args ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, args...)
	c.Env = append(os.Environ(), "HOME="+t.TempDir())
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", args[0], err, &stderr)
	}
	if err := json.Unmarshal(out, answer); err != nil {
		t.Fatalf("%s: %v\n%s", args[0], err, out)
	}
}

// server is a process of the command that serves until it is stopped.
type server struct {
	cmd   *exec.Cmd
	ended chan struct{}
	mu    sync.Mutex
	lines strings.Builder
}

// start runs the command and hands its lines to found, until that says that it
// has what it needs.
func start(t *testing.T, found func(line string) bool, program string, args ...string) *server {
	t.Helper()
	s := &server{cmd: exec.CommandContext(t.Context(), program, args...), ended: make(chan struct{})}
	s.cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stderr = s.cmd.Stdout // one pipe for both
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.stop() })
	ready := make(chan struct{})
	go func() {
		defer close(s.ended)
		scan, once := bufio.NewScanner(out), sync.Once{}
		for scan.Scan() {
			s.mu.Lock()
			s.lines.WriteString(scan.Text() + "\n")
			s.mu.Unlock()
			if found(scan.Text()) {
				once.Do(func() { close(ready) })
			}
		}
	}()
	select {
	case <-ready:
	case <-s.ended:
		t.Fatalf("%s ended:\n%s", args[0], s.said())
	case <-time.After(30 * time.Second):
		t.Fatalf("%s is not ready:\n%s", args[0], s.said())
	}
	return s
}

func (s *server) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lines.String()
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGCONT) // it may have been stopped by the test
	_ = s.cmd.Process.Signal(syscall.SIGINT)
	<-s.ended
	_ = s.cmd.Wait()
}

// installation is a data folder with its keys and one webhook of a simulated Teams.
type installation struct {
	program, data, teams string
	key, secret, webhook string
}

func install(t *testing.T) installation {
	t.Helper()
	in := installation{program: binary(t), data: t.TempDir()}
	var setup struct {
		Keys struct{ LicenseKey, LicenseSecret string }
	}
	run(t, &setup, in.program, "setup", "--data", in.data, "--name", "Contoso", "--json")
	in.key, in.secret = setup.Keys.LicenseKey, setup.Keys.LicenseSecret

	target := ""
	start(t, func(line string) bool {
		for name, into := range map[string]*string{`"trustTarget": "`: &in.teams, `"url": "`: &target} {
			if _, rest, ok := strings.Cut(line, name); ok {
				*into, _, _ = strings.Cut(rest, `"`)
			}
		}
		return in.teams != "" && target != ""
	}, in.program, "simulator", "--listen", "127.0.0.1:0", "--channels", "1", "--latency", "none", "--limits", "none", "--json")
	var hook struct{ ID string }
	run(t, &hook, in.program, "webhook", "add", "--data", in.data, "--name", "Builds", "--url", target, "--trust-target", in.teams, "--json")
	in.webhook = hook.ID
	return in
}

// serve starts the service and returns its address.
func (in installation) serve(t *testing.T) (s *server, address string) {
	t.Helper()
	s = start(t, func(line string) bool {
		var said struct{ Msg, Listen string }
		if json.Unmarshal([]byte(line), &said) != nil || said.Msg != "serving" {
			return false
		}
		address = "http://" + said.Listen
		return true
	}, in.program, "serve", "--data", in.data, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--trust-target", in.teams)
	return s, address
}

// inject makes the simulated Teams fail the next requests.
func (in installation) inject(t *testing.T, fault string, times int) {
	t.Helper()
	body := fmt.Sprintf(`{"fault":%q,"times":%d}`, fault, times)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, in.teams+"/_sim/faults", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("the simulator answers %s", res.Status)
	}
}

// allowMessages sets how many messages the subscription may send a month. There
// is no plan for it, and the service must not run.
func (in installation) allowMessages(t *testing.T, n int) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(in.data, "teamsconnector.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), "UPDATE subscription SET message_quota = $1", n); err != nil {
		t.Fatal(err)
	}
}

// The activity, the service and a simulated Teams, all as they are shipped.
func TestActivityAgainstTheService(t *testing.T) {
	java(t) // or there is nothing to test
	in := install(t)
	serving, address := in.serve(t)
	a := newApp(t, map[string]string{"ServiceURL": address, "LicenseKey": in.key, "LicenseSecret": in.secret})
	expect := func(outcome string, got response, sent bool, status string, stored bool) {
		t.Helper()
		if got.Sent != sent || got.Status != status || got.Message == "" || (got.ID != "") != stored {
			t.Errorf("%s: got %+v", outcome, got)
		}
	}

	expect("sent", a.send(in.webhook, "Hello from Mendix"), true, "sent", true)
	expect("no Webhook ID", a.send("", "Hello"), false, "invalid_field", false)
	expect("no text", a.send(in.webhook, none), false, "invalid_field", false)
	expect("webhook not found", a.send("wh_01jd8m6q2rfkb9p3tzv5xw7h4c", "Hello"), false, "webhook_not_found", false)
	rich := []string{"SendRichMessage", in.webhook, "Text", "Only once", none, none, none, none, none, "order-17"}
	first, again := a.run("action", rich...), a.run("action", rich...)
	if !first.Sent || first.ID != again.ID {
		t.Errorf("the same key twice: %+v, then %+v", first, again)
	}
	expect("card", a.run("action", "SendRichMessage", in.webhook, "Card",
		`{"type":"AdaptiveCard","version":"1.4","body":[{"type":"TextBlock","text":"A card"}]}`, none, none, none, none, none, none), true, "sent", true)
	expect("rich message", a.run("action", "SendRichMessage", in.webhook, "Text", "With all of it", "Title", "warning",
		"Build=4711\nTook=3 min", "https://example.com/4711", "Open", none), true, "sent", true)
	expect("connection checked", a.run("action", "CheckConnection", in.webhook), false, "ok", false)
	expect("no such webhook", a.run("action", "CheckConnection", "wh_01jd8m6q2rfkb9p3tzv5xw7h4c"), false, "webhook_not_found", false)
	a.set("LicenseSecret", "tcs_wrong")
	expect("license invalid", a.send(in.webhook, "Hello"), false, "license_invalid", false)
	a.set("LicenseSecret", in.secret)
	in.inject(t, "413-html", 1)
	expect("failed", a.send(in.webhook, "Hello"), false, "failed", true)
	a.set("WaitSeconds", "1")
	in.inject(t, "503", 1)
	expect("on its way", a.send(in.webhook, "Hello"), false, "accepted", true)
	in.inject(t, "401-claims", 100)
	a.set("WaitSeconds", "55")
	expect("held", a.send(in.webhook, "Hello"), false, "held", true)

	if err := serving.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	expect("time-out", a.run("impatient", address, in.key, in.secret, "700", in.webhook, "Hello"), false, "timeout", false)
	serving.stop()
	expect("server down", a.send(in.webhook, "Hello"), false, "not_reached", false)
	in.allowMessages(t, 1)
	_, address = in.serve(t)
	a.set("ServiceURL", address)
	expect("quota used up", a.send(in.webhook, "Hello"), false, "message_quota_exhausted", false)
}
