package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// files reads all files that the database keeps.
func (h *house) files() map[string]string {
	h.t.Helper()
	dir := h.options.Dir
	if h.onPostgres() {
		dir = server.Data() // with those of other tests
		if err := server.Exec(h.t.Context(), "CHECKPOINT"); err != nil {
			h.t.Fatal(err)
		}
	}
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return ignoreGone(err)
		}
		content, err := os.ReadFile(path)
		all[path] = string(content)
		return ignoreGone(err)
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// tended lets the store keep itself in order until a condition holds.
func (h *house) tended(what string, holds func() bool) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Errorf("Run: %v", err)
		}
	}()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	late := time.After(time.Minute)
	for !holds() {
		select {
		case <-look.C:
		case <-late:
			h.t.Errorf("%s did not come about", what)
			return
		}
	}
}

// with is where the house's data is, to be opened with a ring.
func (h *house) with(ring *keyring.Ring) store.Options {
	return store.Options{Dir: h.options.Dir, Database: h.options.Database, Ring: ring}
}

func (h *house) count(text string, args ...any) (n int) {
	h.t.Helper()
	db := h.raw()
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(h.t.Context(), text, args...).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

func TestBodiesAndRowsLeaveWhenTheirTimeHasCome(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		const count = 450
		crowd(32, count, func(i int) { h.accept(h.request(text(i))) })
		waiting := h.request("still waits")
		h.accept(waiting)
		for {
			l := h.load(h.webhook.Lane)
			if l.Head[0].ID == waiting.Message.ID {
				break
			}
			h.settle(h.attempted(l, connector.VerdictSent, h.endOf(l.Head[0], connector.StateSent)))
		}
		restart := func(body, row time.Duration) {
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
			h.options.BodyLife, h.options.RowLife = body, row
			h.start()
		}

		for _, event := range []string{"told", "not told yet"} {
			if err := h.Notify(t.Context(), store.NewNotice{Event: event, Kind: connector.NoticeTermEnded, Organization: h.organization}); err != nil {
				t.Fatal(err)
			}
		}
		due, err := h.NoticesToMail(t.Context(), 1)
		if err != nil || h.Mailed(t.Context(), due) != nil {
			t.Fatal(due, err)
		}

		restart(time.Hour, time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_ = h.Run(ctx)
		if n := h.count(`SELECT COUNT(*) FROM message WHERE body IS NOT NULL`); n != count+1 {
			t.Errorf("%d bodies are left before their time, want all", n)
		}

		restart(time.Microsecond, time.Hour)
		<-time.After(300 * time.Millisecond) // nobody uses the store, and it is in order all the same
		h.tended("the end of the bodies", func() bool { return h.count(`SELECT COUNT(*) FROM message WHERE body IS NOT NULL`) == 1 })
		if n := h.count(`SELECT COUNT(*) FROM message`); n != count+1 {
			t.Errorf("%d rows are left with the bodies gone, want %d", n, count+1)
		}

		restart(time.Microsecond, time.Microsecond)
		h.tended("the end of the rows", func() bool {
			return h.count(`SELECT COUNT(*) FROM message`)+h.count(`SELECT COUNT(*) FROM notice`) == 2
		})
		if n := h.count(`SELECT COUNT(*) FROM attempt`); n != 0 {
			t.Errorf("%d attempts are left without their messages", n)
		}
		if got := h.total(); got.Accepted != count+1 || got.Sent != count {
			t.Errorf("usage %+v went with the rows", got)
		}
		if l := h.load(h.webhook.Lane); l.Waiting != 1 || string(l.Head[0].Parcel.Content.Body) != "still waits" {
			t.Errorf("what waits is %+v", l.Head)
		}
	})
}

func TestRowNumbersAreNeverUsedAgain(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.accept(h.request("first"))
		first := h.load(h.webhook.Lane).Head[0].Seq
		h.drain(h.webhook.Lane)
		h.exec(`DELETE FROM message`)

		h.accept(h.request("second"))

		if got := h.load(h.webhook.Lane).Head[0].Seq; got <= first {
			t.Errorf("the next row number is %d, the first was %d", got, first)
		}
	})
}

