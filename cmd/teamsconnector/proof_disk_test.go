package main_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

// onSmallDisk is a command line that runs what follows it with the data folder
// copied to a disk of 12 MB of its own; the folder is $1.
const onSmallDisk = `set -e
small=$(mktemp -d)
mount -t tmpfs -o size=12m small "$small"
cp -a "$1"/. "$small"
mount --bind "$small" "$1"
shift
exec "$@"`

// TestWithTheDiskFullNothingIsAcceptedAndNothingIsLost fills the disk under a
// running service, and makes room again.
func TestWithTheDiskFullNothingIsAcceptedAndNothingIsLost(t *testing.T) {
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("unshare is not installed")
	}
	if out, err := exec.CommandContext(t.Context(), unshare, "-rm", "mount", "-t", "tmpfs", "none", t.TempDir()).CombinedOutput(); err != nil {
		t.Skipf("no disk of our own may be mounted here: %v %s", err, out)
	}
	in := install(t, simulator.Options{Limits: simulator.Limits{DoorPerSecond: -1, RunPosts: -1}, KeepAll: true}, 1)
	in.start(unshare, "-rm", "sh", "-c", onSmallDisk, "sh", in.data)
	client := &http.Client{Timeout: 20 * time.Second}
	text := strings.Repeat("a text of some length ", 200)
	if a, err := in.send(client, in.hooks[0].id, "before", "", ""); err != nil || a.Status != "sent" {
		t.Fatalf("status %q, %v; want sent", a.Status, err)
	}

	filler := filepath.Join("/proc", fmt.Sprint(in.cmd.Process.Pid), "root", in.data, "filler")
	fill(t, filler)
	accepted, refused := 0, answer{}
	for n := 0; refused.HTTP == 0 && n < 5000; n++ {
		a, err := in.send(client, in.hooks[0].id, fmt.Sprintf("%s %d", text, n), "", "respond-async")
		switch {
		case err != nil:
			t.Fatal(err)
		case a.HTTP == http.StatusAccepted:
			accepted++
		default:
			refused = a
		}
	}
	in.until("readyz says so", func() bool {
		code, _ := in.get(in.admin + "/readyz")
		return code == http.StatusServiceUnavailable
	})
	alive, _ := in.get(in.admin + "/healthz")

	if refused.HTTP != http.StatusServiceUnavailable || !strings.Contains(refused.Problem, `"not_accepted"`) {
		t.Errorf("with the disk full a message is answered with %d %s, want 503 not_accepted", refused.HTTP, refused.Problem)
	}
	if alive != http.StatusOK {
		t.Errorf("healthz answers %d, want 200: a full disk is no reason to restart", alive)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	in.until("the service is ready again", func() bool {
		code, _ := in.get(in.admin + "/readyz")
		return code == http.StatusOK
	})
	if a, err := in.send(client, in.hooks[0].id, "after", "", "wait=50"); err != nil || a.Status != "sent" {
		t.Errorf("with room again the status is %q, %v; want sent", a.Status, err)
	}
	if got := in.flowReport(in.hooks[0]); got.Posts != accepted+2 {
		t.Errorf("%d posts, want the %d accepted messages and the two around them", got.Posts, accepted)
	}
	t.Logf("proof: disk full: readyz 503, %d accepted messages all delivered, ready again by itself", accepted)
}

// fill writes zeros until the disk has no room.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("fill the disk: %v", err)
	}
}
