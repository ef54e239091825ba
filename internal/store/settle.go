package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// settleJob is what one caller wants to have settled, or swept.
type settleJob struct {
	steps []connector.Settlement // a sweep's has a lane without URL version and no group: only its ends are written
	done  chan error             // size 1; run writes

	changed []connector.End // the ends that were news
	// stale: a lease was lost, so that only what was handed to Teams was written.
	stale bool
}

// size is how much of a transaction the job takes.
func (j *settleJob) size() int {
	n := 0
	for i := range j.steps {
		n += max(1, len(j.steps[i].Ends))
	}
	return n
}

// Settle makes steps of the engine durable and returns once they are on disk.
// Settling the same again changes nothing. After an error some may be on disk.
func (s *Store) Settle(ctx context.Context, steps []connector.Settlement) error {
	if len(steps) == 0 {
		return nil
	}
	job := &settleJob{steps: steps, done: make(chan error, 1)}
	if err := s.settle(ctx, job); err != nil {
		return s.refusal(fmt.Sprintf("settle %d lanes, the first of them lane %d", len(steps), steps[0].Lane.ID), err)
	}
	return job.lost()
}

func (s *Store) settle(ctx context.Context, job *settleJob) error {
	if err := s.writer.enqueue(func() { s.writer.settles = append(s.writer.settles, job) }); err != nil {
		return err
	}
	select {
	case err := <-job.done:
		return err
	case <-ctx.Done():
		if withdraw(s.writer, &s.writer.settles, job) {
			return ctx.Err()
		}
		return <-job.done
	}
}

// writeSettles commits a batch; where a row was at fault, step by step.
func (w *writer) writeSettles(ctx context.Context, jobs []*settleJob) {
	size := 0
	for _, job := range jobs {
		size += len(job.steps)
	}
	err := w.commitSettles(ctx, jobs, size)
	alone := size == 1 || err == nil || errors.Is(err, errUnknown) || w.s.dialect.classify(err) != failedRow
	for _, job := range jobs {
		if !alone {
			err = w.settleStepwise(ctx, job)
		}
		job.done <- err
	}
}

func (w *writer) settleStepwise(ctx context.Context, job *settleJob) error {
	var all []error
	var changed []connector.End
	for _, step := range job.steps {
		alone := &settleJob{steps: []connector.Settlement{step}}
		if err := w.commitSettles(ctx, []*settleJob{alone}, 1); err != nil {
			all = append(all, fmt.Errorf("lane %d: %w", step.Lane.ID, err))
			continue
		}
		changed = append(changed, alone.changed...)
		job.stale = job.stale || alone.stale
	}
	job.changed = changed
	return errors.Join(all...)
}

func (w *writer) settleWork(jobs []*settleJob, size int) work {
	return work{kind: "settle", size: size, do: func(ctx context.Context, tx *session, _ bool) error {
		b := &settleBatch{w: w, tx: tx, now: w.s.Now()}
		return b.write(ctx, jobs)
	}}
}

// settleBatch writes the steps of one transaction. Every statement changes
// something only where the transition is news, so a repeat changes nothing.
type settleBatch struct {
	w      *writer
	tx     *session
	now    time.Time
	counts usageCounts
	beaten []beaten                // in the order in which they were settled
	moved  []*connector.Settlement // whose group is not as it was
}

// beaten is an end of a message that had ended otherwise.
type beaten struct {
	job  *settleJob
	lane connector.LaneID
	end  connector.End
}

// write takes its locks in the order shard, message, queue, lane, grp, attempt, usage.
func (b *settleBatch) write(ctx context.Context, jobs []*settleJob) error {
	lost := make(lostError)
	if err := b.leases(ctx, jobs, lost); err != nil {
		return fmt.Errorf("check leases: %w", err)
	}
	for _, job := range jobs {
		job.changed = nil
		for i := range job.steps {
			if err := b.messages(ctx, job, &job.steps[i]); err != nil {
				return err
			}
		}
	}
	if err := b.tx.flush(ctx); err != nil {
		return fmt.Errorf("end messages: %w", err)
	}
	if len(lost) > 0 {
		return lost
	}
	for _, a := range b.beaten {
		if err := b.beat(ctx, a); err != nil {
			return fmt.Errorf("end message %d: %w", a.end.Seq, err)
		}
	}
	return b.rest(ctx, jobs)
}

