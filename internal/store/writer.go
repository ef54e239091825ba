package store

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// The most that one transaction takes, and the most callers that may wait for one.
const (
	maxBatch      = 512
	maxBatchBytes = 1 << 20
	maxCallers    = 16 * 1024
)

// maxRemembered bounds what the writer remembers from batch to batch.
const maxRemembered = 100_000

// idleFor is how long nothing must wait before housekeeping may write.
const idleFor = 100 * time.Millisecond

// errClosed says that the store was closed.
var errClosed = errors.New("the store is closed")

// writer is the one goroutine that writes. It takes whatever waits, without a
// timer, so that callers share the cost of a commit exactly when there are many:
// accepts and people's changes in turn, and settles every second time.
type writer struct {
	s      *Store
	db     *sql.DB
	faults *Faults

	mu      sync.Mutex
	accepts []*acceptJob
	// acceptBytes is the length of all sealed bodies in accepts.
	acceptBytes int
	settles     []*settleJob
	changes     []*changeJob
	care        []*changeJob  // housekeeping: only when nothing else waits
	closed      error         // set once: nothing more is taken
	wake        chan struct{} // size 1; any caller writes, run reads
	ended       chan struct{} // closed by run

	// Only run touches these.
	session *session
	turn    int
	used    map[int64]time.Time // when the last use of binding keys was written
	owners  map[connector.LaneID]laneOwner
	texts   map[multiOf]string

	storageMu sync.Mutex
	storage   error // why the last write failed for want of room or disk; nil: it did not
}

// changeJob is a transaction of its own: people's change, or housekeeping.
type changeJob struct {
	work work
	done chan error // size 1; run writes
}

func newWriter(s *Store, db *sql.DB, faults *Faults) *writer {
	return &writer{
		s: s, db: db, faults: faults,
		wake: make(chan struct{}, 1), ended: make(chan struct{}),
		used: make(map[int64]time.Time), owners: make(map[connector.LaneID]laneOwner), texts: make(map[multiOf]string),
	}
}

// enqueue hands a job to the writer by adding it under the lock.
func (w *writer) enqueue(add func()) error {
	if err := w.s.Err(); err != nil {
		return notAccepted("Nothing was accepted: a write to the disk failed, and the service must be started again.")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed != nil {
		return notAccepted("Nothing was accepted: the service is stopping. Try again later.")
	}
	add()
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return nil
}

// run writes until the writer is closed and nothing waits.
func (w *writer) run(ctx context.Context) {
	defer close(w.ended)
	defer func() {
		if w.session != nil {
			w.disconnect()
		}
	}()
	idle := time.NewTimer(idleFor)
	defer idle.Stop()
	rested := false // nobody but housekeeping has come for so long
	for {
		// Callers that the last commit answered are about to come again: let them, so that they share the next one.
		runtime.Gosched()
		if w.step(ctx) {
			rested = false
			idle.Reset(idleFor)
			continue
		}
		if w.finished() {
			return
		}
		if rested && w.housekeep(ctx) {
			rested = false
			idle.Reset(idleFor)
		}
		select {
		case <-w.wake:
		case <-idle.C:
			rested = true
		}
	}
}

// finished reports whether the writer was closed and nothing waits.
func (w *writer) finished() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed != nil && len(w.accepts)+len(w.settles)+len(w.changes)+len(w.care) == 0
}

// step writes one batch of what waits; false: nothing waits.
func (w *writer) step(ctx context.Context) bool {
	for range 4 {
		w.turn = (w.turn + 1) % 4
		switch w.turn {
		case 0:
			if jobs := w.takeAccepts(); len(jobs) > 0 {
				w.writeAccepts(ctx, jobs)
				return true
			}
		case 2:
			if job := take(w, &w.changes); job != nil {
				job.done <- w.commit(ctx, job.work)
				return true
			}
		default:
			if jobs := w.takeSettles(); len(jobs) > 0 {
				w.writeSettles(ctx, jobs)
				return true
			}
		}
	}
	return false
}

// housekeep writes one piece of housekeeping; false: none waits.
func (w *writer) housekeep(ctx context.Context) bool {
	job := take(w, &w.care)
	if job == nil {
		return false
	}
	job.done <- w.commit(ctx, job.work)
	return true
}

func take(w *writer, from *[]*changeJob) *changeJob {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(*from) == 0 {
		return nil
	}
	job := (*from)[0]
	*from = (*from)[1:]
	return job
}

// takeAccepts takes as many accepts as one transaction may hold.
func (w *writer) takeAccepts() []*acceptJob {
	w.mu.Lock()
	defer w.mu.Unlock()
	var jobs []*acceptJob
	jobs, w.accepts = takeTurns(w.accepts)
	for _, job := range jobs {
		w.acceptBytes -= len(job.req.Sealed)
	}
	return jobs
}

// takeSettles takes the oldest settles, as many as one transaction may hold.
func (w *writer) takeSettles() []*settleJob {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, steps := 0, 0
	for n < len(w.settles) {
		steps += w.settles[n].size()
		if n > 0 && steps > maxBatch {
			break
		}
		n++
	}
	jobs := w.settles[:n:n]
	w.settles = w.settles[n:]
	return jobs
}

