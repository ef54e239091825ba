package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"modernc.org/sqlite"
)

// Snapshot says what is in a backup.
type Snapshot struct {
	Made     time.Time
	Bytes    int64
	Messages int // all that are kept
	Waiting  int // of them, not sent yet
}

// backuper is SQLite's online backup, as the driver gives it.
type backuper interface {
	NewBackup(to string) (*sqlite.Backup, error)
}

// Backup writes the database of a data folder into a file, whether or not a
// service runs on it: one state of it, checked and on disk before the file gets
// its name. The master key is not inside. An existing file is kept unless
// replace is set.
func Backup(ctx context.Context, dir, file string, replace bool) (made Snapshot, err error) {
	if _, err := os.Stat(filepath.Join(dir, fileName)); err != nil {
		return made, fmt.Errorf("there is no database to back up: %w", err)
	}
	if _, err := os.Stat(file); err == nil && !replace {
		return made, fmt.Errorf("the file %s exists already: %w", file, fs.ErrExist)
	}
	draft := file + ".part"
	if err := removeFile(draft); err != nil {
		return made, err
	}
	if err := copyDatabase(ctx, dir, draft); err != nil {
		return made, errors.Join(err, removeFile(draft))
	}
	if made, err = sealBackup(ctx, draft, time.Now()); err != nil {
		return made, errors.Join(err, removeFile(draft))
	}
	if err := settleFile(draft, file); err != nil {
		return made, errors.Join(err, removeFile(draft))
	}
	return made, nil
}

// removeFile removes a database file and what SQLite keeps beside it.
func removeFile(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove a file that was left: %w", err)
		}
	}
	return nil
}

// copyDatabase copies in one step: it reads one state of the database and keeps no writer waiting.
func copyDatabase(ctx context.Context, dir, to string) error {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("make the backup's file: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("make the backup's file: %w", err)
	}
	db, err := openSQLite(dir, "query_only(1)")
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer func() { _ = db.Close() }() // it was only read
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer func() { _ = conn.Close() }() // likewise
	return conn.Raw(func(c any) error {
		from, ok := c.(backuper)
		if !ok {
			return errors.New("the SQLite driver makes no backups")
		}
		backup, err := from.NewBackup(to)
		if err != nil {
			return fmt.Errorf("begin the backup: %w", err)
		}
		_, err = backup.Step(-1)
		if err := errors.Join(err, backup.Finish()); err != nil {
			return fmt.Errorf("copy the database: %w", err)
		}
		return nil
	})
}

const (
	markBackup     = `UPDATE installation SET backup_at = $1, paused_at = 0 WHERE id = 1`
	countKept      = `SELECT (SELECT COUNT(*) FROM message), (SELECT COUNT(*) FROM queue)`
	schemaOfGoose  = `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version`
	backupWasMade  = `SELECT backup_at FROM installation WHERE id = 1`
	hasBackupField = `SELECT COUNT(*) FROM pragma_table_info('installation') WHERE name = 'backup_at'`
)

// sealBackup makes one whole, checked file of a copy, which says that it is a backup.
func sealBackup(ctx context.Context, path string, now time.Time) (made Snapshot, err error) {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return made, fmt.Errorf("open the copy: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "PRAGMA journal_mode = DELETE"); err != nil {
		return made, fmt.Errorf("make one file of the copy: %w", err)
	}
	var sound string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&sound); err != nil || sound != "ok" {
		return made, fmt.Errorf("the copy is damaged (%s), and so is the database: %w", sound, err)
	}
	var known int
	if err := db.QueryRowContext(ctx, hasBackupField).Scan(&known); err != nil {
		return made, fmt.Errorf("read the copy: %w", err)
	}
	if known == 1 { // one of an older schema is told by its file's name
		if _, err := db.ExecContext(ctx, markBackup, micros(now)); err != nil {
			return made, fmt.Errorf("mark the copy as a backup: %w", err)
		}
	}
	made.Made = now
	if err := db.QueryRowContext(ctx, countKept).Scan(&made.Messages, &made.Waiting); err != nil {
		return made, fmt.Errorf("count what is in the copy: %w", err)
	}
	return made, nil
}

// settleFile puts a file on disk under its name, whole or not at all.
func settleFile(draft, file string) error {
	f, err := os.OpenFile(draft, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("write the file: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the file: %w", err)
	}
	if err := os.Rename(draft, file); err != nil {
		return fmt.Errorf("name the file: %w", err)
	}
	return syncFolder(filepath.Dir(file))
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write the folder: %w", err)
	}
	err = f.Sync()
	_ = f.Close() // it was only read
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("write the folder: %w", err)
	}
	return nil
}

// How many copies of older schemas are kept, and where, in the data folder.
const (
	keptCopies = 3
	copiesDir  = "before-migration"
)

// beforeMigration backs the database up before its schema changes: a program
// of the version before can go on with it.
func beforeMigration(ctx context.Context, dir string, version int64) (file string, err error) {
	folder := filepath.Join(dir, copiesDir)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("make a folder for the backup: %w", err)
	}
	file = filepath.Join(folder, fmt.Sprintf("%s-schema-%04d.db", time.Now().UTC().Format("20060102T150405"), version))
	if _, err := Backup(ctx, dir, file, true); err != nil {
		return "", fmt.Errorf("back the database up before its schema changes: %w", err)
	}
	copies, err := filepath.Glob(filepath.Join(folder, "*-schema-*.db"))
	if err != nil {
		return "", err
	}
	slices.Sort(copies)
	for len(copies) > keptCopies {
		if err := os.Remove(copies[0]); err != nil {
			return "", fmt.Errorf("remove an old backup: %w", err)
		}
		copies = copies[1:]
	}
	return file, nil
}
