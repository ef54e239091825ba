package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
)

// Inspection is what can be known of a database without changing it.
type Inspection struct {
	Database string // and its version
	// Schema is the number of the last migration that it had, Newest that of the last one that this program has.
	Schema, Newest int64
	KeyFits        bool  // the ring opens what the installation sealed
	WAL            int64 // bytes of the write-ahead log; SQLite only
	// Skew is how far this machine's clock is ahead of the database's; zero on SQLite, which has none.
	Skew  time.Duration
	Hosts []string // of webhooks, a few
}

const lastMigration = `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied`

const webhookHosts = `SELECT DISTINCT host FROM webhook WHERE retired_at = 0 AND host <> '' ORDER BY host LIMIT 3`

// Inspect looks at a database beside whoever uses it. It migrates and writes nothing.
func Inspect(ctx context.Context, o Options) (in Inspection, err error) {
	s := &Store{ring: o.Ring}
	if err := s.choose(o); err != nil {
		return in, err
	}
	db, err := s.dialect.open(forReading)
	if err != nil {
		return in, fmt.Errorf("open the database: %w", err)
	}
	defer func() { err = damaged(errors.Join(err, db.Close())) }()
	if err := s.inspectServer(ctx, db, &in); err != nil {
		return in, err
	}
	if in.Newest, err = newestMigration(s.dialect.migrations); err != nil {
		return in, err
	}
	if err := db.QueryRowContext(ctx, lastMigration).Scan(&in.Schema); err != nil {
		return in, fmt.Errorf("read the schema's version: %w", err)
	}
	sealed, _, err := readKey(ctx, db)
	if err != nil {
		return in, fmt.Errorf("read the installation: %w", err)
	}
	_, failed := s.ring.Open(macKeyPlace(), sealed)
	in.KeyFits = failed == nil
	in.Hosts, err = readHosts(ctx, db)
	return in, err
}

func (s *Store) inspectServer(ctx context.Context, db *sql.DB, in *Inspection) error {
	var version string
	if s.dialect.name == goose.DialectSQLite3 {
		in.Database = "SQLite"
		if info, err := os.Stat(filepath.Join(s.dir, FileName+"-wal")); err == nil {
			in.WAL = info.Size()
		}
		if err := db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
			return fmt.Errorf("read the database's version: %w", err)
		}
		in.Database += " " + version
		return nil
	}
	var now time.Time
	before := time.Now()
	if err := db.QueryRowContext(ctx, "SELECT current_setting('server_version'), clock_timestamp()").Scan(&version, &now); err != nil {
		return fmt.Errorf("read the database's version: %w", err)
	}
	in.Database = "PostgreSQL " + version
	in.Skew = before.Add(time.Since(before) / 2).Sub(now)
	return nil
}

func newestMigration(folder string) (newest int64, err error) {
	files, err := fs.ReadDir(migrations, folder)
	if err != nil {
		return 0, fmt.Errorf("read migrations: %w", err)
	}
	for _, f := range files {
		n, err := goose.NumericComponent(f.Name())
		if err != nil {
			return 0, fmt.Errorf("read migrations: %w", err)
		}
		newest = max(newest, n)
	}
	return newest, nil
}

func readHosts(ctx context.Context, db *sql.DB) (hosts []string, err error) {
	rows, err := db.QueryContext(ctx, webhookHosts)
	if err != nil {
		return nil, fmt.Errorf("read the webhooks' hosts: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var host string
		if err := rows.Scan(&host); err != nil {
			return nil, err
		}
		hosts = append(hosts, host)
	}
	return hosts, rows.Err()
}
