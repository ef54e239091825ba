package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// How long one waits for a server: for a connection, for a transaction that
// writes, and for a lock in it.
const (
	connectTime  = 2 * time.Second
	postgresTime = 10 * time.Second
	lockTime     = "5s"
	// What a node that says nothing more has locked is free again before others have waited long for it.
	silentTime = 2 * time.Second
)

// server is a PostgreSQL database.
type server struct{ config *pgx.ConnConfig }

var errDatabaseURL = errors.New("the database URL can't be read; it should look like postgres://user:password@host:5432/name")

// errWeak says that the server would not keep what was accepted.
var errWeak = errors.New("the PostgreSQL server would not keep what was accepted")

func parseServer(database connector.Secret) (server, error) {
	text := database.Reveal()
	if !strings.HasPrefix(text, "postgres://") && !strings.HasPrefix(text, "postgresql://") {
		return server{}, errDatabaseURL
	}
	config, err := pgx.ParseConfig(text)
	if err != nil {
		return server{}, errDatabaseURL // what pgx says quotes the URL
	}
	config.ConnectTimeout = connectTime
	return server{config}, nil
}

func (s server) dialect() dialect {
	return dialect{
		name:       goose.DialectPostgres,
		migrations: "migrations/postgres",
		make:       func(context.Context) error { return nil },
		open:       s.open,
		check:      checkPostgres,
		migrating: func(ctx context.Context) (func(), error) {
			conn, err := s.lock(ctx, waitForLock, migrateLock)
			return func() { hangUpNow(ctx, conn) }, err
		},
		begin:      "BEGIN",
		beginRead:  "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
		commit:     commitPostgres,
		together:   togetherPostgres,
		chunks:     []int{128, 32, 8, 1},
		perLane:    perLane{headsFromEach + "9" + headsToEach, headsFromEach + "51" + headsToEach},
		writeTime:  postgresTime,
		oneByOne:   fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", changeLock),
		several:    true,
		now:        postgresNow,
		text:       func(text string) string { return text },
		value:      postgresValue,
		classify:   classifyPostgres,
		rolledBack: postgresRolledBack,
		unique:     func(err error) bool { return postgresCode(err) == "23505" },
	}
}

// open opens the database for one kind of use.
func (s server) open(as use) (*sql.DB, error) {
	config := s.config.Copy()
	set := config.RuntimeParams
	set["application_name"] = "teamsconnector"
	set["jit"] = "off" // compiling costs more than any statement of ours takes
	if as != forReading {
		// All that is asked there goes by keys. Planned while a table is nearly empty, it would read that from end to end, also when it has grown.
		set["enable_seqscan"], set["enable_hashjoin"], set["enable_mergejoin"] = "off", "off", "off"
	}
	if as == forReading || as == forSending {
		set["default_transaction_read_only"] = "on"
		set["statement_timeout"] = fmt.Sprint(readTime.Milliseconds())
		return stdlib.OpenDB(*config), nil
	}
	set["lock_timeout"] = lockTime
	set["idle_in_transaction_session_timeout"] = fmt.Sprint(silentTime.Milliseconds())
	return stdlib.OpenDB(*config, stdlib.OptionAfterConnect(durable)), nil
}

const postgresSettings = `
SELECT CAST(current_setting('server_version_num') AS INTEGER), current_setting('fsync'), current_setting('full_page_writes'),
       current_setting('synchronous_commit'), current_setting('transaction_read_only')`

// durable refuses a connection on which a commit would not be on disk.
func durable(ctx context.Context, conn *pgx.Conn) error {
	var version int
	var fsync, pages, commit, readOnly string
	if err := conn.QueryRow(ctx, postgresSettings).Scan(&version, &fsync, &pages, &commit, &readOnly); err != nil {
		return fmt.Errorf("read the server's settings: %w", err)
	}
	switch {
	case version < 150000:
		return fmt.Errorf("%w: it has version %d, needed is 15 or later", errWeak, version/10000)
	case fsync != "on":
		return fmt.Errorf("%w: fsync is %s; set fsync = on", errWeak, fsync)
	case pages != "on":
		return fmt.Errorf("%w: full_page_writes is %s; set full_page_writes = on", errWeak, pages)
	case commit != "on" && commit != "remote_apply":
		return fmt.Errorf("%w: synchronous_commit is %s; set synchronous_commit = on, for the server, the database and the user", errWeak, commit)
	case readOnly != "off":
		return fmt.Errorf("%w: it is read-only, as a standby is; name the primary server", errWeak)
	case commit == "on":
		_, err := conn.Exec(ctx, "SET synchronous_commit = on") // whatever the server's file says later
		return err
	}
	return nil
}

