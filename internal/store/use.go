package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// SubscriptionUse is a subscription and what is used of its quotas.
type SubscriptionUse struct {
	Subscription
	Webhooks int // that were not deleted
	Messages int // this month (UTC)
}

const messagesUsed = `SELECT COALESCE(SUM(messages), 0) FROM quota WHERE subscription = $1 AND month = $2`

// SubscriptionUses returns the subscriptions of all organizations that are to be
// kept, in the order in which they were made, with what is used of them.
func (s *Store) SubscriptionUses(ctx context.Context, keep func(*Subscription) bool, page connector.Page) (list connector.List[SubscriptionUse], err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		var all []SubscriptionUse
		begun := page.After == ""
		err := c.each(ctx, q(allSubscriptions), func(rows *sql.Rows) error {
			sub, _, err := scanSubscription(rows)
			if begun && len(all) <= page.Limit && keep(&sub) {
				all = append(all, SubscriptionUse{Subscription: sub})
			}
			begun = begun || string(sub.ID) == page.After
			return err
		})
		if err != nil {
			return err
		}
		list = connector.Cut(all, page.Limit, func(u SubscriptionUse) string { return string(u.ID) })
		for i := range list.Items {
			u := &list.Items[i]
			if err := c.one(ctx, q(countWebhooks, u.Row), &u.Webhooks); err != nil {
				return err
			}
			if err := c.one(ctx, q(messagesUsed, u.Row, monthOf(s.Now())), &u.Messages); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return list, fmt.Errorf("read subscriptions with what is used of them: %w", err)
	}
	return list, nil
}
