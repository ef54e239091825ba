package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sets counts the cases of each set of data in a folder: what fixtures/index.json
// names, by the first part of the ids, and the files and lists of badinput. A
// folder that is missing has none.
func sets(folder string) (map[string]int, error) {
	want := map[string]int{}
	if folder == "" {
		return want, nil
	}
	var index struct{ Items []struct{ ID string } }
	if err := readJSON(filepath.Join(folder, "fixtures", "index.json"), &index); err != nil {
		return nil, err
	}
	for _, item := range index.Items {
		set, _, _ := strings.Cut(item.ID, "/")
		want[set]++
	}
	for _, set := range []string{"naughty", "ssrf"} {
		var items []json.RawMessage
		if err := readJSON(filepath.Join(folder, "badinput", set+".json"), &items); err != nil {
			return nil, err
		}
		want[set] += len(items)
	}
	for set, pattern := range map[string]string{"json": "*.json", "http": "*.*"} {
		files, err := filepath.Glob(filepath.Join(folder, "badinput", set, pattern))
		if err != nil {
			return nil, err
		}
		want[set] += len(files)
	}
	return want, nil
}

func readJSON(name string, into any) error {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// checkSets holds that some test ran each set whole, as its line
// "fixtures: SET: N cases" says.
func (t *tally) checkSets(want map[string]int) {
	for _, set := range slices.Sorted(maps.Keys(want)) {
		switch {
		case want[set] == 0:
		case t.ran[set] < want[set]:
			t.failed = append(t.failed, fmt.Sprintf("fixtures: %s: %d of %d cases ran in one test", set, t.ran[set], want[set]))
		default:
			t.passed++
		}
	}
}
