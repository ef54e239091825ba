package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/snippet"
)

func TestTheLinesForCINameFlagsThatBothProgramsHave(t *testing.T) {
	page, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	python, err := snippet.Python()
	if err != nil {
		t.Fatal(err)
	}
	send := (process{}).sendCommand().Flags()
	flags := regexp.MustCompile(`--[a-z][a-z-]+`).FindAllString(string(page), -1)
	if len(flags) < 15 {
		t.Errorf("the page names only %q", flags)
	}
	for _, flag := range flags {
		if send.Lookup(strings.TrimPrefix(flag, "--")) == nil {
			t.Errorf("teamsconnector send has no %s", flag)
		}
		if !strings.Contains(string(python), `"`+flag+`"`) {
			t.Errorf("%s has no %s", snippet.PythonFile, flag)
		}
	}
}
