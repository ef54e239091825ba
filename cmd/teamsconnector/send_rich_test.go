package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

// shows waits until a post in a simulated channel has all of some lines: shows ADDRESS LINE...
func shows(ts *testscript.TestScript, _ bool, args []string) {
	var report simulator.Report
	has := func(m simulator.MessageReport) bool {
		lines := strings.Split(m.Text, "\n")
		missing := slices.ContainsFunc(args[1:], func(want string) bool { return !slices.Contains(lines, want) })
		return m.Posts == 1 && !missing
	}
	read := func() bool {
		body, err := get("http://" + args[0] + "/_sim/state")
		return err == nil && json.Unmarshal(body, &report) == nil && slices.ContainsFunc(report.Messages, has)
	}
	if !eventually(read) {
		ts.Fatalf("no post has all of %q", args[1:])
	}
}

func TestLinkIsPartedWhereItsURLBegins(t *testing.T) {
	for typed, want := range map[string][2]string{
		"https://a.example/?b=c":            {"", "https://a.example/?b=c"},
		"HTTP://a.example/?b=https://c":     {"", "HTTP://a.example/?b=https://c"},
		"Open=https://a.example/?b=c":       {"Open", "https://a.example/?b=c"},
		"a=b=http://c.example/?d=https://e": {"a=b", "http://c.example/?d=https://e"},
		"Open=ftp://a.example":              {"Open", "ftp://a.example"},
		"a.example":                         {"", "a.example"},
		"=https://a.example":                {"", "https://a.example"},
	} {
		if got := readLink(typed); got.Text != want[0] || got.URL != want[1] {
			t.Errorf("%q is read as %+v, want %q", typed, *got, want)
		}
	}
}
