package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// FailedFilter chooses messages that ended failed or expired.
type FailedFilter struct {
	Subscription int64 // row
	Lane         connector.LaneID
	From, To     time.Time // of acceptance; From is included; zero: open
	Limit        int
}

// failed looks at a bounded number of the newest. What people cancelled, what was
// sent again already and what can't be sent again is left out.
const failed = `
SELECT m.public_id
FROM (SELECT x.id, x.public_id, x.lane, x.state, x.reason, x.test, x.accepted_at, x.body FROM message x
      WHERE x.subscription = $1 AND x.state IN (4, 5, 6) ORDER BY x.id DESC LIMIT 5000) m
JOIN lane l ON l.id = m.lane JOIN webhook w ON w.id = l.webhook
WHERE m.state <> 6 AND m.reason <> $2 AND m.test = 0 AND m.body IS NOT NULL AND w.retired_at = 0
  AND (m.lane = $3 OR $3 = 0) AND m.accepted_at >= $4 AND (m.accepted_at < $5 OR $5 = 0)
  AND NOT EXISTS (SELECT 1 FROM message r WHERE r.resend_of = m.id)
ORDER BY m.id LIMIT $6`

// Failed returns messages that failed and may be sent again, the oldest first.
func (s *Store) Failed(ctx context.Context, f FailedFilter) (ids []connector.MessageID, err error) {
	by := q(failed, f.Subscription, string(connector.ReasonCancelled), int64(f.Lane), micros(f.From), micros(f.To), f.Limit)
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		ids = nil
		return c.each(ctx, by, func(rows *sql.Rows) error {
			var id connector.MessageID
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read failed messages: %w", err)
	}
	return ids, nil
}