// rest writes what follows from the ends and the attempts.
func (b *settleBatch) rest(ctx context.Context, jobs []*settleJob) error {
	for _, part := range []func(context.Context, *connector.Settlement) error{b.queue, b.lane, b.group} {
		for _, job := range jobs {
			for i := range job.steps {
				if err := part(ctx, &job.steps[i]); err != nil {
					return err
				}
			}
		}
	}
	if err := b.attempts(ctx, jobs); err != nil {
		return err
	}
	if err := b.tx.flush(ctx); err != nil {
		return fmt.Errorf("settle queues, lanes, groups and attempts: %w", err)
	}
	for _, step := range b.moved {
		if err := b.mergeGroup(ctx, step); err != nil {
			return fmt.Errorf("update group %d: %w", step.Group.ID, err)
		}
	}
	return b.w.writeUsage(ctx, b.tx, b.counts)
}

const markUnclear = `UPDATE message SET unclear = 1 WHERE id = $1 AND lane = $2 AND unclear = 0`

// partDone counts the parts of a split text that Microsoft accepted.
const partDone = `UPDATE message SET parts_done = $3 WHERE id = $1 AND lane = $2 AND parts_done < $3`

func (b *settleBatch) messages(ctx context.Context, job *settleJob, step *connector.Settlement) error {
	if a := step.Attempt; a != nil {
		if err := b.progress(ctx, step); err != nil {
			return fmt.Errorf("note what came of message %d: %w", a.Seq, err)
		}
	}
	for _, end := range step.Ends {
		if err := b.end(ctx, beaten{job, step.Lane.ID, end}); err != nil {
			return fmt.Errorf("end message %d: %w", end.Seq, err)
		}
	}
	return nil
}

// progress notes what an attempt changed of messages that wait on.
func (b *settleBatch) progress(ctx context.Context, step *connector.Settlement) (err error) {
	a, lane := step.Attempt, int64(step.Lane.ID)
	switch v := a.Outcome.Verdict; {
	case v == connector.VerdictUncertain:
		for _, m := range append(step.Card, connector.Member{Seq: a.Seq}) {
			if err = b.tx.later(ctx, q(markUnclear, int64(m.Seq), lane), nil); err != nil {
				return err
			}
		}
	case a.Part > 0 && (v == connector.VerdictSent || v == connector.VerdictPosted):
		err = b.tx.later(ctx, q(partDone, int64(a.Seq), lane, int64(a.Part)), nil)
	}
	return err
}

const endMessage = `
UPDATE message SET state = $4, reason = $5, detail = $6, finished_at = $7 WHERE id = $1 AND lane = $2 AND state = $3`

const stateOfMessage = `SELECT state, finished_at FROM message WHERE id = $1 AND lane = $2`

// end brings a message to its end, unless it has ended before.
func (b *settleBatch) end(ctx context.Context, e beaten) error {
	if e.end.At.IsZero() {
		e.end.At = b.now
	}
	return b.tx.later(ctx, e.from(connector.StateAccepted), func(changed int64) error {
		switch {
		case changed == 1:
			b.news(e)
		case e.end.State == connector.StateSent || e.end.State == connector.StatePosted:
			b.beaten = append(b.beaten, e)
		}
		return nil
	})
}

// from is the statement that ends the message if it is in a state.
func (e beaten) from(state connector.State) statement {
	return q(endMessage, int64(e.end.Seq), int64(e.lane), int64(state), int64(e.end.State), string(e.end.Reason), e.end.Detail, micros(e.end.At))
}

func (b *settleBatch) news(e beaten) {
	b.counts.add(usageOf{e.lane, dayOf(e.end.At)}, ended(e.end.State, 1))
	e.job.changed = append(e.job.changed, e.end)
}

// beat lets what was handed to Teams beat an end that was only assumed.
func (b *settleBatch) beat(ctx context.Context, e beaten) error {
	var was connector.State
	var at int64
	err := b.tx.one(ctx, q(stateOfMessage, int64(e.end.Seq), int64(e.lane)), &was, &at)
	if errors.Is(err, ErrNotFound) {
		return nil // its row was removed: too old to matter
	}
	if err != nil || was == connector.StateSent || was == connector.StatePosted {
		return err
	}
	n, err := b.tx.exec(ctx, e.from(was))
	if n > 0 {
		b.counts.add(usageOf{e.lane, dayOf(fromMicros(at))}, ended(was, -1))
		b.news(e)
	}
	return err
}

const deleteQueue = `DELETE FROM queue WHERE lane = $1 AND id = $2`

