package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// The advisory locks of a database.
const (
	serveLock   int64 = 0x7465616d73_0001 + iota // by the one process that serves
	migrateLock                                  // by who migrates
	changeLock                                   // by a change that is about to be numbered
)

// How often a lock is asked for again, and how long by who starts: the server
// notices only after a moment that the process before was killed.
const (
	lockRetry = 100 * time.Millisecond
	lockWait  = 3 * time.Second
)

// How a lock is asked for.
const (
	waitForLock = `SELECT true FROM (SELECT pg_advisory_lock($1)) AS l`
	tryLock     = `SELECT pg_try_advisory_lock($1)`
	tryShared   = `SELECT pg_try_advisory_lock_shared($1)`
)

const lockHolder = `
SELECT a.pid, a.application_name, COALESCE(host(a.client_addr), 'the same machine')
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND (CAST(l.classid AS BIGINT) << 32) + CAST(l.objid AS BIGINT) = $1
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())`

// lock takes an advisory lock on a connection of its own, with which it ends.
func (s server) lock(ctx context.Context, how string, key int64) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, s.config)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	var taken bool
	err = conn.QueryRow(ctx, how, key).Scan(&taken)
	if err == nil && !taken {
		err = s.heldBy(ctx, conn, key)
	}
	if err != nil {
		hangUpNow(ctx, conn)
		return nil, fmt.Errorf("lock the database: %w", err)
	}
	return conn, nil
}

// heldBy says who holds a lock. Where that is a connection of this very process,
// which it has lost, the server is told to end it.
func (s server) heldBy(ctx context.Context, conn *pgx.Conn, key int64) error {
	var pid int
	var name, from string
	if err := conn.QueryRow(ctx, lockHolder, key).Scan(&pid, &name, &from); err != nil {
		return errGone // it has let go meanwhile
	}
	if name == s.config.RuntimeParams["application_name"] {
		_, err := conn.Exec(ctx, `SELECT pg_terminate_backend($1)`, pid)
		return errors.Join(errGone, err)
	}
	return fmt.Errorf("%w: %s, connected from %s", errHeld, name, from)
}

// errGone says that a lock is held by nobody who lives.
var errGone = errors.New("held by a connection that is ending")

// lockServer takes a database, for one process or with others that serve it, and
// keeps it through restarts of the server.
func lockServer(ctx context.Context, s server, how string) (*Held, error) {
	host, _ := os.Hostname() // for people only
	s.config.RuntimeParams["application_name"] = fmt.Sprintf("serve %.30s %d %.8s", host, os.Getpid(), uuid.NewString())
	// A machine that is gone says nothing: the server must ask.
	for name, value := range map[string]string{"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3"} {
		s.config.RuntimeParams[name] = value
	}
	until := time.Now().Add(lockWait)
	h := &Held{lost: make(chan error, 1), how: how, Hints: newHints()}
	conn, err := h.take(ctx, s)
	for (errors.Is(err, errHeld) || errors.Is(err, errGone)) && time.Now().Before(until) && wait(ctx, lockRetry) == nil {
		conn, err = h.take(ctx, s)
	}
	if errors.Is(err, errHeld) {
		return nil, fmt.Errorf("another process has this database; end it first, or name another database: %w", err)
	}
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	h.unlock = func() { stop(); <-ended }
	go func() {
		defer close(ended)
		h.keep(ctx, s, conn)
	}()
	return h, nil
}

// take takes the lock, and listens for hints.
func (h *Held) take(ctx context.Context, s server) (*pgx.Conn, error) {
	conn, err := s.lock(ctx, h.how, serveLock)
	if err != nil || h.how == tryLock {
		return conn, err
	}
	for _, channel := range hintChannels() {
		if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
			hangUpNow(ctx, conn)
			return nil, fmt.Errorf("listen for other nodes: %w", err)
		}
	}
	for _, channel := range hintChannels() {
		h.Hints.give(channel) // while nobody listened there may have been some
	}
	return conn, nil
}

// keep hears hints until the connection that holds the lock ends, without asking
// for anything, and takes the lock again.
func (h *Held) keep(ctx context.Context, s server, conn *pgx.Conn) {
	for {
		for {
			said, err := conn.WaitForNotification(ctx)
			if err != nil {
				break
			}
			h.Hints.give(said.Channel)
		}
		hangUpNow(ctx, conn)
		for {
			if ctx.Err() != nil {
				return
			}
			var err error
			if conn, err = h.take(ctx, s); err == nil {
				break
			}
			if errors.Is(err, errHeld) {
				h.lost <- fmt.Errorf("another process took this database over while the connection was broken: %w", err)
				return
			}
			if wait(ctx, lockRetry) != nil {
				return
			}
		}
	}
}
