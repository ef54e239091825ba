package main

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/teamsconnector/teamsconnector/internal/postgrestest"
	"github.com/teamsconnector/teamsconnector/internal/simulator"
	"github.com/teamsconnector/teamsconnector/internal/snippet"
)

// database is the PostgreSQL of these tests; it ends with them.
var database = postgrestest.New()

// stopping runs the tests and ends what they share.
type stopping struct{ *testing.M }

// Run runs the tests.
func (s stopping) Run() int {
	defer database.Stop()
	return s.M.Run()
}

func TestMain(m *testing.M) {
	testscript.Main(stopping{m}, map[string]func(){"teamsconnector": main})
}

func TestScripts(t *testing.T) { scripts(t, "testdata/script", nil) }

func TestScriptsOnPostgreSQL(t *testing.T) {
	scripts(t, "testdata/postgres", func(env *testscript.Env) { env.Setenv("DATABASE", database.Database(t)) })
}

func scripts(t *testing.T, dir string, more func(env *testscript.Env)) {
	t.Helper()
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"API", "OPS", "SIM"} {
				env.Setenv(name, freeAddress(t))
			}
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("DATA", env.WorkDir+"/data")
			python, err := filepath.Abs("../../internal/snippet/files/" + snippet.PythonFile)
			env.Setenv("PYTHON_CLIENT", python)
			env.Setenv("no_proxy", "*")
			if more != nil {
				more(env)
			}
			return err
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "ready": ready, "setjson": setJSON, "posted": posted, "answers": answers,
			"answering": answering, "simhook": simHook, "shows": shows,
		},
	})
}

// freeAddress is an address that nobody listens on at the moment.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// exits runs a command and compares its exit code: exits CODE PROGRAM ARGS...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	got := 0
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if want := args[0]; strconv.Itoa(got) != want {
		ts.Fatalf("exit code is %d, want %s", got, want)
	}
}

// ready waits until a node takes messages: ready ADDRESS.
func ready(ts *testscript.TestScript, _ bool, args []string) {
	if !eventually(func() bool { return status("http://"+args[0]+"/readyz") == http.StatusOK }) {
		ts.Fatalf("%s is not ready", args[0])
	}
}

// answering waits until a simulated Teams answers: answering ADDRESS.
func answering(ts *testscript.TestScript, _ bool, args []string) {
	if !eventually(func() bool { return status("http://"+args[0]+"/") == http.StatusOK }) {
		ts.Fatalf("%s does not answer", args[0])
	}
}

// simHook writes the URL of a simulated Teams' first webhook to hook.txt: simhook ADDRESS.
func simHook(ts *testscript.TestScript, _ bool, args []string) {
	body, err := get("http://" + args[0] + "/_sim/state")
	ts.Check(err)
	var report simulator.Report
	ts.Check(json.Unmarshal(body, &report))
	ts.Check(os.WriteFile(ts.MkAbs("hook.txt"), []byte("http://"+args[0]+report.Flows[0].Target), 0o600))
}

// answers compares the status of a GET: answers STATUS URL.
func answers(ts *testscript.TestScript, _ bool, args []string) {
	if got := strconv.Itoa(status(args[1])); got != args[0] {
		ts.Fatalf("%s answers %s, want %s", args[1], got, args[0])
	}
}

// setJSON sets a variable from the JSON that was printed last: setjson NAME key.key.
func setJSON(ts *testscript.TestScript, _ bool, args []string) {
	var v any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &v); err != nil {
		ts.Fatalf("stdout is not JSON: %v", err)
	}
	for key := range strings.SplitSeq(args[1], ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[key]
		case []any:
			n, err := strconv.Atoi(key)
			if err != nil || n >= len(at) {
				ts.Fatalf("%s: no element %s", args[1], key)
			}
			v = at[n]
		}
	}
	text, ok := v.(string)
	if !ok || text == "" {
		ts.Fatalf("%s is %v, want a text", args[1], v)
	}
	ts.Setenv(args[0], text)
}

// posted waits until a text stands in a simulated channel: posted ADDRESS TEXT.
func posted(ts *testscript.TestScript, _ bool, args []string) {
	if !eventually(func() bool { return postedTimes("http://"+args[0], args[1]) == 1 }) {
		ts.Fatalf("%q is not in a channel exactly once", args[1])
	}
}

// postedTimes counts how often a text stands in the channels of a simulated Teams.
func postedTimes(origin, text string) int {
	body, err := get(origin + "/_sim/state")
	if err != nil {
		return -1
	}
	var report simulator.Report
	if err := json.Unmarshal(body, &report); err != nil {
		return -1
	}
	found, _ := report.Find(text)
	return found.Posts
}

// eventually asks until it is so, for a time that no machine needs.
func eventually(so func() bool) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(2 * time.Minute)
	for !so() {
		select {
		case <-tick.C:
		case <-end:
			return false
		}
	}
	return true
}

func get(url string) ([]byte, error) {
	res, err := (&http.Client{Timeout: 5 * time.Second}).Get(url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	return io.ReadAll(res.Body)
}

// status is the status of a GET; 0: no answer.
func status(url string) int {
	res, err := (&http.Client{Timeout: 5 * time.Second}).Get(url)
	if err != nil {
		return 0
	}
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode
}
