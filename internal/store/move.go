package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// ErrMoved says that the data is in another database now.
var ErrMoved = errors.New("the data was moved to PostgreSQL")

// movedTable is a table with the columns that order its rows, and the one that is given by the database.
type movedTable struct{ name, order, identity string }

// movedTables is everything, in an order in which each row finds what it refers to.
func movedTables() []movedTable {
	return []movedTable{
		{"installation", "id", ""},
		{"settings", "id", ""},
		{"plan", "id", "id"},
		{"organization", "id", "id"},
		{"person", "id", "id"},
		{"member", "organization, person", ""},
		{"link", "id", "id"},
		{"signin", "id", "id"},
		{"identity", "issuer, subject", ""},
		{"directory", "id", "id"},
		{"subscription", "id", "id"},
		{"orders", "id", "id"},
		{"keys", "id", "id"},
		{"webhook", "id", "id"},
		{"notice", "id", "id"},
		{"grp", "id", "id"},
		{"lane", "id", "id"},
		{"message", "id", "id"},
		{"queue", "lane, id", ""},
		{"attempt", "message, n", ""},
		{"usage", "subscription, day, webhook", ""},
		{"quota", "subscription, month", ""},
		{"token", "id", "id"},
		{"audit", "id", "id"},
	}
}

// Moved says what was copied.
type Moved struct {
	Rows     int // in all tables
	Messages int
	Waiting  int
}

const markMoved = `UPDATE installation SET moved_at = $1 WHERE id = 1`

// Move copies everything from a data folder into an empty PostgreSQL database, in
// one transaction, and compares each table's rows there with those here before it
// is committed. Then the source says that it was moved, and can't be opened any
// more. Both are sealed with the same master key. The caller holds the locks of both.
func Move(ctx context.Context, from, to Options) (done Moved, err error) {
	source, err := Open(ctx, from)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := Open(ctx, to) // makes the schema
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	db, err := openSQLite(from.Dir, "query_only(1)")
	if err != nil {
		return done, fmt.Errorf("open the source: %w", err)
	}
	defer func() { _ = db.Close() }() // it was only read
	if done, err = copyAll(ctx, db, target.side); err != nil {
		return done, err
	}
	return done, source.writer.change(ctx, func(ctx context.Context, tx *session, _ bool) error {
		_, err := tx.exec(ctx, q(markMoved, micros(time.Now())))
		return err
	})
}

// copyAll copies within one transaction of the target.
func copyAll(ctx context.Context, source, target *sql.DB) (done Moved, err error) {
	conn, err := target.Conn(ctx)
	if err != nil {
		return done, fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer func() { _ = conn.Close() }() // the transaction has ended by then
	err = conn.Raw(func(c any) error {
		raw, ok := c.(*stdlib.Conn)
		if !ok {
			return errors.New("this connection can't copy")
		}
		tx, err := raw.Conn().Begin(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback(ctx) }() // no-op after Commit
		if err := emptied(ctx, tx); err != nil {
			return err
		}
		for _, table := range movedTables() {
			rows, err := table.move(ctx, source, tx)
			if err != nil {
				return fmt.Errorf("copy table %s: %w", table.name, err)
			}
			done.count(table.name, rows)
		}
		return tx.Commit(ctx)
	})
	return done, err
}

func (m *Moved) count(table string, rows int) {
	m.Rows += rows
	switch table {
	case "message":
		m.Messages = rows
	case "queue":
		m.Waiting = rows
	}
}

// emptied refuses a database in which somebody is at home, and takes out what the schema brings along.
func emptied(ctx context.Context, tx pgx.Tx) error {
	var organizations, people int
	if err := tx.QueryRow(ctx, "SELECT (SELECT COUNT(*) FROM organization), (SELECT COUNT(*) FROM person)").Scan(&organizations, &people); err != nil {
		return fmt.Errorf("look into the target: %w", err)
	}
	if organizations+people > 0 {
		return fmt.Errorf("the PostgreSQL database is not empty: it has %d organizations and %d people; name an empty one", organizations, people)
	}
	for _, table := range []string{"audit", "plan", "settings", "installation"} {
		if _, err := tx.Exec(ctx, "DELETE FROM "+table); err != nil {
			return fmt.Errorf("empty the target: %w", err)
		}
	}
	return nil
}

// move copies one table and compares both sides.
func (t movedTable) move(ctx context.Context, source *sql.DB, tx pgx.Tx) (rows int, err error) {
	from, err := source.QueryContext(ctx, "SELECT * FROM "+t.name+" ORDER BY "+t.order) //nolint:gosec // names of our own
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	columns, err := from.Columns()
	if err != nil {
		return 0, err
	}
	here := &sourceRows{rows: from, digest: sha256.New(), width: len(columns)}
	copied, err := tx.CopyFrom(ctx, pgx.Identifier{t.name}, columns, here)
	if err := errors.Join(err, from.Err()); err != nil {
		return 0, err
	}
	there, err := t.digest(ctx, tx, columns)
	if err != nil {
		return 0, err
	}
	if string(here.digest.Sum(nil)) != there || copied != here.count {
		return 0, fmt.Errorf("what arrived differs from what was sent (%d rows of %d)", copied, here.count)
	}
	if t.identity == "" {
		return int(copied), nil
	}
	_, err = tx.Exec(ctx, fmt.Sprintf("SELECT setval(pg_get_serial_sequence('%[1]s', '%[2]s'), GREATEST((SELECT COALESCE(MAX(%[2]s), 0) FROM %[1]s), 1))", t.name, t.identity))
	return int(copied), err
}

// sourceRows hands rows over and reckons their digest meanwhile.
type sourceRows struct {
	rows   *sql.Rows
	digest hash.Hash
	width  int
	count  int64
	values []any
	err    error
}

// Next goes to the next row.
func (s *sourceRows) Next() bool {
	if s.err != nil || !s.rows.Next() {
		return false
	}
	s.values = make([]any, s.width)
	into := make([]any, s.width)
	for i := range s.values {
		into[i] = &s.values[i]
	}
	if s.err = s.rows.Scan(into...); s.err != nil {
		return false
	}
	for i, v := range s.values {
		if b, ok := v.([]byte); ok && b == nil {
			v = []byte{} // an empty one, which is not NULL
		}
		s.values[i] = postgresValue(v)
	}
	s.count++
	digestRow(s.digest, s.values)
	return true
}

// Values returns the row.
func (s *sourceRows) Values() ([]any, error) { return s.values, s.err }

// Err says why there are no more rows; nil: these were all.
func (s *sourceRows) Err() error { return errors.Join(s.err, s.rows.Err()) }

// digest reads back what has arrived.
func (t movedTable) digest(ctx context.Context, tx pgx.Tx, columns []string) (string, error) {
	rows, err := tx.Query(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM "+t.name+" ORDER BY "+t.order)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	sum := sha256.New()
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return "", err
		}
		digestRow(sum, values)
	}
	return string(sum.Sum(nil)), rows.Err()
}

// digestRow adds a row to a digest, so that two different rows never add the same.
func digestRow(to hash.Hash, values []any) {
	for _, v := range values {
		var kind byte
		var text []byte
		switch v := v.(type) {
		case nil:
			kind = 'n'
		case []byte:
			kind, text = 'b', v
		case string:
			kind, text = 's', []byte(v)
		default:
			kind, text = 'i', fmt.Append(nil, v)
		}
		_, _ = to.Write(binary.BigEndian.AppendUint64([]byte{kind}, uint64(len(text)))) // a hash takes everything
		_, _ = to.Write(text)
	}
}
