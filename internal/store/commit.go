package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// How long a commit of unknown end, or a database that others keep busy, is tried again.
const (
	unknownFor = 5 * time.Second
	firstPause = 5 * time.Millisecond
	lastPause  = 250 * time.Millisecond
)

// errUnknown says that a commit may or may not have happened.
var errUnknown = errors.New("the end of the commit is unknown")

// errRaced says that another node changed what a decision stood on: the transaction runs again.
var errRaced = errors.New("changed by another node meanwhile")

// work is one transaction. It may run several times, and must start afresh each
// time. again: a commit of the same work has an unknown end, so what it would
// write may be there already.
type work struct {
	kind string // a metric's label: accept, settle, change, care, checkpoint
	size int
	bare bool // not inside a transaction
	do   func(ctx context.Context, tx *session, again bool) error
}

// commit runs a transaction until its end is known: nil after COMMIT; an error
// that wraps errUnknown after 5 s without knowing; any other error when it was
// certainly rolled back.
func (w *writer) commit(ctx context.Context, job work) error {
	if err := w.s.Err(); err != nil {
		return err
	}
	var again bool
	var deadline time.Time
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err, unknown := w.once(ctx, job, again)
		if err == nil {
			if !job.bare {
				w.setStorage(nil)
			}
			return nil
		}
		again = again || unknown
		kind := w.s.dialect.classify(err)
		switch {
		case kind == unsynced:
			w.s.poison(err)
		case again || kind == busy || errors.Is(err, errRaced):
			if deadline.IsZero() {
				deadline = time.Now().Add(unknownFor)
			}
			if time.Now().Before(deadline) && wait(ctx, pause) == nil {
				continue
			}
		case kind == storage:
			w.setStorage(err)
		}
		if again {
			return fmt.Errorf("%w: %w", errUnknown, err)
		}
		return err
	}
}

// once runs a transaction one time. unknown: its COMMIT answered with an error
// that leaves open whether it happened.
func (w *writer) once(ctx context.Context, job work, again bool) (err error, unknown bool) {
	if err := w.connect(ctx); err != nil {
		return err, false
	}
	tx := w.session
	started := time.Now()
	if most := w.s.dialect.writeTime; most > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, most)
		defer cancel()
	}
	if job.bare {
		return job.do(ctx, tx, again), false
	}
	if err := tx.later(ctx, q(w.s.dialect.begin), nil); err != nil {
		w.disconnect() // it may have begun all the same
		return fmt.Errorf("begin: %w", err), false
	}
	err = job.do(ctx, tx, again)
	if err == nil {
		err = tx.flush(ctx)
	}
	if err != nil {
		w.rollback(ctx)
		return err, false
	}
	if err := w.commitNow(ctx, tx); err != nil {
		unknown = !w.s.dialect.rolledBack(err)
		w.disconnect()
		return fmt.Errorf("commit: %w", err), unknown
	}
	w.s.metrics.committed(job, time.Since(started))
	return nil, false
}

func (w *writer) commitNow(ctx context.Context, tx *session) error {
	fault, really := tx.faults.commit()
	if really {
		if err := tx.dialect.commit(ctx, tx); err != nil {
			return err
		}
	}
	return fault
}

func (w *writer) rollback(ctx context.Context) {
	w.session.queued = nil
	if _, err := w.session.exec(ctx, q("ROLLBACK")); err != nil {
		w.disconnect()
	}
}

// connect makes sure that the writer has its connection.
func (w *writer) connect(ctx context.Context) (err error) {
	if w.session == nil {
		w.session, err = openSession(ctx, w.db, &w.s.dialect, w.faults)
	}
	return err
}

func (w *writer) disconnect() {
	w.session.close()
	w.session = nil
}

// wait waits unless ctx ends before.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// refusal says to a caller what became of a write that did not go well.
func (s *Store) refusal(what string, err error) error {
	var known *connector.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, errUnknown):
		return &connector.Error{
			Code:       connector.AcceptUnknown,
			Message:    "It is not known whether this was written. Look whether it is there before you repeat it.",
			RetryAfter: time.Second,
		}
	case s.Err() != nil, s.dialect.classify(err) != failedRow, errors.Is(err, errRaced):
		return notAccepted("Nothing was accepted: the service can't write to its disk or database now. Try again later.")
	}
	return fmt.Errorf("%s: %w", what, err)
}

func notAccepted(text string) *connector.Error {
	return &connector.Error{Code: connector.NotAccepted, Message: text, RetryAfter: time.Second}
}
