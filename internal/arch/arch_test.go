package arch_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// rules are all that is held, each shown to bite by a sample in testdata.
var rules = []struct {
	name  string
	check func(*tree) []problem
}{
	{"plan", checkPlan},
	{"reserved", checkReserved},
	{"stdlib", checkStdlib},
	{"pure", checkPure},
	{"runner", checkRunner},
	{"size", checkSize},
	{"comment", checkComment},
	{"unfinished", checkUnfinished},
	{"state", checkState},
	{"dependencies", checkDependencies},
	{"sum", checkSum},
}

func TestHouseKeepsToItsPlan(t *testing.T) {
	house := mustLoad(t, os.DirFS(filepath.Join("..", "..")))

	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, p := range r.check(house) {
				t.Error(p)
			}
		})
	}

	lines := sums(house)
	for _, dir := range slices.Sorted(maps.Keys(lines)) {
		t.Logf("%6d lines in %s", lines[dir], dir)
	}
	t.Logf("%6d lines shipped, the limit is %d (without %s)", shippedLines(lines), maxShippedLines, strings.Join(uncounted, ", "))
}

func TestArrowsPointDown(t *testing.T) {
	floors := map[string]int{}
	for _, r := range rooms {
		floors[r.path] = r.floor
	}

	for _, r := range rooms {
		for _, below := range r.may {
			if below != "*" && (floors[below] == 0 || floors[below] >= r.floor) {
				t.Errorf("%s on floor %d may import %s on floor %d: not below it", r.path, r.floor, below, floors[below])
			}
		}
	}
}

// Each archive in testdata is a small tree and, before its first file, a line
// "want: ..." for each problem that the rules must find in it; they must find
// no other.
func TestRulesBite(t *testing.T) {
	names, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	bitten := map[string]bool{}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			sample, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for line := range strings.Lines(string(sample.Comment)) {
				if text, ok := strings.CutPrefix(strings.TrimSpace(line), "want: "); ok {
					want = append(want, text)
				}
			}

			house := mustLoad(t, asFS(sample))
			var got []string
			for _, r := range rules {
				for _, p := range r.check(house) {
					got = append(got, p.String())
					bitten[p.rule] = true
				}
			}

			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("problems found (-want +got):\n%s", diff)
			}
		})
	}
	for _, r := range rules {
		if !bitten[r.name] && r.name != "sum" { // its sample is made by TestSumHasALimit
			t.Errorf("no sample shows that rule %q bites", r.name)
		}
	}
}

func TestSumHasALimit(t *testing.T) {
	files := fstest.MapFS{}
	for i := range maxShippedLines/maxFileLines + 1 {
		lines := strings.Repeat("// A line.\n", maxFileLines-1)
		files[fmt.Sprintf("internal/keyring/f%d.go", i)] = &fstest.MapFile{Data: []byte(lines + "package keyring\n")}
	}

	if found := checkSum(mustLoad(t, files)); len(found) != 1 {
		t.Errorf("%d problems at %d lines, want 1", len(found), len(files)*maxFileLines)
	}
	for name, file := range files {
		delete(files, name)
		files[path.Join("internal/simulator", path.Base(name))] = file
	}
	if found := checkSum(mustLoad(t, files)); len(found) != 0 {
		t.Errorf("the simulator counts: %v", found)
	}
}

// checkSum holds the whole to what a newcomer can read.
func checkSum(t *tree) []problem {
	if sum := shippedLines(sums(t)); sum > maxShippedLines {
		return []problem{{"sum", ".", fmt.Sprintf("%d shipped lines, the limit is %d", sum, maxShippedLines)}}
	}
	return nil
}

// sums counts the lines of each room without tests and generated code.
func sums(t *tree) map[string]int {
	lines := map[string]int{}
	for _, s := range t.sources {
		if !s.test && !s.generated {
			lines[s.dir] += s.lines
		}
	}
	return lines
}

func shippedLines(lines map[string]int) (sum int) {
	for dir, n := range lines {
		if !slices.Contains(uncounted, dir) {
			sum += n
		}
	}
	return sum
}

func mustLoad(t *testing.T, fsys fs.FS) *tree {
	t.Helper()
	house, err := load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return house
}

func asFS(a *txtar.Archive) fs.FS {
	files := fstest.MapFS{}
	for _, f := range a.Files {
		files[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	return files
}