func (b *settleBatch) queue(ctx context.Context, step *connector.Settlement) error {
	for _, end := range step.Ends {
		if err := b.tx.later(ctx, q(deleteQueue, int64(step.Lane.ID), int64(end.Seq)), nil); err != nil {
			return fmt.Errorf("take message %d off its queue: %w", end.Seq, err)
		}
	}
	return nil
}

const updateLane = `
UPDATE lane SET not_before = $3, failures = $4, timed_out = $5, mismatches = $6, card_last = $7
WHERE id = $1 AND url_version = $2 AND (not_before <> $3 OR failures <> $4 OR timed_out <> $5 OR mismatches <> $6 OR card_last <> $7)`

const markInflight = `UPDATE lane SET inflight = $2 WHERE id = $1`

// reopenLane is openLane for a lane whose webhook a test has found to work.
const reopenLane = openLane + ` AND state = 2 AND url_version = $3`

func (b *settleBatch) lane(ctx context.Context, step *connector.Settlement) error {
	l := &step.Lane
	err := b.tx.later(ctx, q(updateLane, int64(l.ID), l.URLVersion, micros(l.NotBefore), int64(l.Failures), number(l.TimedOut), int64(l.Mismatches),
		int64(l.CardLast)), nil)
	if err == nil && step.Marks {
		err = b.tx.later(ctx, q(markInflight, int64(l.ID), int64(l.Inflight)), nil)
	}
	if err == nil && step.Reopen {
		err = b.tx.later(ctx, q(reopenLane, int64(l.ID), micros(b.now), l.URLVersion), nil)
	}
	if err != nil {
		return fmt.Errorf("update lane %d: %w", l.ID, err)
	}
	if !step.Stop {
		return nil
	}
	return b.stop(ctx, step)
}

// updateGroup leaves the group's wait as it is where the URL was changed since
// the attempt: what the old one said pauses nobody.
const updateGroup = `
UPDATE grp SET not_before = CASE WHEN $6 = (SELECT l.url_version FROM lane l WHERE l.id = $5) THEN $2 ELSE not_before END, throttles = $3, recent = $4
WHERE id = $1 AND version = $7`

func (b *settleBatch) group(ctx context.Context, step *connector.Settlement) error {
	g := &step.Group
	if g.ID == 0 {
		return nil // a sweep's
	}
	err := b.tx.later(ctx, q(updateGroup, int64(g.ID), micros(g.NotBefore), int64(g.Throttles), packTimes(g.Recent),
		int64(step.Lane.ID), step.Lane.URLVersion, g.Version), func(changed int64) error {
		if changed == 0 {
			b.moved = append(b.moved, step)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("update group %d: %w", g.ID, err)
	}
	return nil
}

const insertAttempt = `
INSERT INTO attempt (message, n, at, took, verdict, reason, detail, http_status, answer, run_id, retry_after, part, card) VALUES `

func attemptRows() rowsInto {
	return rowsInto{insertAttempt, ` ON CONFLICT (message, n) DO NOTHING`, 13}
}

// attempts writes an attempt into the log of every message that it carried.
func (b *settleBatch) attempts(ctx context.Context, jobs []*settleJob) error {
	var rows []any
	for _, job := range jobs {
		for i := range job.steps {
			a := job.steps[i].Attempt
			if a == nil {
				continue
			}
			o := &a.Outcome
			for _, m := range append(job.steps[i].Card, connector.Member{Seq: a.Seq, N: a.N}) {
				rows = append(rows, int64(m.Seq), int64(m.N), micros(a.At), o.Took.Microseconds(), int64(o.Verdict), string(o.Reason),
					o.Detail, int64(o.HTTPStatus), cut(o.Answer, connector.MaxAnswer), o.RunID, o.RetryAfter.Microseconds(), int64(a.Part), int64(a.Card))
			}
		}
	}
	if err := b.w.insertRows(ctx, b.tx, attemptRows(), rows); err != nil {
		return fmt.Errorf("write attempts: %w", err)
	}
	return nil
}

// packTimes writes times as eight bytes each.
func packTimes(times []time.Time) []byte {
	b := make([]byte, 0, 8*len(times))
	for _, t := range times {
		b = binary.BigEndian.AppendUint64(b, uint64(micros(t)))
	}
	return b
}

// unpackTimes reads what packTimes wrote.
func unpackTimes(b []byte) []time.Time {
	var times []time.Time
	for ; len(b) >= 8; b = b[8:] {
		times = append(times, fromMicros(int64(binary.BigEndian.Uint64(b))))
	}
	return times
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// cut keeps the first bytes of a text; what was cut within a character loses it.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && s[most]&0xc0 == 0x80 {
		most--
	}
	return s[:most]
}
