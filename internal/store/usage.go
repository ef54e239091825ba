package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// usageCounts gathers what a transaction adds to usage, so that each row is
// written once.
type usageCounts map[usageOf]usageRow

type usageOf struct {
	lane connector.LaneID
	day  int64
}

type usageRow struct{ accepted, sent, failed, expired, uncertain int64 }

func (u *usageCounts) add(of usageOf, n usageRow) {
	if *u == nil {
		*u = make(usageCounts)
	}
	row := (*u)[of]
	row.accepted += n.accepted
	row.sent += n.sent
	row.failed += n.failed
	row.expired += n.expired
	row.uncertain += n.uncertain
	(*u)[of] = row
}

// ended is n messages that came to a state.
func ended(state connector.State, n int64) usageRow {
	switch state {
	case connector.StateSent, connector.StatePosted:
		return usageRow{sent: n}
	case connector.StateFailed:
		return usageRow{failed: n}
	case connector.StateExpired:
		return usageRow{expired: n}
	case connector.StateUncertain:
		return usageRow{uncertain: n}
	case connector.StateAccepted:
	}
	return usageRow{}
}

const insertUsage = `
INSERT INTO usage (subscription, day, webhook, accepted, sent, failed, expired, uncertain) VALUES `

const addUsage = `
ON CONFLICT (subscription, day, webhook) DO UPDATE SET
    accepted = usage.accepted + excluded.accepted, sent = usage.sent + excluded.sent, failed = usage.failed + excluded.failed,
    expired = usage.expired + excluded.expired, uncertain = usage.uncertain + excluded.uncertain`

func usageRows() rowsInto { return rowsInto{insertUsage, addUsage, 8} }

// writeUsage adds the counts, always in the same order of rows.
func (w *writer) writeUsage(ctx context.Context, tx *session, counts usageCounts) error {
	order := slices.SortedFunc(maps.Keys(counts), func(a, b usageOf) int {
		return cmp.Or(cmp.Compare(a.lane, b.lane), cmp.Compare(a.day, b.day))
	})
	var args []any
	for _, of := range order {
		owner, err := w.owner(ctx, tx, of.lane)
		if err != nil {
			return fmt.Errorf("count usage of lane %d: %w", of.lane, err)
		}
		if owner.mail {
			continue
		}
		n := counts[of]
		args = append(args, owner.subscription, of.day, owner.webhook, n.accepted, n.sent, n.failed, n.expired, n.uncertain)
	}
	if err := w.insertRows(ctx, tx, usageRows(), args); err != nil {
		return fmt.Errorf("count usage: %w", err)
	}
	return nil
}

// laneOwner is whose usage a lane counts for. It never changes.
type laneOwner struct {
	subscription, webhook int64
	mail                  bool // mails are not counted
}

const ownerOfLane = `SELECT w.subscription, w.id, CASE WHEN w.mail_for IS NULL THEN 0 ELSE 1 END FROM lane l JOIN webhook w ON w.id = l.webhook WHERE l.id = $1`

func (w *writer) owner(ctx context.Context, tx *session, lane connector.LaneID) (laneOwner, error) {
	if known, ok := w.owners[lane]; ok {
		return known, nil
	}
	var o laneOwner
	if err := tx.one(ctx, q(ownerOfLane, int64(lane)), &o.subscription, &o.webhook, &o.mail); err != nil {
		return o, err
	}
	if len(w.owners) >= maxRemembered {
		clear(w.owners)
	}
	w.owners[lane] = o
	return o, nil
}

const usageOfSubscription = `
SELECT u.day, w.public_id, u.accepted, u.sent, u.failed, u.expired, u.uncertain
FROM usage u JOIN webhook w ON w.id = u.webhook JOIN subscription s ON s.id = u.subscription
WHERE s.public_id = $1 AND u.day >= $2 AND u.day <= $3 ORDER BY u.day, w.id`

// Usage returns what was counted for a subscription from one day to another, both included (UTC).
func (s *Store) Usage(ctx context.Context, sub connector.SubscriptionID, from, to time.Time) (all []UsageRow, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, q(usageOfSubscription, string(sub), dayOf(from), dayOf(to)), func(rows *sql.Rows) error {
			var u UsageRow
			var day int64
			if err := rows.Scan(&day, &u.Webhook, &u.Accepted, &u.Sent, &u.Failed, &u.Expired, &u.Uncertain); err != nil {
				return err
			}
			u.Day = time.Unix(day*24*60*60, 0).UTC()
			all = append(all, u)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read usage: %w", err)
	}
	return all, nil
}
