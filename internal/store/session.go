package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// session is one connection with its prepared statements. One goroutine uses it at a time.
type session struct {
	conn    *sql.Conn
	stmts   map[string]*sql.Stmt
	lists   map[multiOf]string
	dialect *dialect
	faults  *Faults
	queued  []queued // not sent yet
}

// queued is a statement that waits for others, to be sent with them.
type queued struct {
	statement
	done func(changed int64) error // nil: how many rows it changed does not matter
	row  func(scan scan) error     // nil: it has no rows
}

// scan reads the values of a row.
type scan func(into ...any) error

// statement is a text with its arguments.
type statement struct {
	text string
	args []any
}

func q(text string, args ...any) statement { return statement{text: text, args: args} }

func openSession(ctx context.Context, db *sql.DB, d *dialect, faults *Faults) (*session, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return &session{conn: conn, stmts: make(map[string]*sql.Stmt), lists: make(map[multiOf]string), dialect: d, faults: faults}, nil
}

// close gives the connection up. Whatever it was doing is rolled back.
func (c *session) close() {
	_ = c.conn.Raw(hangUp) // so that closing a statement asks nobody
	for _, stmt := range c.stmts {
		_ = stmt.Close() // the connection goes with it
	}
	_ = c.conn.Raw(func(any) error { return driver.ErrBadConn }) // never back into the pool, where a transaction could be open
	_ = c.conn.Close()
}

// prepared returns the statement, prepared once per connection.
func (c *session) prepared(ctx context.Context, text string) (*sql.Stmt, error) {
	if err := c.faults.statement(text); err != nil {
		return nil, err
	}
	if stmt, ok := c.stmts[text]; ok {
		return stmt, nil
	}
	stmt, err := c.conn.PrepareContext(ctx, c.dialect.text(text))
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	c.stmts[text] = stmt
	return stmt, nil
}

// later runs a statement together with the next ones, before the transaction
// reads or ends: over a network each would cost a journey of its own. done hears
// how many rows it changed.
func (c *session) later(ctx context.Context, s statement, done func(changed int64) error) error {
	if c.dialect.together != nil {
		c.queued = append(c.queued, queued{statement: s, done: done})
		return c.faults.statement(s.text)
	}
	n, err := c.exec(ctx, s)
	if err == nil && done != nil {
		err = done(n)
	}
	return err
}

// eachLater does the same and reads the rows.
func (c *session) eachLater(ctx context.Context, s statement, row func(scan scan) error) error {
	if c.dialect.together != nil {
		c.queued = append(c.queued, queued{statement: s, row: row})
		return c.faults.statement(s.text)
	}
	return c.each(ctx, s, func(rows *sql.Rows) error { return row(rows.Scan) })
}

// flush runs what waits.
func (c *session) flush(ctx context.Context) error {
	all := c.queued
	c.queued = nil
	if len(all) == 0 {
		return nil
	}
	return c.dialect.together(ctx, c, all)
}