// change runs people's change in a transaction of its own.
func (w *writer) change(ctx context.Context, do func(ctx context.Context, tx *session, again bool) error) error {
	job := &changeJob{work: work{kind: "change", size: 1, do: do}, done: make(chan error, 1)}
	return w.await(ctx, job, &w.changes)
}

// tend runs housekeeping in a transaction of its own, when nothing else waits.
func (w *writer) tend(ctx context.Context, do func(ctx context.Context, tx *session, again bool) error) error {
	job := &changeJob{work: work{kind: "care", size: 1, do: do}, done: make(chan error, 1)}
	return w.await(ctx, job, &w.care)
}

func (w *writer) await(ctx context.Context, job *changeJob, queue *[]*changeJob) error {
	if err := w.enqueue(func() { *queue = append(*queue, job) }); err != nil {
		return err
	}
	select {
	case err := <-job.done:
		return err
	case <-ctx.Done():
		if withdraw(w, queue, job) {
			return ctx.Err()
		}
		return <-job.done
	}
}

// withdraw takes a job back that the writer has not begun; false: it has.
func withdraw[T comparable](w *writer, queue *[]T, job T) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, waiting := range *queue {
		if waiting == job {
			*queue = append((*queue)[:i:i], (*queue)[i+1:]...)
			return true
		}
	}
	return false
}

// close takes nothing more and waits until what waits is written.
func (w *writer) close() {
	w.mu.Lock()
	w.closed = errClosed
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
	<-w.ended
}

// setStorage remembers whether the last write failed for want of room or disk.
func (w *writer) setStorage(err error) {
	w.storageMu.Lock()
	defer w.storageMu.Unlock()
	w.storage = err
}

func (w *writer) storageError() error {
	w.storageMu.Lock()
	defer w.storageMu.Unlock()
	return w.storage
}

// acceptJob is one message on its way to the disk.
type acceptJob struct {
	req  AcceptRequest
	done chan struct{} // closed by run, after result and err are set

	result Accepted
	err    error // nil after COMMIT; a *connector.Error: refused
}

// Accept makes a message durable and returns once it is on disk, or says with a
// *connector.Error why not. After accept_unknown the lane may hold the message
// all the same; Accepted.Lane names it where it is known.
func (s *Store) Accept(ctx context.Context, r AcceptRequest) (Accepted, error) {
	job := &acceptJob{req: r, done: make(chan struct{})}
	crowded := false
	err := s.writer.enqueue(func() {
		if crowded = len(s.writer.accepts) >= maxCallers || s.writer.acceptBytes >= maxWaitingBytes; crowded {
			return
		}
		s.writer.accepts = append(s.writer.accepts, job)
		s.writer.acceptBytes += len(r.Sealed)
	})
	if err != nil {
		return Accepted{}, err
	}
	if crowded {
		return Accepted{}, notAccepted("Nothing was accepted: too many callers wait for the disk. Try again later.")
	}
	select {
	case <-job.done:
	case <-ctx.Done():
		if withdraw(s.writer, &s.writer.accepts, job) {
			s.writer.mu.Lock()
			s.writer.acceptBytes -= len(r.Sealed)
			s.writer.mu.Unlock()
			return Accepted{}, ctx.Err()
		}
		// It is being written: what becomes of it decides whether its lane must be woken.
		<-job.done
	}
	var refused *connector.Error
	switch {
	case job.err == nil, errors.As(job.err, &refused):
		return job.result, job.err
	case errors.Is(job.err, errUnknown):
		return job.result, &connector.Error{
			Code:       connector.AcceptUnknown,
			Message:    "It is not known whether the message was accepted. Repeat the call with the same messageKey: then it is sent only once.",
			RetryAfter: time.Second,
		}
	}
	return job.result, s.refusal("accept message "+string(r.Message.ID), job.err)
}

// writeAccepts commits a batch. One that was rolled back for a row's sake is
// retried row by row, so that one bad row can't refuse its neighbours.
func (w *writer) writeAccepts(ctx context.Context, jobs []*acceptJob) {
	leases := w.s.leases.Load()
	if leases != nil {
		leases.accepting.RLock()
		defer leases.accepting.RUnlock()
	}
	err := w.commit(ctx, w.acceptWork(jobs))
	alone := len(jobs) == 1 || err == nil || errors.Is(err, errUnknown) || errors.Is(err, errRaced) || w.s.dialect.classify(err) != failedRow
	told := false
	for _, job := range jobs {
		if !alone {
			err = w.commit(ctx, w.acceptWork([]*acceptJob{job}))
		}
		if err != nil {
			job.fail(err)
		}
		told = told || job.result.Told
		close(job.done)
	}
	if told && leases != nil {
		leases.hint(hintWakes)
	}
}

func (w *writer) acceptWork(jobs []*acceptJob) work {
	return work{kind: "accept", size: len(jobs), do: func(ctx context.Context, tx *session, again bool) error {
		b := newAcceptBatch(w, tx, again)
		return b.write(ctx, jobs)
	}}
}

// fail says what became of a message that is not known to be on disk. It
// overrides refusals, which may have stood on neighbours that failed too.
func (j *acceptJob) fail(err error) {
	j.result, j.err = Accepted{Lane: j.result.Lane}, err
}
