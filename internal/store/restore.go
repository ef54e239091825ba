package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Restored says what a restore brought back.
type Restored struct {
	Snapshot

	// Aside is where the database that was there before is now; empty: there was none.
	Aside string
}

// Restore puts a backup in the place of a data folder's database, which is moved
// aside, or changes nothing. Nothing is sent until Resume: what waits in the
// backup may have been sent after it was made. The caller holds the folder's Lock.
func Restore(ctx context.Context, o Options, from string) (done Restored, err error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return done, fmt.Errorf("make the data folder: %w", err)
	}
	work := filepath.Join(o.Dir, "restoring")
	if err := os.RemoveAll(work); err != nil {
		return done, fmt.Errorf("remove what an earlier restore left: %w", err)
	}
	if err := os.Mkdir(work, 0o700); err != nil {
		return done, fmt.Errorf("make a folder to restore in: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()

	draft := filepath.Join(work, fileName)
	if err := copyFile(from, draft); err != nil {
		return done, err
	}
	if done.Snapshot, err = readBackup(ctx, draft); err != nil {
		return done, err
	}
	if err := pauseCopy(ctx, o, work, done.Snapshot); err != nil {
		return done, err
	}
	if done.Aside, err = keepAside(ctx, o.Dir); err != nil {
		return done, err
	}
	return done, settleFile(draft, filepath.Join(o.Dir, fileName))
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("read the backup: %w", err)
	}
	defer func() { _ = in.Close() }() // it was only read
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("copy the backup: %w", err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("copy the backup: %w", err)
	}
	return nil
}

// ErrNoBackup says that a file is not a backup of this service's.
var ErrNoBackup = errors.New("the file is not a backup that teamsconnector made")

// readBackup refuses what is no backup, or one of a newer schema.
func readBackup(ctx context.Context, path string) (is Snapshot, err error) {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return is, fmt.Errorf("open the backup: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var made, schema int64
	var sound string
	if err := db.QueryRowContext(ctx, schemaOfGoose).Scan(&schema); err != nil {
		return is, fmt.Errorf("%w: %w", ErrNoBackup, err)
	}
	latest, err := latestMigration()
	if err != nil {
		return is, err
	}
	if schema > latest {
		return is, fmt.Errorf("the backup has schema %d, and this version knows no schema above %d: install the version that made it, or a newer one", schema, latest)
	}
	if err := db.QueryRowContext(ctx, backupWasMade).Scan(&made); err != nil && schema >= 6 || made == 0 && schema >= 6 {
		return is, ErrNoBackup
	}
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&sound); err != nil || sound != "ok" {
		return is, fmt.Errorf("the backup is damaged (%s); take another one", sound)
	}
	if err := db.QueryRowContext(ctx, countKept).Scan(&is.Messages, &is.Waiting); err != nil {
		return is, fmt.Errorf("read the backup: %w", err)
	}
	if info, err := os.Stat(path); err == nil {
		is.Bytes = info.Size()
	}
	is.Made = fromMicros(made)
	return is, nil
}

// latestMigration is the newest schema that this program knows.
func latestMigration() (latest int64, err error) {
	names, err := fs.Glob(migrations, "migrations/sqlite/*.sql")
	for _, name := range names {
		var n int64
		if _, err := fmt.Sscanf(filepath.Base(name), "%d_", &n); err == nil {
			latest = max(latest, n)
		}
	}
	return latest, err
}

const pauseRestored = `
UPDATE installation SET backup_at = 0, paused_at = $1, paused_why = $2, maybe_twice = $3, moved_at = 0 WHERE id = 1`

// pauseCopy brings the copy to this program's schema, which shows that the master key
// fits, and has it send nothing.
func pauseCopy(ctx context.Context, o Options, work string, is Snapshot) (err error) {
	s, err := Open(ctx, Options{Dir: work, Ring: o.Ring, Logger: o.Logger})
	if err != nil {
		return fmt.Errorf("open the backup: %w", err)
	}
	why := "This installation was restored from a backup"
	if !is.Made.IsZero() {
		why += " of " + is.Made.UTC().Format("2 January 2006, 15:04 UTC")
	}
	note := auditNote{by: "restore", action: "installation.restore", detail: why}
	err = s.change(ctx, note, func(ctx context.Context, c *change) error {
		return c.all(ctx, []statement{q(pauseRestored, micros(time.Now()), why, is.Waiting)})
	})
	if err = errors.Join(err, s.Close()); err != nil {
		return fmt.Errorf("pause the restored installation: %w", err)
	}
	db, err := openSQLite(work)
	if err != nil {
		return fmt.Errorf("open the backup: %w", err)
	}
	_, err = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return errors.Join(err, db.Close())
}

// keepAside keeps the database that is about to be replaced. It stays in its
// place too, whole, until the backup takes it: a crash in between changes nothing.
func keepAside(ctx context.Context, dir string) (aside string, err error) {
	base := filepath.Join(dir, fileName)
	if _, err := os.Stat(base); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if db, err := openSQLite(dir); err == nil { // a damaged one is kept as it is
		_, _ = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
		_ = db.Close()
	}
	folder := filepath.Join(dir, "replaced-"+time.Now().UTC().Format("20060102T150405.000"))
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", fmt.Errorf("make a folder for the database that is replaced: %w", err)
	}
	kept := filepath.Join(folder, fileName)
	if err := os.Link(base, kept); err != nil {
		if err := copyFile(base, kept); err != nil {
			return "", err
		}
	}
	for _, suffix := range []string{"-wal", "-shm"} { // beside the backup they would be taken for its own
		if err := os.Rename(base+suffix, kept+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("move the database aside: %w", err)
		}
	}
	return folder, errors.Join(syncFolder(folder), syncFolder(dir))
}
