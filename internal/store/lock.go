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

// Lock takes the data folder for this process, so that no two serve it. The
// error names the process that holds it. The lock ends with the process.
func Lock(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	path := filepath.Join(dir, "lock")
	unlock, err = lockFile(context.Background(), path, false)
	if errors.Is(err, errHeld) {
		return nil, fmt.Errorf("the data folder %s is in use by process %s; end it first, or name another folder", dir, holder(path))
	}
	return unlock, err
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
