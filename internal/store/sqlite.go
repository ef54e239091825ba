package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// fileName is the database in the data folder.
const fileName = "teamsconnector.db"

// How long a connection waits for another process's transaction, in milliseconds.
const busyTimeout = "5000"

func sqliteDialect(dir string) dialect {
	return dialect{
		name:       goose.DialectSQLite3,
		migrations: "migrations/sqlite",
		make:       func(ctx context.Context) error { return makeSQLite(ctx, dir) },
		open: func(as use) (*sql.DB, error) {
			switch as {
			case forWriting:
				return openSQLite(dir, "cache_size(-32000)")
			case forReading, forSending:
				return openSQLite(dir, "query_only(1)", "cache_size(-8000)")
			case forCheckpoints:
			}
			return openSQLite(dir)
		},
		check: checkSQLite,
		migrating: func(ctx context.Context) (func(), error) {
			return lockFile(ctx, filepath.Join(dir, "migrate.lock"), true)
		},
		begin:     "BEGIN IMMEDIATE",
		beginRead: "BEGIN",
		commit: func(ctx context.Context, tx *session) error {
			_, err := tx.exec(ctx, q("COMMIT"))
			return err
		},
		chunks:     []int{32, 8, 1},
		perLane:    perLane{headsByLane, cardsByLane},
		text:       anonymous,
		classify:   classifySQLite,
		rolledBack: sqliteRolledBack,
		unique: func(err error) bool {
			code := sqliteCode(err)
			return code == sqlite3.SQLITE_CONSTRAINT_UNIQUE || code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
		},
	}
}

// openSQLite opens the database file for one kind of use.
func openSQLite(dir string, pragmas ...string) (*sql.DB, error) {
	path, err := filepath.Abs(filepath.Join(dir, fileName))
	if err != nil {
		return nil, fmt.Errorf("locate the database: %w", err)
	}
	query := url.Values{
		"_txlock":       {"immediate"},
		"_busy_timeout": {busyTimeout},
		"_foreign_keys": {"on"},
		"_synchronous":  {"FULL"},
		"_dqs":          {"0"},
		"_pragma":       append([]string{"wal_autocheckpoint(0)", "temp_store(memory)"}, pragmas...),
	}
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: query.Encode()}
	return sql.Open("sqlite", dsn.String())
}

// makeSQLite makes the database file, readable by its owner only, and puts it
// into WAL mode.
func makeSQLite(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, fileName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	// Of the two calls the lighter one: it writes the data and the size of the file, but not its times.
	if _, err := sqlite.Fdatasync(true); err != nil && !errors.Is(err, sqlite.ErrFdatasyncUnavailable) {
		return fmt.Errorf("choose fdatasync: %w", err)
	}

	db, err := openSQLite(dir)
	if err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	defer func() { _ = db.Close() }() // the setting is in the file
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return fmt.Errorf("set journal_mode: %w", err)
	}
	if mode != "wal" {
		return fmt.Errorf("set journal_mode: the database stays in mode %s, write-ahead logging is needed", mode)
	}
	return nil
}

// checkSQLite refuses a connection on which a commit would not be on disk.
func checkSQLite(ctx context.Context, db *sql.DB) error {
	var mode string
	var synchronous, foreignKeys int
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return fmt.Errorf("read journal_mode: %w", err)
	}
	if err := db.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&synchronous); err != nil {
		return fmt.Errorf("read synchronous: %w", err)
	}
	if err := db.QueryRowContext(ctx, "PRAGMA foreign_keys").Scan(&foreignKeys); err != nil {
		return fmt.Errorf("read foreign_keys: %w", err)
	}
	if mode != "wal" || synchronous != 2 || foreignKeys != 1 {
		return fmt.Errorf("the database runs with journal_mode=%s synchronous=%d foreign_keys=%d, which would not keep what was accepted", mode, synchronous, foreignKeys)
	}
	return nil
}

// anonymous writes ? for $1, $2 and so on where they stand in order: SQLite looks
// a named parameter up in a list, which makes many rows of values slow.
func anonymous(text string) string {
	var b strings.Builder
	rest := text
	for n := 1; ; n++ {
		before, after, found := strings.Cut(rest, "$")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		number := strconv.Itoa(n)
		rest, found = strings.CutPrefix(after, number)
		if !found || rest != "" && rest[0] >= '0' && rest[0] <= '9' {
			return text
		}
		b.WriteByte('?')
	}
}

// sqliteCode returns SQLite's extended result code; 0: the error is none of SQLite's.
func sqliteCode(err error) int {
	var coded interface{ Code() int }
	if errors.As(err, &coded) {
		return coded.Code()
	}
	return 0
}

func classifySQLite(err error) failure {
	code := sqliteCode(err)
	switch code {
	case sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC, sqlite3.SQLITE_IOERR_CORRUPTFS:
		return unsynced
	}
	switch code & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return unsynced
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return busy
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM:
		return storage
	}
	return failedRow
}

// sqliteRolledBack names the answers to COMMIT after which SQLite has rolled
// back, or lets us do it: no frame with the commit's mark is valid in the WAL.
func sqliteRolledBack(err error) bool {
	code := sqliteCode(err)
	switch code & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CONSTRAINT:
		return true
	}
	return code == sqlite3.SQLITE_IOERR_WRITE
}
