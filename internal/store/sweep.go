package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// sweepMost is how many messages one sweep ends.
const sweepMost = 500

// What people read of a message that ended without an attempt.
const (
	expiredDetail = "Its life ended before it could be delivered."
	heldDetail    = "Its webhook was held for longer than a message is kept waiting."
	deletedDetail = "Its webhook was deleted."
	maybeDetail   = " An attempt before may have delivered it: look into the channel."
)

// Which messages a sweep ends: those whose life is over, those that were held
// too long, all of a webhook that was deleted.
const (
	sweepColumns = `SELECT q.id, m.public_id, m.unclear FROM queue q JOIN message m ON m.id = q.id `
	sweepExpired = sweepColumns + `WHERE q.lane = $1 AND q.id > $2 AND q.id <> $3 AND q.expires_at <= $4 AND m.parts_done = 0 ORDER BY q.id LIMIT 501`
	sweepHeld    = sweepColumns + `WHERE q.lane = $1 AND q.id > $2 AND q.id <> $3 AND m.accepted_at <= $4 AND m.kind <> 4 ORDER BY q.id LIMIT 501`
	sweepAll     = sweepColumns + `WHERE q.lane = $1 AND q.id > $2 AND q.id <> $3 ORDER BY q.id LIMIT 501`
)

// Sweep ends messages of a lane whose life is over, at most 500, and returns
// those that it ended; more: there are more to end.
func (s *Store) Sweep(ctx context.Context, sw connector.Sweep) (ends []connector.End, more bool, err error) {
	if sw.Now.IsZero() {
		sw.Now = s.Now()
	}
	found, err := s.sweepable(ctx, sw)
	if err != nil {
		return nil, false, fmt.Errorf("sweep lane %d: %w", sw.Lane, err)
	}
	if len(found) == 0 {
		return nil, false, nil
	}
	if more = len(found) > sweepMost; more {
		found = found[:sweepMost]
	}
	job := &settleJob{done: make(chan error, 1), steps: []connector.Settlement{{Lease: sw.Lease, Lane: connector.Lane{ID: sw.Lane}, Ends: found}}}
	if err := s.settle(ctx, job); err != nil {
		return nil, false, s.refusal(fmt.Sprintf("sweep lane %d", sw.Lane), err)
	}
	return job.changed, more, job.lost()
}

// sweepRule finds messages and says how they end.
type sweepRule struct {
	by     statement
	state  connector.State
	reason connector.Reason
	detail string
}

func sweepRules(sw connector.Sweep) (rules []sweepRule) {
	lane, except, test := int64(sw.Lane), int64(sw.Except), int64(sw.Test)
	if sw.Retired {
		return []sweepRule{{q(sweepAll, lane, except, test), connector.StateFailed, connector.ReasonWebhookDeleted, deletedDetail}}
	}
	if !sw.ExpiresBefore.IsZero() {
		by := q(sweepExpired, lane, except, test, micros(sw.ExpiresBefore))
		rules = append(rules, sweepRule{by, connector.StateExpired, connector.ReasonExpired, expiredDetail})
	}
	if !sw.AcceptedBefore.IsZero() {
		by := q(sweepHeld, lane, except, test, micros(sw.AcceptedBefore))
		rules = append(rules, sweepRule{by, connector.StateExpired, connector.ReasonExpired, heldDetail})
	}
	return rules
}

// sweepable looks for what there is to end, outside of the writer: a long queue
// with nothing to end in it costs nobody his turn.
func (s *Store) sweepable(ctx context.Context, sw connector.Sweep) (found []connector.End, err error) {
	err = s.sends.read(ctx, func(ctx context.Context, c *session) error {
		known := map[connector.Seq]bool{}
		for _, r := range sweepRules(sw) {
			err := c.each(ctx, r.by, func(rows *sql.Rows) error {
				end := connector.End{State: r.state, Reason: r.reason, Detail: r.detail, At: sw.Now}
				var unclear bool
				if err := rows.Scan(&end.Seq, &end.Message, &unclear); err != nil {
					return err
				}
				if unclear { // it never ends as plain expired or failed
					end.State, end.Detail = connector.StateUncertain, r.detail+maybeDetail
				}
				if !known[end.Seq] {
					found = append(found, end)
				}
				known[end.Seq] = true
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return found, err
}
