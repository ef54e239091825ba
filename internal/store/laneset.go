package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// holdLane begins a hold; one that is under way goes on.
const holdLane = `
UPDATE lane SET state = $2, cause = $3, held_since = CASE WHEN held_since > 0 THEN held_since ELSE $4 END WHERE id = $1`

// openLane ends a hold: all that the lane was held is added up, no message is
// touched. The waits of the time before are forgotten; what Teams asked the
// group to wait is not.
const openLane = `
UPDATE lane SET state = 1, cause = '',
    held = held + CASE WHEN held_since > 0 AND held_since < $2 THEN $2 - held_since ELSE 0 END, held_since = 0,
    not_before = 0, failures = 0, timed_out = 0, mismatches = 0
WHERE id = $1`

// SetLane pauses a webhook's lane or lets it go on, and returns the lane, which
// must be woken.
func (s *Store) SetLane(ctx context.Context, set SetLane) (connector.LaneID, error) {
	action := map[connector.LaneState]string{connector.LanePaused: "webhook.pause", connector.LaneOpen: "webhook.resume"}[set.State]
	if action == "" {
		return 0, errors.New("set lane: a lane is set to paused or open; stopping is the engine's and retiring is DeleteWebhook's")
	}
	var lane connector.LaneID
	note := auditNote{by: set.By, action: action, object: string(set.Webhook), detail: set.Cause}
	err := s.change(ctx, note, func(ctx context.Context, c *change) error {
		if _, err := c.subscription(ctx, set.Subscription); err != nil {
			return err
		}
		w, _, err := c.webhook(ctx, set.Subscription, set.Webhook)
		if err != nil {
			return err
		}
		lane = w.Lane
		if w.State == set.State {
			return nil
		}
		if set.State == connector.LaneOpen {
			return c.openLane(ctx, s, w.Lane)
		}
		_, err = c.tx.exec(ctx, q(holdLane, int64(w.Lane), int64(set.State), set.Cause, micros(s.Now())))
		return err
	})
	return lane, err
}

func (c *change) openLane(ctx context.Context, s *Store, lane connector.LaneID) error {
	if _, err := c.tx.exec(ctx, q(openLane, int64(lane), micros(s.Now()))); err != nil {
		return fmt.Errorf("open lane: %w", err)
	}
	return nil
}

const retireWebhook = `UPDATE webhook SET retired_at = $2, url = NULL, url_mac = NULL WHERE id = $1`

const retireLane = `UPDATE lane SET state = 4, cause = '', held_since = 0, not_before = 0 WHERE id = $1`

// DeleteWebhook makes a webhook unknown at once and erases its URL; its name
// and usage stay. What waits in its lane is ended by sweeps: the lane must be woken.
func (s *Store) DeleteWebhook(ctx context.Context, sub connector.SubscriptionID, id connector.WebhookID, by string) (lane connector.LaneID, err error) {
	err = s.change(ctx, auditNote{by: by, action: "webhook.delete", object: string(id)}, func(ctx context.Context, c *change) error {
		if _, err := c.subscription(ctx, sub); err != nil {
			return err
		}
		w, row, err := c.webhook(ctx, sub, id)
		if err != nil {
			return err
		}
		lane, c.note.detail = w.Lane, w.Name
		if _, err := c.tx.exec(ctx, q(retireWebhook, row, micros(s.Now()))); err != nil {
			return fmt.Errorf("retire webhook: %w", err)
		}
		_, err = c.tx.exec(ctx, q(retireLane, int64(w.Lane)))
		return err
	})
	return lane, err
}
