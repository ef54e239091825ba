package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// tally counts tests and other checks. A test with subtests is not counted
// beside them, unless it fails or is skipped by itself.
type tally struct {
	ends     map[string]map[string]string   // action by package and test
	output   map[string]map[string][]string // lines by package and test
	packages map[string]string              // action by package

	passed  int
	failed  []string // names of what failed
	skipped []string // names and reasons
	ran     map[string]int
	on      map[string]int // passed tests by the database that they ran on
	claims  []string       // "proof: ..." and "fixtures: ..." lines
}

func newTally() *tally {
	return &tally{
		ends:     map[string]map[string]string{},
		output:   map[string]map[string][]string{},
		packages: map[string]string{},
		ran:      map[string]int{},
		on:       map[string]int{},
	}
}

func (t *tally) readFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	return t.read(f)
}

func (t *tally) read(in io.Reader) error {
	err := readEvents(in, t.do, func(string) {})
	for _, pkg := range slices.Sorted(maps.Keys(t.ends)) {
		t.count(pkg)
	}
	slices.Sort(t.claims)
	t.claims = slices.Compact(t.claims)
	return err
}

func (t *tally) do(e event) {
	switch e.Action {
	case "start":
		t.ends[e.Package] = map[string]string{}
		t.output[e.Package] = map[string][]string{}
	case "run":
		t.ends[e.Package][e.Test] = "fail" // until it ends otherwise
	case "output":
		line := strings.TrimRight(e.Output, "\n")
		if lines := t.output[e.Package]; lines != nil {
			lines[e.Test] = append(lines[e.Test], line)
		}
		t.claim(line)
	case "pass", "fail", "skip":
		if e.Test == "" {
			t.packages[e.Package] = e.Action
		} else {
			t.ends[e.Package][e.Test] = e.Action
		}
	}
}

var (
	claim = regexp.MustCompile(`^\s*(?:\S+\.go:\d+: )?((?:fixtures|proof): .*\S)\s*$`)
	cases = regexp.MustCompile(`^fixtures: (?:badinput/)?(.+): (\d+) cases`)
)

// claim keeps a line in which a test says what it showed.
func (t *tally) claim(line string) {
	m := claim.FindStringSubmatch(line)
	if m == nil {
		return
	}
	t.claims = append(t.claims, m[1])
	if m := cases.FindStringSubmatch(m[1]); m != nil {
		n, err := strconv.Atoi(m[2])
		if err == nil {
			t.ran[m[1]] = max(t.ran[m[1]], n)
		}
	}
}

func (t *tally) count(pkg string) {
	ends := t.ends[pkg]
	within := map[string]map[string]bool{} // how the subtests of each test ended
	for test, end := range ends {
		for i := strings.LastIndexByte(test, '/'); i > 0; i = strings.LastIndexByte(test[:i], '/') {
			if within[test[:i]] == nil {
				within[test[:i]] = map[string]bool{}
			}
			within[test[:i]][end] = true
		}
	}

	failedBefore := len(t.failed)
	for _, test := range slices.Sorted(maps.Keys(ends)) {
		end, below := ends[test], within[test]
		switch {
		case below[end] || below != nil && end == "pass": // its subtests are counted
		case end == "pass":
			t.pass(test)
		case end == "skip":
			t.skipped = append(t.skipped, fmt.Sprintf("%s %s: %s", short(pkg), test, reason(t.output[pkg][test])))
		default:
			t.failed = append(t.failed, short(pkg)+" "+test)
		}
	}
	if end := t.packages[pkg]; end != "pass" && end != "skip" && len(t.failed) == failedBefore {
		t.failed = append(t.failed, short(pkg)+": it did not build, or broke outside of a test")
	}
}

func (t *tally) pass(test string) {
	t.passed++
	for name := range strings.SplitSeq(test, "/") {
		if name == "sqlite" || name == "postgres" {
			t.on[name]++
		}
	}
}

// reason returns what a skipped test said.
func reason(lines []string) string {
	var said []string
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		said = append(said, place.ReplaceAllString(line, ""))
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}

var place = regexp.MustCompile(`^\S+\.go:\d+: `)

// short leaves the module away.
func short(pkg string) string {
	if rest, ok := strings.CutPrefix(pkg, "github.com/teamsconnector/teamsconnector/"); ok {
		return rest
	}
	return pkg
}

// readChecks counts the checks that are no tests: lines "pass NAME" and "fail NAME".
// "broke NAME" is for a command whose failure should show in what was read already:
// it counts where nothing else failed.
func (t *tally) readChecks(name string) error {
	if name == "" {
		return nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		end, what, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch end {
		case "pass":
			t.passed++
		case "fail":
			t.failed = append(t.failed, what)
		case "broke":
			if len(t.failed) == 0 {
				t.failed = append(t.failed, what)
			}
		default:
			return errors.New("checks: a line that starts with neither pass, fail nor broke: " + line)
		}
	}
	return nil
}

// checkSkips counts a run with skipped tests as failed.
func (t *tally) checkSkips() {
	if n := len(t.skipped); n > 0 {
		t.failed = append(t.failed, fmt.Sprintf("nothing may be skipped where CI is set; skipped: %d", n))
		return
	}
	t.passed++
}

func (t *tally) print(out io.Writer) {
	list := func(title string, lines []string) {
		if len(lines) == 0 {
			return
		}
		fmt.Fprintf(out, "\n%s\n", title)
		for _, line := range lines {
			fmt.Fprintf(out, "  %s\n", line)
		}
	}
	list("Shown:", t.claims)
	list("Skipped:", t.skipped)
	list("Failed:", t.failed)
	fmt.Fprintf(out, "\non both databases, passed: sqlite: %d, postgres: %d\n", t.on["sqlite"], t.on["postgres"])
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", t.passed, len(t.failed), len(t.skipped))
}
