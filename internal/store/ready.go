package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// probeFor is how long the answer of a probe is kept, and probeSize how much it writes.
const (
	probeFor  = time.Second
	probeSize = 64 << 10
)

// probe remembers whether the data folder could be written to.
type probe struct {
	mu  sync.Mutex
	at  time.Time // by the process's clock; zero: never
	err error
}

// Ready says why the store can't take messages now; nil: it can.
func (s *Store) Ready(ctx context.Context) error {
	if err := s.Err(); err != nil {
		return err
	}
	s.probe.mu.Lock()
	defer s.probe.mu.Unlock()
	if s.probe.at.IsZero() || time.Since(s.probe.at) > probeFor {
		s.probe.err = s.probeNow(ctx)
		s.probe.at = time.Now()
	}
	return s.probe.err
}

func (s *Store) probeNow(ctx context.Context) error {
	if s.dir != "" {
		if err := probeDir(s.dir); err != nil {
			return fmt.Errorf("the data folder can't be written to: %w", err)
		}
	}
	if err := s.probeSchema(ctx); err != nil {
		return fmt.Errorf("the database can't be read: %w", err)
	}
	if s.writer.storageError() == nil {
		return nil
	}
	// The last write failed. Callers may stay away until we say that we are ready: so try one of our own.
	if err := s.probeWrite(ctx); err != nil {
		return fmt.Errorf("the database can't be written to: %w", err)
	}
	return nil
}

// probeDir writes a file, syncs and removes it.
func probeDir(dir string) (err error) {
	f, err := os.CreateTemp(dir, "probe-*.tmp")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	if _, err := f.Write(make([]byte, probeSize)); err != nil {
		_ = f.Close() // it is removed anyway
		return err
	}
	if err := f.Sync(); err != nil {
		_ = f.Close() // it is removed anyway
		return err
	}
	return f.Close()
}

func (s *Store) probeSchema(ctx context.Context) error {
	return s.reads.read(ctx, func(ctx context.Context, c *session) error {
		var sealed []byte
		var oldest int
		if err := c.one(ctx, q(readInstallation), &sealed, &oldest); err != nil {
			return err
		}
		if oldest > schemaVersion {
			return fmt.Errorf("a newer version has migrated it to %d, this program has %d", oldest, schemaVersion)
		}
		return nil
	})
}

const noteProbe = `UPDATE installation SET probed = $1 WHERE id = 1`

func (s *Store) probeWrite(ctx context.Context) error {
	return s.writer.change(ctx, func(ctx context.Context, tx *session, _ bool) error {
		_, err := tx.exec(ctx, q(noteProbe, micros(s.Now())))
		return err
	})
}
