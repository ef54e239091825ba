package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/teamsconnector/teamsconnector/internal/keyring"
)

//go:embed migrations
var migrations embed.FS

// schemaVersion is the version of the schema's meaning that this program writes. The
// installation names the oldest that it still takes (min_binary).
const schemaVersion = 1

// macKeyPlace is where the installation key is sealed.
func macKeyPlace() keyring.Place {
	return keyring.Place{Table: "installation", Column: "mac_key", ID: "1"}
}

// migrate brings the schema up to date, one process at a time.
func (s *Store) migrate(ctx context.Context, db *sql.DB) error {
	done, err := s.dialect.migrating(ctx)
	if err != nil {
		return fmt.Errorf("wait for another process that migrates: %w", err)
	}
	defer done()

	files, err := fs.Sub(migrations, s.dialect.migrations)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	provider, err := goose.NewProvider(s.dialect.name, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if err := s.keepCopy(ctx, provider); err != nil {
		return err
	}
	steps, err := provider.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	for _, m := range steps {
		s.log.InfoContext(ctx, "schema migrated", "version", m.Source.Version)
	}
	return nil
}

// keepCopy backs a database up that is about to get another schema.
func (s *Store) keepCopy(ctx context.Context, provider *goose.Provider) error {
	version, err := provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if version == 0 || s.dir == "" {
		return nil // there is nothing in it, or its operator makes the backups
	}
	if pending, err := provider.HasPending(ctx); err != nil || !pending {
		return err
	}
	file, err := beforeMigration(ctx, s.dir, version)
	if err == nil {
		s.log.InfoContext(ctx, "database backed up before its schema changes", "file", file)
	}
	return err
}

const (
	readInstallation = `SELECT mac_key, min_binary FROM installation WHERE id = 1`
	readMove         = `SELECT moved_at FROM installation WHERE id = 1`
)

const insertInstallation = `
INSERT INTO installation (id, mac_key, min_binary) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING`

// loadInstallation reads the installation's row, which the first start makes.
func (s *Store) loadInstallation(ctx context.Context, db *sql.DB) error {
	sealed, oldest, err := readKey(ctx, db)
	if errors.Is(err, sql.ErrNoRows) {
		if err = s.makeInstallation(ctx, db); err == nil {
			sealed, oldest, err = readKey(ctx, db) // another process may have been first
		}
	}
	if err != nil {
		return fmt.Errorf("read the installation: %w", err)
	}
	if oldest > schemaVersion {
		return fmt.Errorf("the database was written by a newer version, which takes no program older than schema version %d; this one has %d: install the newer version", oldest, schemaVersion)
	}
	if err := stillHere(ctx, db); err != nil {
		return err
	}
	if s.macKey, err = s.ring.Open(macKeyPlace(), sealed); err != nil {
		return fmt.Errorf("open the installation key: the master key is not the one that this data was sealed with: %w", err)
	}
	return nil
}

func readKey(ctx context.Context, db *sql.DB) (sealed []byte, oldest int, err error) {
	err = db.QueryRowContext(ctx, readInstallation).Scan(&sealed, &oldest)
	return sealed, oldest, err
}

// stillHere refuses data that lives in another database now.
func stillHere(ctx context.Context, db *sql.DB) error {
	var moved int64
	if err := db.QueryRowContext(ctx, readMove).Scan(&moved); err != nil {
		return fmt.Errorf("read the installation: %w", err)
	}
	if moved == 0 {
		return nil
	}
	return fmt.Errorf("%w on %s: name that database with --database, or restore a backup here", ErrMoved, fromMicros(moved).UTC().Format("2 January 2006, 15:04 UTC"))
}

func (s *Store) makeInstallation(ctx context.Context, db *sql.DB) error {
	key, err := keyring.NewKey()
	if err != nil {
		return fmt.Errorf("make the installation key: %w", err)
	}
	sealed := s.ring.Seal(macKeyPlace(), s.Now(), key)
	_, err = db.ExecContext(ctx, insertInstallation, sealed, schemaVersion)
	return err
}
