package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sample is a module whose tests end in every way there is.
var sample = map[string]string{
	"go.mod": "module example.com/sample\n\ngo 1.26\n",
	"good/good_test.go": `package good
import ("fmt"; "testing")
func TestPlain(t *testing.T) { t.Log("fixtures: urls: 2 cases"); t.Log("proof: 20 kills, lost 0") }
func TestSubs(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {})
	t.Run("postgres", func(t *testing.T) { t.Run("deep", func(t *testing.T) {}) })
	t.Run("b/c", func(t *testing.T) { fmt.Println("fixtures: badinput/json: 1 cases") })
	t.Run("d", func(t *testing.T) { t.Skip("no strace here") })
}`,
	"bad/bad_test.go": `package bad
import "testing"
func TestChild(t *testing.T) { t.Run("fails", func(t *testing.T) { t.Error("child says why") }) }
func TestOwn(t *testing.T) { t.Run("fine", func(t *testing.T) {}); t.Error("own says why") }
`,
	"panics/panics_test.go": `package panics
import "testing"
func TestPanics(t *testing.T) { t.Run("deep", func(t *testing.T) { panic("panic says why") }) }
func TestNever(t *testing.T) {}
`,
	"exits/exits_test.go": `package exits
import ("os"; "testing")
func TestMain(m *testing.M) { m.Run(); os.Exit(3) }
func TestFine(t *testing.T) {}
`,
	"broken/broken_test.go": "package broken\nfunc build() { says why }\n",
	"empty/empty.go":        "package empty\n",
}

func TestEveryEndIsCountedOnceAndExplained(t *testing.T) {
	events := goTest(t, "./...")

	var live, out bytes.Buffer
	if code := run([]string{"follow"}, bytes.NewReader(events), &live, os.Stderr); code != 0 {
		t.Errorf("follow ends with %d, want 0", code)
	}
	code := run([]string{"summary", "-checks", checks(t, "pass build\nfail lint\n"), file(t, "events", events)}, nil, &out, os.Stderr)

	if code != 1 {
		t.Errorf("summary ends with %d, want 1", code)
	}
	for _, want := range []string{"child says why", "own says why", "panic says why", "broken_test.go:2", "ok    example.com/sample/good", "FAIL  example.com/sample/bad", "example.com/sample/empty: no tests"} {
		if !strings.Contains(live.String(), want) {
			t.Errorf("what is shown live has no %q:\n%s", want, live.String())
		}
	}
	// Passed: TestPlain, sqlite, postgres/deep, b/c, fine, TestFine, build.
	// Failed: fails, TestOwn, deep, exits, broken, lint.
	want := `
Shown:
  fixtures: badinput/json: 1 cases
  fixtures: urls: 2 cases
  proof: 20 kills, lost 0

Skipped:
  example.com/sample/good TestSubs/d: no strace here

Failed:
  example.com/sample/bad TestChild/fails
  example.com/sample/bad TestOwn
  example.com/sample/broken: it did not build, or broke outside of a test
  example.com/sample/exits: it did not build, or broke outside of a test
  example.com/sample/panics TestPanics/deep
  lint

on both databases, passed: sqlite: 1, postgres: 1
7 passed, 6 failed, 1 skipped
`
	if got := out.String(); got != want {
		t.Errorf("summary:\n%s\nwant:\n%s", got, want)
	}
}

func TestASkipFailsOnlyUnderCI(t *testing.T) {
	events := file(t, "events", goTest(t, "./good"))

	var out bytes.Buffer
	if code := run([]string{"summary", events}, nil, &out, os.Stderr); code != 0 || !strings.HasSuffix(out.String(), "\n4 passed, 0 failed, 1 skipped\n") {
		t.Errorf("summary without -ci ends with %d:\n%s", code, out.String())
	}
	out.Reset()
	if code := run([]string{"summary", "-ci", events}, nil, &out, os.Stderr); code != 1 || !strings.HasSuffix(out.String(), "\n4 passed, 1 failed, 1 skipped\n") {
		t.Errorf("summary with -ci ends with %d:\n%s", code, out.String())
	}
}

func TestASetThatDidNotRunWholeFails(t *testing.T) {
	events := file(t, "events", goTest(t, "./good"))
	for name, test := range map[string]struct {
		index string
		want  string
	}{
		"all ran":        {`{"items":[{"id":"urls/1"},{"id":"urls/2"}]}`, "\n6 passed, 0 failed, 1 skipped\n"},
		"one is missing": {`{"items":[{"id":"urls/1"},{"id":"urls/2"},{"id":"urls/3"}]}`, "fixtures: urls: 2 of 3 cases ran in one test"},
		"none ran":       {`{"items":[{"id":"texts/1"}]}`, "fixtures: texts: 0 of 1 cases ran in one test"},
	} {
		t.Run(name, func(t *testing.T) {
			shared := t.TempDir()
			put(t, filepath.Join(shared, "fixtures", "index.json"), test.index)
			put(t, filepath.Join(shared, "badinput", "json", "y.json"), "1")

			var out bytes.Buffer
			run([]string{"summary", "-shared", shared, events}, nil, &out, os.Stderr)

			if !strings.Contains(out.String(), test.want) {
				t.Errorf("summary has no %q:\n%s", test.want, out.String())
			}
		})
	}
}

func TestACommandThatBrokeFailsOnlyWhereNothingElseSaysSo(t *testing.T) {
	for text, want := range map[string]string{
		"broke go test\n":            "\n0 passed, 1 failed, 0 skipped\n",
		"fail lint\nbroke go test\n": "\n0 passed, 1 failed, 0 skipped\n",
		"pass lint\n":                "\n1 passed, 0 failed, 0 skipped\n",
	} {
		var out bytes.Buffer
		run([]string{"summary", "-checks", checks(t, text), file(t, "events", nil)}, nil, &out, os.Stderr)

		if !strings.HasSuffix(out.String(), want) {
			t.Errorf("%q: summary ends otherwise than %q:\n%s", text, want, out.String())
		}
	}
}

// goTest runs the sample's tests and returns the events.
func goTest(t *testing.T, packages string) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, text := range sample {
		put(t, filepath.Join(dir, name), text)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-json", packages)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	events, err := cmd.Output()
	if len(events) == 0 {
		t.Fatalf("go test said nothing: %v", err)
	}
	return events
}

func checks(t *testing.T, text string) string {
	t.Helper()
	return file(t, "checks", []byte(text))
}

func file(t *testing.T, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
