package teams_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// shared finds a file or folder of the data that lies beside the project, or
// skips the test where there is none.
func shared(tb testing.TB, name string) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		root := filepath.Join(filepath.Dir(dir), "shared")
		if _, err := os.Stat(filepath.Join(root, "fixtures")); err == nil {
			return filepath.Join(root, filepath.FromSlash(name))
		}
		if filepath.Dir(dir) == dir {
			tb.Skip("no folder shared/fixtures beside the project")
		}
		dir = filepath.Dir(dir)
	}
}

func readFile(tb testing.TB, path string) []byte {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// readShared reads a JSON file of the data beside the project.
func readShared[T any](tb testing.TB, name string) T {
	tb.Helper()
	var v T
	if err := json.Unmarshal(readFile(tb, shared(tb, name)), &v); err != nil {
		tb.Fatalf("%s: %v", name, err)
	}
	return v
}

// indexed is one item of the index of fixtures.
type indexed struct {
	ID       string `json:"id"`
	File     string `json:"file"`
	Expected string `json:"expected"`
	JSON     bool   `json:"parses_as_json"`
}

// ofSet lists what the index counts of one set: "urls", "cards_valid", ...
func ofSet(t *testing.T, set string) []indexed {
	t.Helper()
	index := readShared[struct {
		Items []indexed `json:"items"`
	}](t, "fixtures/index.json")
	var items []indexed
	for _, it := range index.Items {
		if filepath.Dir(filepath.FromSlash(it.ID)) == set {
			items = append(items, it)
		}
	}
	return items
}

// ran prints how many cases of a set ran, and fails when they are fewer than
// the set has.
func ran(t *testing.T, set string, cases, want int) {
	t.Helper()
	t.Logf("fixtures: %s: %d cases", set, cases)
	if cases < want || cases == 0 {
		t.Errorf("%s: %d cases ran, the set has %d", set, cases, want)
	}
}
