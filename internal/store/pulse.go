package store

import (
	"context"
	"fmt"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

const pulse = `
SELECT COALESCE(SUM(u.accepted), 0), COALESCE(SUM(u.sent + u.failed + u.expired + u.uncertain), 0),
       (SELECT COALESCE(MAX(a.id), 0) FROM audit a WHERE a.organization = (SELECT x.organization FROM subscription x WHERE x.public_id = $1)),
       (SELECT COUNT(*) FROM webhook w JOIN lane l ON l.webhook = w.id WHERE w.subscription = (SELECT x.id FROM subscription x WHERE x.public_id = $1) AND l.state = 2)
FROM usage u WHERE u.subscription = (SELECT x.id FROM subscription x WHERE x.public_id = $1) AND u.day >= $2`

// Pulse is a text that differs from the one before where something of a
// subscription changed that people see: messages came or ended, webhooks stopped,
// somebody changed something.
func (s *Store) Pulse(ctx context.Context, sub connector.SubscriptionID) (string, error) {
	var accepted, ended, changed, stopped int64
	err := s.reads.read(ctx, func(ctx context.Context, c *session) error {
		return c.one(ctx, q(pulse, string(sub), dayOf(s.Now())-1), &accepted, &ended, &changed, &stopped)
	})
	if err != nil {
		return "", fmt.Errorf("look for what changed: %w", err)
	}
	return fmt.Sprint(accepted, ended, changed, stopped), nil
}

// WebhooksInUse counts the webhooks of a subscription that were not deleted.
func (s *Store) WebhooksInUse(ctx context.Context, subscriptionRow int64) (n int, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		return c.one(ctx, q(countWebhooks, subscriptionRow), &n)
	})
	if err != nil {
		return 0, fmt.Errorf("count webhooks: %w", err)
	}
	return n, nil
}