// checkPostgres makes a first connection, which durable looks at.
func checkPostgres(ctx context.Context, db *sql.DB) error {
	if err := db.PingContext(ctx); err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	return nil
}

func postgresNow(ctx context.Context, db *sql.DB) (time.Time, error) {
	var now int64
	err := db.QueryRowContext(ctx, `SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`).Scan(&now)
	return fromMicros(now), err
}

// errNotSent says that the connection had broken before the COMMIT was sent.
var errNotSent = fmt.Errorf("the connection had broken: %w", driver.ErrBadConn)

// commitPostgres commits, and notices where the server only rolled back: that is
// how it answers when a statement had failed before.
func commitPostgres(ctx context.Context, tx *session) error {
	return tx.conn.Raw(func(conn any) error {
		c, ok := conn.(*stdlib.Conn)
		if !ok || c.Conn().IsClosed() {
			return errNotSent
		}
		tag, err := c.Conn().Exec(ctx, "COMMIT")
		if err == nil && tag.String() != "COMMIT" {
			err = pgx.ErrTxCommitRollback
		}
		return err
	})
}

// togetherPostgres sends all statements at once, then reads the answers.
func togetherPostgres(ctx context.Context, tx *session, all []queued) error {
	batch := &pgx.Batch{}
	for _, s := range all {
		batch.Queue(s.text, tx.values(s.args)...)
	}
	return tx.conn.Raw(func(conn any) (err error) {
		c, ok := conn.(*stdlib.Conn)
		if !ok {
			return driver.ErrBadConn
		}
		answers := c.Conn().SendBatch(ctx, batch)
		defer func() { err = errors.Join(err, answers.Close()) }()
		for _, s := range all {
			if err := s.answered(answers); err != nil {
				return err
			}
		}
		return nil
	})
}

// answered reads the answer to one statement.
func (s queued) answered(answers pgx.BatchResults) error {
	if s.row == nil {
		tag, err := answers.Exec()
		if err == nil && s.done != nil {
			err = s.done(tag.RowsAffected())
		}
		return err
	}
	rows, err := answers.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := s.row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// hangUp ends a connection to a server without asking it.
func hangUp(conn any) error {
	if c, ok := conn.(*stdlib.Conn); ok {
		hangUpNow(context.Background(), c.Conn())
	}
	return nil
}

func hangUpNow(ctx context.Context, conn *pgx.Conn) {
	if conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // what it was doing is rolled back either way
}

// postgresValue replaces what no text in PostgreSQL can hold: no name and no id has it.
func postgresValue(v any) any {
	text, ok := v.(string)
	if !ok {
		return v
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// postgresCode returns the server's code; empty: the error is none of the server's.
func postgresCode(err error) string {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return said.Code
	}
	return ""
}

func classifyPostgres(err error) failure {
	var connect *pgconn.ConnectError
	var network net.Error
	code := postgresCode(err)
	switch {
	case errors.As(err, &connect), errors.Is(err, errWeak), errors.Is(err, context.DeadlineExceeded):
		return storage
	case code != "":
		return classifyCode(err, code)
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.As(err, &network), errors.Is(err, net.ErrClosed), pgconn.SafeToRetry(err):
		return busy
	}
	return failedRow
}

func classifyCode(err error, code string) failure {
	switch code {
	case "40001", "40P01", "55P03": // serialization, deadlock, a lock that did not come
		return busy
	case "57014", "25006": // canceled, read-only
		return storage
	case "23505":
		var said *pgconn.PgError
		if errors.As(err, &said) && (said.ConstraintName == "message_key") {
			return busy // another process took the key just now: decide again
		}
	}
	switch code[:2] {
	case "57", "08", "26": // the server ends, or another connection than before
		return busy
	case "53", "58", "XX": // resources, the system, damage
		return storage
	}
	return failedRow
}

// postgresRolledBack names the answers to COMMIT after which nothing was
// written: the server's own, unless it was about to end. (pgconn.SafeToRetry is
// no such answer: it is true of "conn closed", which a COMMIT gets that was sent.)
func postgresRolledBack(err error) bool {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return said.Severity == "ERROR" && said.Code != "40003"
	}
	return errors.Is(err, pgx.ErrTxCommitRollback) || errors.Is(err, errNotSent)
}