func TestFiguresOfTheQueue(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		registry := prometheus.NewPedanticRegistry()
		h.options.Registerer = registry
		h.start()
		for i := range 3 {
			h.accept(h.request(text(i)))
		}

		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}

		got := map[string]string{}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				got[f.GetName()+fmt.Sprint(m.GetLabel())] = fmt.Sprint(m)
			}
		}
		all := fmt.Sprint(got)
		for _, want := range []string{
			"teamsconnector_queue_messages", "gauge:{value:3}", "teamsconnector_queue_oldest_seconds", "teamsconnector_store_wal_bytes",
			"teamsconnector_store_commit_seconds", "teamsconnector_store_batch_size", `value:"accept"`,
		} {
			if !strings.Contains(strings.ReplaceAll(all, "  ", " "), want) {
				t.Errorf("the figures lack %s: %s", want, all)
			}
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		h.start() // the same registry: the old figures must be gone from it
	})
}

func TestLockNamesItsHolder(t *testing.T) {
	dir := t.TempDir()
	held, err := store.Lock(t.Context(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}

	_, second := store.Lock(t.Context(), store.Options{Dir: dir})
	held.Unlock()
	again, third := store.Lock(t.Context(), store.Options{Dir: dir})

	if second == nil || !strings.Contains(second.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("a second lock: %v, want the holder's number", second)
	}
	if third != nil {
		t.Fatalf("after unlock: %v", third)
	}
	again.Unlock()
}

func TestOtherMasterKeyIsRefusedAtStart(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		other, err := keyring.New([]byte(strings.Repeat("k", 32)))
		if err != nil {
			t.Fatal(err)
		}

		s, err := store.Open(t.Context(), h.with(other))

		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "master key") {
			t.Errorf("Open with another master key: %v", err)
		}
	})
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		h.exec(`UPDATE installation SET min_binary = 99`)

		s, err := store.Open(t.Context(), h.with(h.ring))

		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "newer version") {
			t.Errorf("Open: %v", err)
		}
		if err := h.Ready(t.Context()); err == nil {
			t.Error("ready although a newer version owns the database")
		}
	})
}

func TestManyProcessesMayStartAtOnce(t *testing.T) {
	for name, place := range databases() {
		t.Run(name, func(t *testing.T) {
			o := place(t)
			o.Ring = newRing(t)
			keys := make([]string, 8)

			crowd(8, 8, func(i int) {
				s, err := store.Open(t.Context(), o)
				if err != nil {
					t.Error(err)
					return
				}
				keys[i] = string(s.MACKey())
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})

			for _, k := range keys {
				if k != keys[0] || len(k) != 32 {
					t.Error("the installation keys differ")
				}
			}
		})
	}
}

func TestClosedStoreRefuses(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}

		_, err := h.Accept(t.Context(), h.request("too late"))

		if codeOf(err) != connector.NotAccepted {
			t.Errorf("Accept: %v, want %s", err, connector.NotAccepted)
		}
	})
}

func TestFilesAreForTheirOwnerOnly(t *testing.T) {
	h := newHouse(t, sqlite)
	h.accept(h.request("hello"))
	entries, err := os.ReadDir(h.options.Dir)
	if err != nil {
		t.Fatal(err)
	}

	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got&0o077 != 0 {
			t.Errorf("%s has mode %v", e.Name(), got)
		}
	}
}

func TestWriteAheadLogIsMovedAway(t *testing.T) {
	h := newHouse(t, sqlite)
	body := strings.Repeat("x", 100_000)
	crowd(16, 160, func(int) { h.accept(h.request(body)) })

	h.tended("a write-ahead log that is all in the database", func() bool {
		return h.count(`SELECT COUNT(*) FROM message`) == 160 && h.walRest() == 0
	})
	h.accept(h.request("a small rest"))
	if h.walRest() == 0 {
		t.Fatal("a commit left nothing in the write-ahead log: the test shows nothing")
	}
	h.tended("the move of a small rest, once nothing happens", func() bool { return h.walRest() == 0 })
}

// walRest is how many pages are not yet in the database, by a look that moves none.
func (h *house) walRest() int {
	h.t.Helper()
	db := h.raw()
	defer func() { _ = db.Close() }()
	var blocked, size, moved int
	if err := db.QueryRowContext(h.t.Context(), `PRAGMA wal_checkpoint(NOOP)`).Scan(&blocked, &size, &moved); err != nil {
		h.t.Fatal(err)
	}
	return size - moved
}
