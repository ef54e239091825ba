package store

import (
	"context"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// Deed is something that somebody did, whose effect is written elsewhere.
type Deed struct {
	Subscription connector.SubscriptionID
	Lane         connector.LaneID // whose engine must hear of it
	By           string
	Action       string // e.g. webhook.test
	Object       string // public id
}

// Note writes a deed down, and tells the engine of the lane, in whatever process it runs.
func (s *Store) Note(ctx context.Context, d Deed) error {
	note := auditNote{by: d.By, action: d.Action, object: d.Object, lane: d.Lane}
	return s.change(ctx, note, func(ctx context.Context, c *change) error {
		_, err := c.subscription(ctx, d.Subscription)
		return err
	})
}
