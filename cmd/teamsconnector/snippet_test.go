package main

import (
	"bytes"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
	"github.com/teamsconnector/teamsconnector/internal/snippet"
)

// runners says how the snippet of each language is run, where it can be.
var runners = map[string]struct {
	file string
	run  []string
}{
	"curl":       {"curl.sh", []string{"sh"}},
	"go":         {"main.go", []string{"go", "run"}},
	"python":     {"example.py", []string{"python3"}},
	"javascript": {"example.mjs", []string{"node"}},
	"csharp":     {"", nil}, // needs the .NET SDK and its packages
	"powershell": {"example.ps1", []string{"pwsh", "-File"}},
}

func TestSnippetsSendAsTheyStand(t *testing.T) {
	sim, err := simulator.New(simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	teams := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); teams.Close() })
	flow, path := sim.AddFlow(simulator.Flow{Channel: "Snippets"})
	in := install(t, teams.URL+path, teams.URL)
	service := "http://" + startNode(t, in.data, "--trust-target", teams.URL).api
	raw, err := get(service + "/clients/" + snippet.PythonFile)
	if want, wantErr := snippet.Python(); err != nil || wantErr != nil || !bytes.Equal(raw, want) {
		t.Fatalf("the installation serves another client than the repository's: %.80q (%v)", raw, err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, snippet.PythonFile), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, l := range snippet.Languages() {
		r, known := runners[l.ID]
		if !known {
			t.Errorf("nobody says how %s is run", l.Name)
			continue
		}
		if len(r.run) == 0 || l.ID == "powershell" && !found(r.run[0]) {
			t.Logf("%s is not run here, as docs/snippets.md says", l.Name)
			continue
		}
		t.Run(l.ID, func(t *testing.T) {
			if !found(r.run[0]) || l.ID == "curl" && !found("curl") {
				t.Skip("it can't be run here")
			}
			text, err := snippet.Render(l.ID, service, in.webhook)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, r.file)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), r.run[0], append(r.run[1:], file)...)
			cmd.Env = append(os.Environ(), "TEAMSCONNECTOR_LICENSE_KEY="+in.key, "TEAMSCONNECTOR_LICENSE_SECRET="+in.secret, "no_proxy=*", "NO_PROXY=*")
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "sent") {
				t.Fatalf("%v\n%s", err, out)
			}
			if !eventually(func() bool { return postedIn(sim, flow, "Hello from "+l.Name) }) {
				t.Errorf("its message is not in the channel; it printed %s", out)
			}
		})
	}
}

// postedIn reports whether a simulated channel shows a text exactly once.
func postedIn(sim *simulator.Simulator, flow simulator.FlowID, text string) bool {
	n := 0
	for _, p := range sim.Posts(flow) {
		if strings.Contains(p.Text+p.Card, text) {
			n++
		}
	}
	return n == 1
}

func found(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}
