package store_test

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func TestABackupUnderLoadHoldsWhatWasAcceptedBeforeIt(t *testing.T) {
	h := newHouse(t, sqlite)
	before := h.accept(h.request("before")).Message
	stop, writers := make(chan struct{}), sync.WaitGroup{}
	for range 4 {
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					h.accept(h.request("during"))
				}
			}
		})
	}
	file := filepath.Join(t.TempDir(), "backup.db")

	made, err := store.Backup(t.Context(), h.options.Dir, file, false)
	close(stop)
	writers.Wait()

	if err != nil || made.Messages < 1 || made.Waiting != made.Messages {
		t.Fatalf("the backup has %+v (%v)", made, err)
	}
	back := t.TempDir()
	if _, err := store.Restore(t.Context(), store.Options{Dir: back, Ring: h.ring}, file); err != nil {
		t.Fatal(err)
	}
	restored := reopen(t, back, h.ring)
	if m, err := restored.Message(t.Context(), h.license.SubscriptionRow, before.ID); err != nil || m.State != connector.StateAccepted {
		t.Errorf("what was accepted before the backup: %+v (%v)", m, err)
	}
	if _, err := store.Backup(t.Context(), h.options.Dir, file, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over an existing file: %v, want that it exists", err)
	}
	if left, _ := filepath.Glob(file + ".*"); len(left) > 0 {
		t.Errorf("files are left: %v", left)
	}
}

func reopen(t *testing.T, dir string, ring *keyring.Ring) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: dir, Ring: ring})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestARestoredInstallationIsPausedAndKnowsOnlyWhatTheBackupHas(t *testing.T) {
	h := newHouse(t, sqlite)
	kept := h.accept(h.request("kept")).Message
	file := filepath.Join(t.TempDir(), "backup.db")
	if _, err := store.Backup(t.Context(), h.options.Dir, file, false); err != nil {
		t.Fatal(err)
	}
	lost := h.accept(h.request("after the backup")).Message
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}

	done, err := store.Restore(t.Context(), store.Options{Dir: h.options.Dir, Ring: h.ring}, file)
	if err != nil {
		t.Fatal(err)
	}

	s := reopen(t, h.options.Dir, h.ring)
	hold, err := s.Hold(t.Context())
	if err != nil || hold.Since.IsZero() || hold.MaybeTwice != 1 || done.Waiting != 1 {
		t.Errorf("the hold is %+v (%v), restored %+v; want one message that may go twice", hold, err, done)
	}
	if _, err := s.Message(t.Context(), h.license.SubscriptionRow, kept.ID); err != nil {
		t.Errorf("what the backup has: %v", err)
	}
	if _, err := s.Message(t.Context(), h.license.SubscriptionRow, lost.ID); codeOf(err) != connector.MessageNotFound {
		t.Errorf("an id given after the backup: %v, want that it is not found", err)
	}
	if _, err := os.Stat(filepath.Join(done.Aside, "teamsconnector.db")); err != nil {
		t.Errorf("the database that was replaced: %v", err)
	}
	if err := s.EndHold(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	if hold, err := s.Hold(t.Context()); err != nil || !hold.Since.IsZero() {
		t.Errorf("resumed, the hold is %+v (%v)", hold, err)
	}
}

func TestARestoreThatCanNotBeChangesNothing(t *testing.T) {
	h := newHouse(t, sqlite)
	m := h.accept(h.request("kept")).Message
	good := filepath.Join(t.TempDir(), "backup.db")
	if _, err := store.Backup(t.Context(), h.options.Dir, good, false); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(t.TempDir(), "text.db")
	if err := os.WriteFile(text, []byte("no database at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.db")
	db, err := sql.Open("sqlite", other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE x (y)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.db")
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	master, err := keyring.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := keyring.New(master)
	if err != nil {
		t.Fatal(err)
	}
	live := filepath.Join(h.options.Dir, "teamsconnector.db")

	for name, c := range map[string]struct {
		from string
		ring *keyring.Ring
	}{
		"no file": {filepath.Join(t.TempDir(), "none"), h.ring}, "text": {text, h.ring}, "another database": {other, h.ring},
		"cut off": {cut, h.ring}, "another master key": {good, foreign}, "a live database": {live, h.ring},
	} {
		if _, err := store.Restore(t.Context(), store.Options{Dir: h.options.Dir, Ring: c.ring}, c.from); err == nil {
			t.Errorf("%s: it was restored", name)
		}
	}

	if _, err := h.Message(t.Context(), h.license.SubscriptionRow, m.ID); err != nil {
		t.Errorf("afterwards the message is gone: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(h.options.Dir, "restoring*")); len(left) > 0 {
		t.Errorf("files are left: %v", left)
	}
}

// undoLast are statements that undo the last migration: the tables, columns and indexes that it made.
func undoLast(t *testing.T) (all []string) {
	t.Helper()
	files, err := filepath.Glob("migrations/sqlite/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal("no migrations", err)
	}
	last := files[len(files)-1]
	text, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	for _, made := range regexp.MustCompile(`(?m)^(CREATE TABLE|CREATE INDEX|CREATE UNIQUE INDEX|ALTER TABLE) (\w+)(?: ADD COLUMN (\w+))?`).FindAllStringSubmatch(string(text), -1) {
		undo := map[string]string{
			"CREATE TABLE": "DROP TABLE " + made[2], "ALTER TABLE": "ALTER TABLE " + made[2] + " DROP COLUMN " + made[3],
		}[made[1]]
		if undo == "" {
			undo = "DROP INDEX " + made[2]
		}
		all = append(all, undo)
	}
	number, _, _ := strings.Cut(filepath.Base(last), "_")
	slices.Reverse(all)
	return append(all, "DELETE FROM goose_db_version WHERE version_id = "+strings.TrimLeft(number, "0"))
}

func TestADatabaseIsBackedUpBeforeItsSchemaChanges(t *testing.T) {
	h := newHouse(t, sqlite)
	m := h.accept(h.request("kept")).Message
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(h.options.Dir, "teamsconnector.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range undoLast(t) {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	s := reopen(t, h.options.Dir, h.ring)

	copies, err := filepath.Glob(filepath.Join(h.options.Dir, "before-migration", "*-schema-*.db"))
	if err != nil || len(copies) != 1 {
		t.Fatalf("backups: %v (%v), want one", copies, err)
	}
	if _, err := s.Message(t.Context(), h.license.SubscriptionRow, m.ID); err != nil {
		t.Errorf("after the migration: %v", err)
	}
	back := t.TempDir()
	if _, err := store.Restore(t.Context(), store.Options{Dir: back, Ring: h.ring}, copies[0]); err != nil {
		t.Errorf("the backup can't be restored: %v", err)
	}
}

// What a crash left is in the way of nothing, and a backup that is made again is whole.
func TestWhatACrashLeftIsCleanedUp(t *testing.T) {
	h := newHouse(t, sqlite)
	h.accept(h.request("kept"))
	file := filepath.Join(t.TempDir(), "backup.db")
	back := t.TempDir()
	if err := os.Mkdir(filepath.Join(back, "restoring"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file + ".part", file + ".part-wal", filepath.Join(back, "restoring", "teamsconnector.db")} {
		if err := os.WriteFile(path, []byte("half a database"), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	_, err := store.Backup(t.Context(), h.options.Dir, file, false)
	if err != nil {
		t.Fatal(err)
	}
	done, err := store.Restore(t.Context(), store.Options{Dir: back, Ring: h.ring}, file)

	if err != nil || done.Messages != 1 || done.Aside != "" {
		t.Errorf("restored %+v (%v), want one message and nothing aside", done, err)
	}
}
