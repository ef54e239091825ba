package store

import (
	"context"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

const stopLane = `
UPDATE lane SET state = 2, cause = $3, held_since = $4 WHERE id = $1 AND url_version = $2 AND state = 1`

// noteStop tells the people of a webhook that it was stopped just now.
const noteStop = `
INSERT INTO notice (event, kind, organization, subscription, webhook, detail, at)
SELECT CAST($3 AS TEXT), 'webhook_stopped', s.organization, s.id, w.id, CAST($4 AS TEXT), CAST($2 AS BIGINT)
FROM lane l JOIN webhook w ON w.id = l.webhook JOIN subscription s ON s.id = w.subscription
WHERE l.id = $1 AND l.state = 2 AND l.held_since = CAST($2 AS BIGINT) AND w.mail_for IS NULL
ON CONFLICT (event) DO NOTHING`

// stop stops a lane whose webhook can't be used, and tells its people.
func (b *settleBatch) stop(ctx context.Context, step *connector.Settlement) error {
	l, at := &step.Lane, micros(b.stopTime(step))
	err := b.tx.later(ctx, q(stopLane, int64(l.ID), l.URLVersion, l.Cause, at), nil)
	if err == nil {
		err = b.tx.later(ctx, q(noteStop, int64(l.ID), at, fmt.Sprintf("webhook_stopped %d %d", l.ID, at), l.Cause), nil)
	}
	if err != nil {
		return fmt.Errorf("stop lane %d: %w", l.ID, err)
	}
	return nil
}

// stopTime is when the clock of a stopped lane's messages begins to stand still.
func (b *settleBatch) stopTime(step *connector.Settlement) time.Time {
	switch {
	case !step.Lane.HeldSince.IsZero():
		return step.Lane.HeldSince
	case step.Attempt != nil && !step.Attempt.At.IsZero():
		return step.Attempt.At
	}
	return b.now
}
