package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/client"
)

// node is a process of the real command that serves.
type node struct {
	cmd        *exec.Cmd
	api, admin string // addresses
	out, log   *lines
	ended      chan error
}

// lines is what a process wrote, line by line.
type lines struct {
	mu    sync.Mutex
	all   bytes.Buffer
	fresh chan string
}

func (l *lines) read(r io.Reader) {
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		l.mu.Lock()
		l.all.WriteString(scan.Text() + "\n")
		l.mu.Unlock()
		select {
		case l.fresh <- scan.Text():
		default: // nobody waits for lines any more
		}
	}
	close(l.fresh)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// next waits for a line with a part in it.
func (l *lines) next(t *testing.T, part string) string {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		select {
		case line, ok := <-l.fresh:
			if !ok {
				t.Fatalf("it ended without a line with %q:\n%s", part, l)
			}
			if strings.Contains(line, part) {
				return line
			}
		case <-late:
			t.Fatalf("no line with %q:\n%s", part, l)
		}
	}
}

// command is the real command, in a home of its own.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("teamsconnector", args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_DATA_HOME=")
	return cmd
}

// output runs the command to its end.
func output(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	cmd := command(t, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(args[:1], " "), err, &out, &errs)
	}
	return out.String(), errs.String()
}

// startNode serves a data folder until the test ends or stops it.
func startNode(t *testing.T, data string, args ...string) *node {
	t.Helper()
	cmd := command(t, append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}, args...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n := &node{cmd: cmd, out: &lines{fresh: make(chan string, 1000)}, log: &lines{fresh: make(chan string, 1000)}, ended: make(chan error, 1)}
	go func() {
		said := make(chan struct{})
		go func() {
			n.out.read(stdout)
			close(said)
		}()
		n.log.read(stderr)
		<-said
		n.ended <- cmd.Wait()
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	var said struct {
		Listen string
		Admin  string `json:"admin_listen"`
	}
	if err := json.Unmarshal([]byte(n.log.next(t, `"msg":"serving"`)), &said); err != nil {
		t.Fatal(err)
	}
	n.api, n.admin = said.Listen, said.Admin
	if !eventually(func() bool { return status("http://"+n.admin+"/readyz") == http.StatusOK }) {
		t.Fatalf("not ready:\n%s", n.log)
	}
	return n
}

// end waits for the end of the process and returns its exit code.
func (n *node) end(t *testing.T) int {
	t.Helper()
	select {
	case err := <-n.ended:
		n.ended <- err
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return exit.ExitCode()
		}
		if err != nil {
			t.Fatal(err)
		}
		return 0
	case <-time.After(60 * time.Second):
		t.Fatalf("it does not end:\n%s", n.log)
		return 0
	}
}

func (n *node) terminate(t *testing.T) {
	t.Helper()
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// slowTeams takes a message and answers when it is told to.
type slowTeams struct {
	*httptest.Server
	came   chan string // bodies
	answer chan struct{}
}

func newSlowTeams(t *testing.T) *slowTeams {
	t.Helper()
	s := &slowTeams{came: make(chan string, 100), answer: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		s.came <- string(body)
		<-s.answer
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(s.Close)
	return s
}

// installation is a data folder with one webhook that goes to a target.
type installation struct {
	data, key, secret, webhook string
}

func install(t *testing.T, target, origin string) installation {
	t.Helper()
	in := installation{data: t.TempDir()}
	var made setupJSON
	out, _ := output(t, "setup", "--data", in.data, "--name", "Contoso", "--json")
	if err := json.Unmarshal([]byte(out), &made); err != nil {
		t.Fatal(err)
	}
	in.key, in.secret = made.Keys.LicenseKey, made.Keys.LicenseSecret
	var hook webhookJSON
	out, _ = output(t, "webhook", "add", "--data", in.data, "--name", "Builds", "--url", target, "--trust-target", origin, "--json")
	if err := json.Unmarshal([]byte(out), &hook); err != nil {
		t.Fatal(err)
	}
	in.webhook = hook.ID
	return in
}

func (in installation) client(n *node) *client.Client {
	return client.New("http://"+n.api, in.key, in.secret, client.WithAttempts(1))
}

func TestStopLetsASendUnderWaySettleAndNeverRepeatsIt(t *testing.T) {
	teams := newSlowTeams(t)
	in := install(t, teams.URL+"/hook", teams.URL)
	n := startNode(t, in.data, "--trust-target", teams.URL)
	type answer struct {
		client.Response
		err error
	}
	answered := make(chan answer, 1)
	go func() {
		r, err := in.client(n).Send(t.Context(), client.Message{WebhookID: in.webhook, Text: "first", Wait: 50 * time.Second})
		answered <- answer{r, err}
	}()
	if body := <-teams.came; !strings.Contains(body, "first") {
		t.Fatalf("Teams got %s, want the first message", body)
	}

	n.terminate(t)

	a := <-answered // Teams has not answered yet
	if a.err != nil || a.Status != client.StatusAccepted {
		t.Errorf("the waiting caller got %+v, %v; want accepted", a.Response, a.err)
	}
	if !eventually(func() bool { return status("http://"+n.api+"/healthz") == 0 }) {
		t.Error("the public listener still answers")
	}
	if got := status("http://" + n.admin + "/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("readyz answers %d while sends are under way, want 503", got)
	}
	if got := status("http://" + n.admin + "/healthz"); got != http.StatusOK {
		t.Errorf("healthz answers %d while sends are under way, want 200", got)
	}
	close(teams.answer)
	if code := n.end(t); code != 0 {
		t.Errorf("exit code is %d, want 0:\n%s", code, n.log)
	}

	again := startNode(t, in.data, "--trust-target", teams.URL)
	r, err := in.client(again).Send(t.Context(), client.Message{WebhookID: in.webhook, Text: "second"})
	if err != nil || !r.Sent {
		t.Errorf("the second message: %+v, %v; want sent", r, err)
	}
	if body := <-teams.came; !strings.Contains(body, "second") {
		t.Errorf("after the restart Teams got %s, want the second message only", body)
	}
}

func TestASecondSignalEndsTheServiceAtOnceAndLosesNothing(t *testing.T) {
	teams := newSlowTeams(t)
	in := install(t, teams.URL+"/hook", teams.URL)
	n := startNode(t, in.data, "--trust-target", teams.URL)
	for _, text := range []string{"first", "second"} {
		if _, err := in.client(n).Send(t.Context(), client.Message{WebhookID: in.webhook, Text: text, Wait: client.NoWait}); err != nil {
			t.Fatal(err)
		}
	}
	<-teams.came

	n.terminate(t)
	n.log.next(t, "stopping")
	if !eventually(func() bool { return status("http://"+n.admin+"/readyz") == http.StatusServiceUnavailable }) {
		t.Fatal("readyz does not say that it stops")
	}
	n.terminate(t)

	if code := n.end(t); code == 0 {
		t.Error("exit code is 0 although sends were cut off")
	}
	close(teams.answer)
	startNode(t, in.data, "--trust-target", teams.URL)
	if body := <-teams.came; !strings.Contains(body, "first") {
		t.Errorf("after the restart Teams got %s, want the first message again: its answer was not heard", body)
	}
	if body := <-teams.came; !strings.Contains(body, "second") {
		t.Errorf("then Teams got %s, want the second message", body)
	}
}
