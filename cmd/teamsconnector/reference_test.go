package main

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the pages that are made from the code")

func TestTheConfigurationPageIsMadeFromTheTable(t *testing.T) {
	const page = "../../docs/operate/configuration.md"
	if *update {
		if err := os.WriteFile(page, []byte(referenceMarkdown()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != referenceMarkdown() {
		t.Errorf("%s differs from the table; write it anew with: go test ./cmd/teamsconnector -run Configuration -update", page)
	}
}
