package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// epochs keeps a shard from being taken until the transaction ends: taking it
// needs the lock that this one excludes, renewing it does not.
const (
	epochs    = `SELECT id, epoch FROM shard WHERE id IN `
	epochsEnd = ` ORDER BY id FOR KEY SHARE`
)

// lostError says which steps came too late: another node owns their shard.
type lostError map[connector.Lease]bool

// Error says how many there are.
func (l lostError) Error() string { return fmt.Sprintf("%d leases were lost", len(l)) }

// leases looks whether the leases of all steps still hold; lost gets those that
// do not, once the session is flushed.
func (b *settleBatch) leases(ctx context.Context, jobs []*settleJob, lost lostError) error {
	claimed := make(map[int][]connector.Lease)
	for _, job := range jobs {
		for i := range job.steps {
			if l := job.steps[i].Lease; l.Epoch != 0 && !slices.Contains(claimed[l.Shard], l) {
				claimed[l.Shard] = append(claimed[l.Shard], l)
			}
		}
	}
	ids := make([]any, 0, len(claimed))
	for _, shard := range slices.Sorted(maps.Keys(claimed)) {
		ids = append(ids, int64(shard))
	}
	return b.tx.eachInLater(ctx, inList{before: epochs, after: epochsEnd}, ids, func(scan scan) error {
		var stands connector.Lease
		if err := scan(&stands.Shard, &stands.Epoch); err != nil {
			return err
		}
		for _, l := range claimed[stands.Shard] {
			if l != stands {
				lost[l] = true
			}
		}
		return nil
	})
}

// commitSettles writes a batch. Of steps under a lease that was lost it writes
// only what was handed to Teams: all else is the new owner's to decide.
func (w *writer) commitSettles(ctx context.Context, jobs []*settleJob, size int) error {
	for {
		err := w.commit(ctx, w.settleWork(jobs, size))
		var lost lostError
		if !errors.As(err, &lost) {
			return err
		}
		for _, job := range jobs {
			job.without(lost)
		}
	}
}

func (j *settleJob) without(lost lostError) {
	steps := slices.Clone(j.steps) // the caller's stay as they are
	for i, step := range steps {
		if !lost[step.Lease] {
			continue
		}
		j.stale = true
		steps[i] = connector.Settlement{Lane: connector.Lane{ID: step.Lane.ID}}
		for _, end := range step.Ends {
			if end.State == connector.StateSent || end.State == connector.StatePosted {
				steps[i].Ends = append(steps[i].Ends, end)
			}
		}
	}
	j.steps = steps
}

// lost says that not all of the job was written.
func (j *settleJob) lost() error {
	if j.stale {
		return connector.ErrLeaseLost
	}
	return nil
}
