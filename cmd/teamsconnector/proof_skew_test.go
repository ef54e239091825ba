//go:build minute

package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// ahead builds the product with a clock that is five minutes ahead, whoever asks it.
func ahead(t *testing.T) string {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	clock := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	text, err := os.ReadFile(clock)
	if err != nil {
		t.Fatal(err)
	}
	const now = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	if !strings.Contains(string(text), now) {
		t.Fatalf("%s does not read its clock as it did", clock)
	}
	dir := t.TempDir()
	changed, overlay, bin := filepath.Join(dir, "time.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "teamsconnector")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{clock: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for name, what := range map[string]string{changed: strings.Replace(string(text), now, now+"\tsec += 300\n", 1), overlay: string(replace)} {
		if err := os.WriteFile(name, []byte(what), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

// Each of the two is killed once and ended once, so that lanes and a window that
// is used up pass from either clock to the other.
func TestNodesWhoseClocksAreFiveMinutesApart(t *testing.T) {
	p := newProof(t, ahead(t))
	limited := p.addHook("limited", "--instance", "Contoso", "--profile", "flow-bot", "--combine=false")
	for i := range 30 {
		if a, err := p.nodes[i%2].send(http.DefaultClient, limited.id, fmt.Sprintf("limited %d", i), "", "respond-async"); err != nil || a.Status != "accepted" {
			t.Fatalf("%+v %v", a, err)
		}
	}
	p.until("the window is used up", func() bool { return p.flowReport(limited).Posts == 24 })

	for i := range p.nodes {
		p.strikeAt(i, func(i int) { p.nodes[i].kill() }, func(i int) { p.nodes[i].start() })
	}
	for i := range p.nodes {
		p.strikeAt(i, p.end, func(i int) { p.nodes[i].start() })
	}

	close(p.stop)
	p.wg.Wait()
	p.until("all but what its window holds back is delivered", func() bool {
		return p.rows(`SELECT COUNT(*) FROM queue q JOIN lane l ON l.id = q.lane JOIN webhook w ON w.id = l.webhook WHERE w.name <> 'limited'`) == 0
	})
	checkKills(t, p.sim.Oracle(), p.texts, p.faults-2)
	p.leases()
	if f := p.flowReport(limited); f.BurstWindow > 24 {
		t.Errorf("%d posts within five minutes, want at most 24", f.BurstWindow)
	}
	t.Logf("proof: clocks five minutes apart: %d faults, %d messages acknowledged, %d posted twice, take-over within %v",
		p.faults, len(p.texts), p.twice(), slices.Max(p.took).Round(10*time.Millisecond))
}