// exec runs a statement and returns how many rows it changed.
func (c *session) exec(ctx context.Context, s statement) (int64, error) {
	if err := c.flush(ctx); err != nil {
		return 0, err
	}
	stmt, err := c.prepared(ctx, s.text) //nolint:sqlclosecheck // kept for the next time; close closes it
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(ctx, c.values(s.args)...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// values are the arguments as the database takes them.
func (c *session) values(args []any) []any {
	if c.dialect.value != nil {
		for i := range args {
			args[i] = c.dialect.value(args[i])
		}
	}
	return args
}

// one reads the single row of a statement; ErrNotFound: there is none.
func (c *session) one(ctx context.Context, s statement, into ...any) error {
	found := false
	err := c.each(ctx, s, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(into...)
	})
	if err == nil && !found {
		return ErrNotFound
	}
	return err
}

// each reads the rows of a statement one by one.
func (c *session) each(ctx context.Context, s statement, row func(*sql.Rows) error) (err error) {
	if err := c.flush(ctx); err != nil {
		return err
	}
	stmt, err := c.prepared(ctx, s.text) //nolint:sqlclosecheck // likewise
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(ctx, c.values(s.args)...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// mostIDs is the longest list of ids in one statement.
const mostIDs = 128

// inList is a statement with a list of ids in it: what stands before and after
// the list, and the arguments before it.
type inList struct {
	before, after string
	first         []any
}

// eachIn reads the rows of a statement with a list of ids.
func (c *session) eachIn(ctx context.Context, in inList, ids []any, row func(*sql.Rows) error) error {
	return c.pieces(in, ids, func(s statement) error { return c.each(ctx, s, row) })
}

// eachInLater does the same together with the next statements.
func (c *session) eachInLater(ctx context.Context, in inList, ids []any, row func(scan scan) error) error {
	return c.pieces(in, ids, func(s statement) error { return c.eachLater(ctx, s, row) })
}

// pieces cuts a list of ids into as many pieces as it takes. A list has one of a
// few lengths, filled up with its last id, so that each is prepared once.
func (c *session) pieces(in inList, ids []any, run func(statement) error) error {
	for len(ids) > 0 {
		n := min(len(ids), mostIDs)
		size := mostIDs
		for _, s := range [...]int{1, 8, 32} {
			if n <= s {
				size = s
				break
			}
		}
		args := append(make([]any, 0, len(in.first)+size), in.first...)
		for i := range size {
			args = append(args, ids[min(i, n-1)])
		}
		if err := run(statement{c.list(in, size), args}); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// list writes the list of a statement once.
func (c *session) list(in inList, size int) string {
	of := multiOf{in.before, size}
	whole, ok := c.lists[of]
	if !ok {
		var b strings.Builder
		b.WriteString(in.before + "(")
		for i := range size {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString("$" + strconv.Itoa(len(in.first)+i+1))
		}
		b.WriteString(")" + in.after)
		whole = b.String()
		c.lists[of] = whole
	}
	return whole
}

// How many connections read, and how long one read may take: a longer one would
// keep the write-ahead log from being reused.
const (
	readers  = 4
	readTime = 2 * time.Second
)

// reads is a pool of connections that can't write.
type reads struct {
	db      *sql.DB
	dialect *dialect
	idle    chan *session // filled by Open and by those who are done; drained by close
	faults  *Faults
}

func newReads(db *sql.DB, d *dialect, faults *Faults) *reads {
	r := &reads{db: db, dialect: d, idle: make(chan *session, readers), faults: faults}
	for range readers {
		r.idle <- nil // connected at the first use
	}
	return r
}

// read gives do a connection to itself, for a bounded time. What fails although
// somebody still waits for it is connector.ErrAway.
func (r *reads) read(ctx context.Context, do func(ctx context.Context, c *session) error) error {
	err := r.bounded(ctx, do)
	var known *connector.Error
	if err == nil || errors.Is(err, ErrNotFound) || errors.As(err, &known) || ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("%w: %w", connector.ErrAway, err)
}

func (r *reads) bounded(ctx context.Context, do func(ctx context.Context, c *session) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	var c *session
	select {
	case c = <-r.idle:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { r.idle <- c }()

	for {
		fresh := c == nil
		if fresh {
			if c, err = openSession(ctx, r.db, r.dialect, r.faults); err != nil {
				c = nil
				return r.away(err)
			}
		}
		if err = do(ctx, c); err == nil || errors.Is(err, ErrNotFound) {
			return err
		}
		c.close() // after an interrupted read nobody knows what is still open
		c = nil
		if fresh || ctx.Err() != nil || r.dialect.classify(err) != busy {
			return r.away(err)
		}
		// The connection had broken since its last use.
	}
}

// away adds to an error what a caller may hear where the database does not answer.
func (r *reads) away(err error) error {
	if kind := r.dialect.classify(err); kind == busy || kind == storage {
		return fmt.Errorf("%w: %w", notAccepted("The service can't read its database now. Try again later."), err)
	}
	return err
}

func (r *reads) close() error {
	for range readers {
		if c := <-r.idle; c != nil {
			c.close()
		}
	}
	return r.db.Close()
}
