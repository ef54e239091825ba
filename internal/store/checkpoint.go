package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// How the write-ahead log is kept small. A checkpoint that waits for nobody runs
// beside the writer on a connection of its own, because checkpoints are what
// the slowest commits wait for; only a log above 64 MiB is reset by the writer.
const (
	checkpointEvery = 200 * time.Millisecond
	checkpointFrom  = 4 << 20  // bytes not yet in the database
	checkpointIdle  = 5        // looks without a change after which a smaller rest is moved too
	walMost         = 64 << 20 // bytes
)

// The log is measured without a checkpoint by the mode NOOP (SQLite 3.51).
const (
	walMeasure = `PRAGMA wal_checkpoint(NOOP)`
	walPassive = `PRAGMA wal_checkpoint(PASSIVE)`
	walRestart = `PRAGMA wal_checkpoint(RESTART)`
	pageSize   = `PRAGMA page_size`
)

// wal is the write-ahead log as it was last seen, in bytes.
type wal struct{ size, moved int64 }

// checkpoints keeps the write-ahead log small until ctx ends.
func (s *Store) checkpoints(ctx context.Context) {
	every := time.NewTicker(checkpointEvery)
	defer every.Stop()
	var last wal
	quiet := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		now, err := s.checkpoint(ctx, walMeasure)
		if quiet++; now != last {
			quiet = 0
		}
		rest := now.size - now.moved
		if err == nil && (rest >= checkpointFrom || rest > 0 && quiet >= checkpointIdle) {
			now, err = s.checkpoint(ctx, walPassive)
		}
		if err == nil && now.size > walMost {
			err = s.restartWAL(ctx)
		}
		last = now
		s.metrics.walBytes.Set(float64(now.size))
		if err != nil && ctx.Err() == nil {
			s.checkpointFailed(ctx, err)
		}
	}
}

func (s *Store) checkpointFailed(ctx context.Context, err error) {
	switch s.dialect.classify(err) {
	case unsynced:
		s.poison(err)
	case busy:
	case storage, failedRow:
		s.log.WarnContext(ctx, "checkpoint failed", "error", err)
	}
}

// checkpoint runs one of the statements on a connection of its own.
func (s *Store) checkpoint(ctx context.Context, text string) (now wal, err error) {
	var blocked, frames, moved, page int64
	if err := s.side.QueryRowContext(ctx, pageSize).Scan(&page); err != nil {
		return now, fmt.Errorf("read page_size: %w", err)
	}
	if err := s.side.QueryRowContext(ctx, text).Scan(&blocked, &frames, &moved); err != nil {
		return now, fmt.Errorf("checkpoint: %w", err)
	}
	return wal{size: max(frames, 0) * page, moved: max(moved, 0) * page}, nil
}

// restartWAL lets the writer move the rest and begin the log anew. It waits for
// reads that still look at it, which end after 2 s.
func (s *Store) restartWAL(ctx context.Context) error {
	job := work{kind: "checkpoint", size: 1, bare: true, do: func(ctx context.Context, tx *session, _ bool) error {
		var blocked, frames, moved int64
		return tx.one(ctx, q(walRestart), &blocked, &frames, &moved)
	}}
	err := s.writer.await(ctx, &changeJob{work: job, done: make(chan error, 1)}, &s.writer.changes)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
