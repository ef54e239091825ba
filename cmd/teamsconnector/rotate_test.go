package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/client"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// manyWebhooks is how many are sealed anew; the long form is
// TEAMSCONNECTOR_ROTATE=100000 go test ./cmd/teamsconnector -run Rotation -v.
func manyWebhooks() int {
	if n, err := strconv.Atoi(os.Getenv("TEAMSCONNECTOR_ROTATE")); err == nil {
		return n
	}
	return 2000
}

type rotatedJSON struct {
	Made                                      bool
	Webhooks, Messages, Unreadable, OlderKeys int
	Seconds                                   float64
}

func rotate(t *testing.T, data string, args ...string) (got rotatedJSON) {
	t.Helper()
	out, _ := output(t, append([]string{"rotate-keys", "--data", data, "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return got
}

// multiply fills a data folder with copies of a webhook, each sealed for its own
// place with the folder's key, as that many calls of webhook add would.
func multiply(t *testing.T, in installation, url string, n int) {
	t.Helper()
	keys, err := readMasterKeys(dataConfig{dir: in.data})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.New(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(in.data, "teamsconnector.db")+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	var sub string
	if err := tx.QueryRow(`SELECT s.public_id FROM webhook w JOIN subscription s ON s.id = w.subscription`).Scan(&sub); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		id := connector.WebhookID(fmt.Sprintf("wh_copy%06d", i))
		sealed := ring.Seal(store.URLPlace(connector.SubscriptionID(sub), id), time.Now(), []byte(url))
		if _, err := tx.Exec(`INSERT INTO webhook (public_id, subscription, name, url, url_mac, host, payload, created_at)
			SELECT ?, subscription, ?, ?, url_mac, host, payload, created_at FROM webhook WHERE id = 1`, string(id), string(id), sealed); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{
		`INSERT INTO grp (id, organization, profile, recent) SELECT w.id, g.organization, g.profile, x'' FROM webhook w, grp g WHERE g.id = 1 AND w.id > 1`,
		`INSERT INTO lane (webhook, grp, state) SELECT id, id, 1 FROM webhook WHERE id > 1`,
	} {
		if _, err := tx.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func TestRotationBesideAServiceFailsNoCallAndLeavesNothingBehind(t *testing.T) {
	teams := httptest.NewServer(http.HandlerFunc(answersByPath))
	defer teams.Close()
	in := install(t, teams.URL+"/202", teams.URL)
	n := manyWebhooks()
	multiply(t, in, teams.URL+"/202", n)
	node := startNode(t, in.data, "--trust-target", teams.URL)
	stop := make(chan struct{})
	var callers sync.WaitGroup
	var slowest atomic.Int64
	for caller := range 4 {
		callers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				// A lane that the service has not loaded yet: its URL is read from the disk, sealed with whatever key.
				to := fmt.Sprintf("wh_copy%06d", (i*4+caller)*37%n)
				began := time.Now()
				got, err := in.client(node).Send(t.Context(), client.Message{WebhookID: to, Text: "x"})
				for took := int64(time.Since(began)); ; {
					if was := slowest.Load(); took <= was || slowest.CompareAndSwap(was, took) {
						break
					}
				}
				if err != nil || got.Status == client.StatusFailed || got.Status == client.StatusHeld {
					t.Errorf("a call failed while the key changed: %+v, %v", got, err)
					return
				}
			}
		})
	}

	got := rotate(t, in.data)

	close(stop)
	callers.Wait()
	t.Logf("%d webhooks and %d messages in %.1f s; the slowest call took %v", got.Webhooks, got.Messages, got.Seconds, time.Duration(slowest.Load()))
	if !got.Made || got.Webhooks != n+1 || got.Unreadable != 0 || got.OlderKeys != 1 || got.Seconds > 60 {
		t.Errorf("rotation says %+v, want %d webhooks in under a minute", got, n+1)
	}
	if again := rotate(t, in.data, "--forget-old"); again.Made || again.Webhooks != 0 || again.OlderKeys != 0 {
		t.Errorf("forgetting says %+v, want nothing that is sealed with the old key", again)
	}
	raw, err := os.ReadFile(filepath.Join(in.data, masterKeyFile))
	if info, statErr := os.Stat(filepath.Join(in.data, masterKeyFile)); err != nil || statErr != nil || strings.Count(string(raw), "\n") != 1 || info.Mode().Perm() != 0o600 {
		t.Errorf("%s is %q (%v), want one key that only its owner reads", masterKeyFile, info.Mode(), err)
	}
	if r, err := in.client(node).Send(t.Context(), client.Message{WebhookID: in.webhook, Text: "x"}); err != nil || !r.Sent {
		t.Errorf("after it the service answers %+v, %v", r, err)
	}
	node.terminate(t)
	node.end(t)
	node = startNode(t, in.data, "--trust-target", teams.URL)
	if r, err := in.client(node).Send(t.Context(), client.Message{WebhookID: in.webhook, Text: "x"}); err != nil || !r.Sent {
		t.Errorf("after a restart with the new key alone the service answers %+v, %v", r, err)
	}
}

func TestARotationThatWasCutOffGoesOn(t *testing.T) {
	in := install(t, "http://127.0.0.1:1/hook", "http://127.0.0.1:1")
	multiply(t, in, "http://127.0.0.1:1/hook", 20_000)
	before, err := os.ReadFile(filepath.Join(in.data, masterKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	cut := command(t, "rotate-keys", "--data", in.data)
	if err := cut.Start(); err != nil {
		t.Fatal(err)
	}
	begun := func() bool { return sealedOtherwise(t, in.data) > 0 }
	if !eventually(begun) {
		t.Fatal("it does not begin")
	}
	if err := cut.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cut.Wait() // killed
	middle, err := os.ReadFile(filepath.Join(in.data, masterKeyFile))
	if err != nil || !strings.HasSuffix(string(middle), string(before)) || len(middle) != 2*len(before) {
		t.Fatalf("the key's file has %d bytes (%v), want the new key before the old one", len(middle), err)
	}

	got := rotate(t, in.data)

	if got.Made || got.Webhooks == 0 || got.Webhooks > 20_000 || got.Unreadable != 0 {
		t.Errorf("the second call says %+v, want the rest and no third key", got)
	}
	if after, err := os.ReadFile(filepath.Join(in.data, masterKeyFile)); err != nil || string(after) != string(middle) {
		t.Errorf("the key's file changed again (%v)", err)
	}
}

// sealedOtherwise counts the webhooks that are sealed with another key than the first one.
func sealedOtherwise(t *testing.T, data string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(data, "teamsconnector.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.QueryRow(`SELECT COUNT(*) FROM webhook WHERE substr(url, 2, 4) <> (SELECT substr(mac_key, 2, 4) FROM installation)`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAGivenKeyIsPutInFrontByWhoGivesIt(t *testing.T) {
	in := install(t, "http://127.0.0.1:1/hook", "http://127.0.0.1:1")
	path := filepath.Join(in.data, masterKeyFile)
	given := filepath.Join(t.TempDir(), "key")
	if err := os.Rename(path, given); err != nil {
		t.Fatal(err)
	}
	cmd := command(t, "rotate-keys", "--data", in.data, "--master-key-file", given)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != exitUsage || !strings.Contains(string(out), "put a new one in front") {
		t.Errorf("with one given key: %v\n%s", err, out)
	}
	old, err := os.ReadFile(given)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := exec.Command("sh", "-c", "head -c 32 /dev/urandom | base64").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(given, append(fresh, old...), 0o600); err != nil {
		t.Fatal(err)
	}

	got := rotate(t, in.data, "--master-key-file", given)

	if got.Made || got.Webhooks != 1 {
		t.Errorf("rotation says %+v, want the one webhook and no key of its own", got)
	}
	if err := os.WriteFile(given, fresh, 0o600); err != nil {
		t.Fatal(err)
	}
	output(t, "webhook", "show", "--data", in.data, "--master-key-file", given, "--name", "Builds")
}
