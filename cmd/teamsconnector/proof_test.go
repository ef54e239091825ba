package main_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
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
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // to read the rows that a killed process left
	_ "modernc.org/sqlite"             // likewise

	"github.com/teamsconnector/teamsconnector/internal/postgrestest"
	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

// binary builds the product once and returns its path: the proofs run what
// users run, without the race detector, in a process that can be killed.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "teamsconnector-binary-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "teamsconnector")
	build := exec.CommandContext(context.Background(), "go", "build", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

// installation is the built binary on a data folder, beside a simulated Teams
// that outlives it.
type installation struct {
	t           *testing.T
	bin, data   string               // the data folder; empty: on a server
	server      *postgrestest.Server // nil: in the data folder
	where       []string             // the flags that say so
	rowsOf      [2]string            // its driver and name in database/sql
	sim         *simulator.Simulator
	teams       *httptest.Server
	trust       []string // the flags that let the service call the simulated Teams
	key, secret string
	hooks       []hook
	url, admin  string
	cmd         *exec.Cmd
	pid         *atomic.Int64 // of cmd, for those who ask beside; 0: it does not run
	log         *lockedBuffer
}

type hook struct {
	id   string
	flow simulator.FlowID
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// install sets up an organization with n webhooks on a simulated Teams.
func install(t *testing.T, o simulator.Options, n int, webhookFlags ...string) *installation {
	t.Helper()
	dir := t.TempDir()
	return build(t, o, n, &installation{
		data: dir, where: []string{"--data", dir}, rowsOf: [2]string{"sqlite", filepath.Join(dir, "teamsconnector.db")},
	}, webhookFlags...)
}

// installOnPostgres does the same on a server of its own.
func installOnPostgres(t *testing.T, o simulator.Options, n int, settings ...string) *installation {
	t.Helper()
	s := postgrestest.New(settings...)
	t.Cleanup(s.Stop)
	database := s.Database(t)
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("A", 43)+"="), 0o600); err != nil {
		t.Fatal(err)
	}
	return build(t, o, n, &installation{
		server: s, where: []string{"--database", database, "--master-key-file", key}, rowsOf: [2]string{"pgx", database},
	})
}

func build(t *testing.T, o simulator.Options, n int, in *installation, webhookFlags ...string) *installation {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	sim, err := simulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	in.t, in.bin, in.sim, in.teams, in.log = t, bin, sim, httptest.NewServer(sim), &lockedBuffer{}
	t.Cleanup(func() {
		in.kill()
		in.sim.Close()
		in.teams.Close()
		if t.Failed() {
			t.Logf("log of the service, its end:\n%s", tail(in.log.String(), 4000))
		}
	})
	in.trust = []string{"--trust-target", in.teams.URL}
	in.url, in.admin = "http://"+freeAddress(t), "http://"+freeAddress(t)
	var made struct {
		Keys struct{ LicenseKey, LicenseSecret string }
	}
	in.ask(&made, "", slices.Concat([]string{"setup", "--name", "Contoso", "--json"}, in.where)...)
	in.key, in.secret = made.Keys.LicenseKey, made.Keys.LicenseSecret
	for i := range n {
		in.hooks = append(in.hooks, in.addHook(fmt.Sprintf("hook %d", i), webhookFlags...))
	}
	return in
}

// addHook adds a channel with its flow, and its webhook.
func (in *installation) addHook(name string, flags ...string) hook {
	in.t.Helper()
	return in.addFlow(simulator.Flow{Channel: name}, flags...)
}

func (in *installation) addFlow(f simulator.Flow, flags ...string) hook {
	in.t.Helper()
	flow, path := in.sim.AddFlow(f)
	var w struct{ ID string }
	args := []string{"webhook", "add", "--name", f.Channel, "--url", "-", "--json", "--trust-target", in.teams.URL}
	in.ask(&w, in.teams.URL+path, slices.Concat(args, in.where, flags)...)
	return hook{w.ID, flow}
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

func freeAddress(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// ask runs a command of the binary and reads its JSON.
func (in *installation) ask(into any, stdin string, args ...string) {
	in.t.Helper()
	cmd := exec.CommandContext(in.t.Context(), in.bin, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		in.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, complaint.String())
	}
	if err := json.Unmarshal(out, into); err != nil {
		in.t.Fatalf("%s: %v in %s", strings.Join(args, " "), err, out)
	}
}

// start runs serve, under a wrapper command where one is given, until it is ready.
func (in *installation) start(wrapper ...string) {
	in.t.Helper()
	args := append(wrapper, in.bin, "serve", "--listen", strings.TrimPrefix(in.url, "http://"),
		"--admin-listen", strings.TrimPrefix(in.admin, "http://"))
	args = slices.Concat(args, in.where, in.trust)
	in.cmd = exec.CommandContext(context.Background(), args[0], args[1:]...)
	in.cmd.Stdout, in.cmd.Stderr = in.log, in.log
	in.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := in.cmd.Start(); err != nil {
		in.t.Fatal(err)
	}
	if in.pid != nil {
		in.pid.Store(int64(in.cmd.Process.Pid))
	}
	in.until("the service is ready", func() bool {
		code, _ := in.get(in.admin + "/readyz")
		return code == http.StatusOK
	})
}

// kill ends the process at once, as power loss would end it.
func (in *installation) kill() {
	if in.cmd == nil {
		return
	}
	_ = syscall.Kill(-in.cmd.Process.Pid, syscall.SIGKILL) // gone already is as good
	_ = in.cmd.Wait()
	in.cmd = nil
	if in.pid != nil {
		in.pid.Store(0)
	}
}

func (in *installation) get(url string) (int, string) {
	req, err := http.NewRequestWithContext(in.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		in.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = res.Body.Close() }()
	body, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(body)
}

// until polls for at most two minutes.
func (in *installation) until(what string, done func() bool) {
	in.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Minute)
	for {
		select {
		case <-tick.C:
			if done() {
				return
			}
		case <-deadline:
			in.t.Fatalf("not within two minutes: %s", what)
		}
	}
}

// answer is what the API says of a message.
type answer struct {
	HTTP        int
	SentMessage bool
	Message     string
	MessageID   string
	Status      string
	MaybePosted bool
	Problem     string // the whole body of a refusal
}

// send posts one text, once. An error means that no answer came.
func (in *installation) send(c *http.Client, webhook, text, key, prefer string) (answer, error) {
	fields := map[string]string{"webhookId": webhook, "textMessage": text}
	if key != "" {
		fields["messageKey"] = key
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return answer{}, err
	}
	req, err := http.NewRequestWithContext(in.t.Context(), http.MethodPost, in.url+"/api/v1/messages", bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.SetBasicAuth(in.key, in.secret)
	req.Header.Set("Content-Type", "application/json")
	if prefer != "" {
		req.Header.Set("Prefer", prefer)
	}
	res, err := c.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	a := answer{HTTP: res.StatusCode}
	if res.StatusCode >= 300 {
		problem, err := io.ReadAll(res.Body)
		a.Problem = string(problem)
		return a, err
	}
	return a, json.NewDecoder(res.Body).Decode(&a)
}

// rows counts what a query counts in the rows of a process that does not run.
func (in *installation) rows(query string) int {
	in.t.Helper()
	db, err := sql.Open(in.rowsOf[0], in.rowsOf[1])
	if err != nil {
		in.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var n int
	if err := db.QueryRowContext(in.t.Context(), query).Scan(&n); err != nil {
		in.t.Fatal(err)
	}
	return n
}
