package store

import (
	"context"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// Note writes down that somebody did something whose effect is written elsewhere,
// and tells the engine of the lane, in whatever process it runs.
func (s *Store) Note(ctx context.Context, sub connector.SubscriptionID, lane connector.LaneID, by, action, object string) error {
	note := auditNote{by: by, action: action, object: object, lane: lane}
	return s.change(ctx, note, func(ctx context.Context, c *change) error {
		_, err := c.subscription(ctx, sub)
		return err
	})
}
