package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// errHeld says that another process holds a lock.
var errHeld = errors.New("held by another process")

// lockPoll is how often a lock that is waited for is tried.
const lockPoll = 20 * time.Millisecond

// Held is what one process serves, so that no other does.
type Held struct {
	// Hints are what other nodes say; nothing ever where there are none.
	Hints Hints

	how    string // the lock is asked for
	unlock func()
	lost   chan error // size 1; written by who keeps it
}

// Unlock lets go.
func (h *Held) Unlock() { h.unlock() }

// Lost says once that another process has taken over: this one must end.
func (h *Held) Lost() <-chan error { return h.lost }

// Lock takes the data folder or the database for this process alone. The error
// names the process that holds it. The lock ends with the process.
func Lock(ctx context.Context, o Options) (*Held, error) { return lock(ctx, o, tryLock) }

// LockToServe does the same for a process that serves it. A database is shared
// with others that do, and with nobody else.
func LockToServe(ctx context.Context, o Options) (*Held, error) { return lock(ctx, o, tryShared) }

func lock(ctx context.Context, o Options, how string) (*Held, error) {
	if !o.Database.Empty() {
		s, err := parseServer(o.Database)
		if err != nil {
			return nil, err
		}
		return lockServer(ctx, s, how)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	path := filepath.Join(o.Dir, "lock")
	unlock, err := lockFile(ctx, path, false)
	if errors.Is(err, errHeld) {
		return nil, fmt.Errorf("the data folder %s is in use by process %s; end it first, or name another folder", o.Dir, holder(path))
	}
	if err != nil {
		return nil, err
	}
	return &Held{unlock: unlock, lost: make(chan error, 1)}, nil
}

// holder reads who holds a lock.
func holder(path string) string {
	text, err := os.ReadFile(path)
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return pid
	}
	return "unknown"
}

// lockFile takes a lock on a file and writes this process's number into it.
func lockFile(ctx context.Context, path string, wait bool) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	if err := takeLock(ctx, f, wait); err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	_ = writePID(f)                      // with a full disk the lock holds all the same, only without the number
	return func() { _ = f.Close() }, nil // closing is what unlocks; the file stays, or a waiting process would lock a removed one
}

func takeLock(ctx context.Context, f *os.File, wait bool) error {
	for {
		err := flock(f)
		if !wait || !errors.Is(err, errHeld) {
			return err
		}
		retry := time.NewTimer(lockPoll)
		select {
		case <-ctx.Done():
			retry.Stop()
			return ctx.Err()
		case <-retry.C:
		}
	}
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := f.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	return err
}
