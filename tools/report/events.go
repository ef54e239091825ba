package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// event is one line of `go test -json` (see `go doc test2json`).
type event struct {
	Action     string
	Package    string
	ImportPath string // of build-output and build-fail
	Test       string
	Elapsed    float64
	Output     string
}

// maxLine is the longest line of events that is read.
const maxLine = 16 << 20

// readEvents calls do for each event and other for each line that is none.
func readEvents(in io.Reader, do func(event), other func(string)) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Action == "" {
			other(lines.Text())
			continue
		}
		do(e)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	return nil
}

// follower shows a package when it ends, and of a test only what explains its
// failure.
type follower struct {
	out    io.Writer
	output map[string]map[string]*strings.Builder // by package and test; test "" is the package itself
	counts map[string]map[string]int              // by package and action
}

func newFollower(out io.Writer) *follower {
	return &follower{out: out, output: map[string]map[string]*strings.Builder{}, counts: map[string]map[string]int{}}
}

func (f *follower) read(in io.Reader) error {
	return readEvents(in, f.do, func(line string) { fmt.Fprintln(f.out, line) })
}

func (f *follower) do(e event) {
	switch e.Action {
	case "build-output":
		fmt.Fprint(f.out, e.Output)
	case "output":
		f.keep(e)
	case "pass", "fail", "skip":
		f.end(e)
	}
}

func (f *follower) keep(e event) {
	tests := f.output[e.Package]
	if tests == nil {
		tests = map[string]*strings.Builder{}
		f.output[e.Package] = tests
	}
	if tests[e.Test] == nil {
		tests[e.Test] = &strings.Builder{}
	}
	tests[e.Test].WriteString(e.Output)
}

func (f *follower) end(e event) {
	if e.Test != "" {
		if e.Action == "fail" {
			f.show(e.Package, e.Test)
		}
		if f.counts[e.Package] == nil {
			f.counts[e.Package] = map[string]int{}
		}
		f.counts[e.Package][e.Action]++
		delete(f.output[e.Package], e.Test)
		return
	}

	counts := f.counts[e.Package]
	if e.Action == "fail" {
		for test := range f.output[e.Package] {
			f.show(e.Package, test) // it has no end of its own: a panic, a time limit
		}
	}
	delete(f.output, e.Package)
	switch e.Action {
	case "skip":
		fmt.Fprintf(f.out, "-     %s: no tests\n", e.Package)
	case "fail":
		fmt.Fprintf(f.out, "FAIL  %s (%.1fs): %d failed\n", e.Package, e.Elapsed, counts["fail"])
	default:
		fmt.Fprintf(f.out, "ok    %s (%.1fs): %d tests\n", e.Package, e.Elapsed, counts["pass"]+counts["skip"])
	}
}

func (f *follower) show(pkg, test string) {
	text := f.output[pkg][test]
	if text == nil {
		return
	}
	fmt.Fprintf(f.out, "%s %s\n%s", pkg, test, text)
}
