package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// UsageSum is what was counted in a span of days (UTC).
type UsageSum struct {
	// WebhooksUsed are those that existed at any moment of it.
	WebhooksUsed                               int
	Accepted, Sent, Failed, Expired, Uncertain int
}

// UsageOf is what was counted for one webhook, or on one day.
type UsageOf struct {
	Webhook connector.WebhookID // empty: of a day
	Name    string
	Day     time.Time // zero: of a webhook
	UsageSum
}

const usageColumns = `COALESCE(SUM(u.accepted), 0), COALESCE(SUM(u.sent), 0), COALESCE(SUM(u.failed), 0), COALESCE(SUM(u.expired), 0), COALESCE(SUM(u.uncertain), 0)`

const (
	usageSum = `SELECT (SELECT COUNT(*) FROM webhook w WHERE w.subscription = $1 AND w.created_at < $4 AND (w.retired_at = 0 OR w.retired_at >= $5)), ` +
		usageColumns + ` FROM usage u WHERE u.subscription = $1 AND u.day >= $2 AND u.day <= $3`
	usageByDay = `SELECT '', '', u.day, ` + usageColumns + ` FROM usage u
WHERE u.subscription = $1 AND u.day >= $2 AND u.day <= $3 GROUP BY u.day ORDER BY u.day`
	usageByWebhook = `SELECT w.public_id, w.name, 0, ` + usageColumns + ` FROM usage u JOIN webhook w ON w.id = u.webhook
WHERE u.subscription = $1 AND u.day >= $2 AND u.day <= $3 GROUP BY w.id, w.public_id, w.name ORDER BY w.name, w.id`
)

// UsageSum adds up what was counted for a subscription from one day to another, both included.
func (s *Store) UsageSum(ctx context.Context, subscriptionRow int64, from, to time.Time) (u UsageSum, err error) {
	end := to.AddDate(0, 0, 1)
	by := q(usageSum, subscriptionRow, dayOf(from), dayOf(to), micros(end), micros(from))
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		return c.one(ctx, by, &u.WebhooksUsed, &u.Accepted, &u.Sent, &u.Failed, &u.Expired, &u.Uncertain)
	})
	if err != nil {
		return UsageSum{}, fmt.Errorf("add usage up: %w", err)
	}
	return u, nil
}

// UsageByDay returns what was counted on each day that has something.
func (s *Store) UsageByDay(ctx context.Context, subscriptionRow int64, from, to time.Time) ([]UsageOf, error) {
	return s.usageOf(ctx, q(usageByDay, subscriptionRow, dayOf(from), dayOf(to)))
}

// UsageByWebhook returns what was counted for each webhook that has something, deleted ones too, by name.
func (s *Store) UsageByWebhook(ctx context.Context, subscriptionRow int64, from, to time.Time) ([]UsageOf, error) {
	return s.usageOf(ctx, q(usageByWebhook, subscriptionRow, dayOf(from), dayOf(to)))
}

func (s *Store) usageOf(ctx context.Context, by statement) (all []UsageOf, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, by, func(rows *sql.Rows) error {
			var u UsageOf
			var day int64
			err := rows.Scan(&u.Webhook, &u.Name, &day, &u.Accepted, &u.Sent, &u.Failed, &u.Expired, &u.Uncertain)
			if day > 0 {
				u.Day = time.Unix(day*24*60*60, 0).UTC()
			}
			all = append(all, u)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read usage: %w", err)
	}
	return all, nil
}
