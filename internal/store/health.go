package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// Health is how the queues of all organizations stand.
type Health struct {
	Waiting int       // messages that have not ended
	Oldest  time.Time // when the oldest of them was accepted; zero: none waits
	// Stopped webhooks are unusable; the last attempts of Failing ones came to
	// nothing; the head of Behind ones waits for longer than it should.
	Stopped, Failing, Behind int
	Ill                      []IllWebhook // the first of them, the worst first
}

// IllWebhook is a webhook that an operator may have to ask somebody about.
type IllWebhook struct {
	ID               connector.WebhookID
	Subscription     connector.SubscriptionID
	Organization     connector.OrganizationID
	OrganizationName string
	State            connector.LaneState
	Cause            string
	Failures         int // attempts in a row that came to nothing
	Waiting          int
	Oldest           time.Time // zero: none waits
}

const illWebhooks = `
FROM lane l JOIN webhook w ON w.id = l.webhook JOIN subscription s ON s.id = w.subscription JOIN organization o ON o.id = s.organization
LEFT JOIN (SELECT q.lane, COUNT(*) AS n, MIN(q.id) AS head FROM queue q GROUP BY q.lane) h ON h.lane = l.id
LEFT JOIN message m ON m.id = h.head
WHERE w.retired_at = 0 AND w.mail_for IS NULL AND (l.state = 2 OR (l.state = 1 AND (l.failures > 0 OR m.accepted_at < $1))) `

const (
	illCounted = `
SELECT COALESCE(SUM(CASE WHEN l.state = 2 THEN 1 ELSE 0 END), 0),
       COALESCE(SUM(CASE WHEN l.state = 1 AND l.failures > 0 THEN 1 ELSE 0 END), 0),
       COALESCE(SUM(CASE WHEN l.state = 1 AND m.accepted_at < $1 THEN 1 ELSE 0 END), 0) ` + illWebhooks
	illListed = `
SELECT w.public_id, s.public_id, o.public_id, o.name, l.state, l.cause, l.failures, COALESCE(h.n, 0), COALESCE(m.accepted_at, 0) ` +
		illWebhooks + `ORDER BY l.state DESC, l.failures DESC, w.id LIMIT $2`
)

// Health looks at all queues; a head that was accepted before late is behind. At
// most so many webhooks are listed.
func (s *Store) Health(ctx context.Context, late time.Time, most int) (h Health, err error) {
	now, err := s.queueState(ctx)
	if err != nil {
		return h, fmt.Errorf("count the queue: %w", err)
	}
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		h = Health{Waiting: int(now.messages), Oldest: now.oldest}
		if err := c.one(ctx, q(illCounted, micros(late)), &h.Stopped, &h.Failing, &h.Behind); err != nil {
			return err
		}
		return c.each(ctx, q(illListed, micros(late), most), func(rows *sql.Rows) error {
			var w IllWebhook
			var oldest int64
			err := rows.Scan(&w.ID, &w.Subscription, &w.Organization, &w.OrganizationName, &w.State, &w.Cause, &w.Failures, &w.Waiting, &oldest)
			w.Oldest = fromMicros(oldest)
			h.Ill = append(h.Ill, w)
			return err
		})
	})
	if err != nil {
		return h, fmt.Errorf("look at all queues: %w", err)
	}
	return h, nil
}
