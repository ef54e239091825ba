package store

import (
	"errors"
	"fmt"

	sqlite3 "modernc.org/sqlite/lib"
)

// FileName is the database in the data folder.
const FileName = fileName

// ErrDamaged says that the database's file holds something else than SQLite wrote.
var ErrDamaged = errors.New("the database is damaged")

func damaged(err error) error {
	switch sqliteCode(err) & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}
