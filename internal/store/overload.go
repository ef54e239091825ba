package store

import (
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// maxWaitingBytes bounds the memory of the messages that wait for the disk.
const maxWaitingBytes = 64 << 20

// Backlog is what the engine knows of the queue that a message wants to join; the
// zero value refuses nothing.
type Backlog struct {
	// Full: the queue is as long as one may be.
	Full bool
	// Delay is in how long a message that joins now is expected to go.
	Delay time.Duration
	// Waiting is how many messages the queue holds.
	Waiting int
}

// refusal says why a message with this life can't join; nil: it can.
func (b Backlog) refusal(life time.Duration) *connector.Error {
	switch {
	case b.Full:
		e := connector.Errorf(connector.BacklogFull,
			"The queue of this webhook is full: %d messages wait. Send less, or find out why it is not moving (teamsconnector webhook show).", b.Waiting)
		e.RetryAfter = max(min(b.Delay/time.Duration(max(b.Waiting, 1)), time.Hour), time.Minute)
		return e
	case b.Delay > life:
		e := connector.Errorf(connector.BacklogFull,
			"%d messages wait for this webhook, so this one would go in about %v: after its life of %v. Send less, send several texts as one, or give it a larger expiresIn.",
			b.Waiting, b.Delay.Round(time.Second), life.Round(time.Second))
		e.RetryAfter = max((b.Delay - life).Round(time.Second), time.Second)
		return e
	}
	return nil
}

// takeTurns chooses what one transaction takes of the accepts that wait: when not
// all fit, subscriptions take turns, so that one with thousands waiting delays
// another's by one batch at most. Both lists stay in the order of arrival.
func takeTurns(waiting []*acceptJob) (jobs, rest []*acceptJob) {
	if fitting(waiting) == len(waiting) {
		return waiting, nil
	}
	nth := make(map[int64]int) // of each subscription, as far as it was counted
	type turn struct{ round, at int }
	turns := make([]turn, len(waiting))
	for i, job := range waiting {
		sub := job.req.License.SubscriptionRow
		turns[i] = turn{nth[sub], i}
		nth[sub]++
	}
	slices.SortStableFunc(turns, func(a, b turn) int { return a.round - b.round })
	inTurn := make([]*acceptJob, len(waiting))
	for i, t := range turns {
		inTurn[i] = waiting[t.at]
	}
	taken := make([]bool, len(waiting))
	for _, t := range turns[:fitting(inTurn)] {
		taken[t.at] = true
	}
	for i, job := range waiting {
		if taken[i] {
			jobs = append(jobs, job)
		} else {
			rest = append(rest, job)
		}
	}
	return jobs, rest
}

// fitting is how many of the first accepts one transaction may hold.
func fitting(jobs []*acceptJob) int {
	bytes := 0
	for n, job := range jobs {
		bytes += len(job.req.Sealed)
		if n == maxBatch || n > 0 && bytes > maxBatchBytes {
			return n
		}
	}
	return len(jobs)
}
