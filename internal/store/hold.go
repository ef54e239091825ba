package store

import (
	"context"
	"fmt"
	"time"
)

// Hold says that nothing is sent, for the whole installation.
type Hold struct {
	Since time.Time // zero: everything is sent
	Why   string    // a sentence for people, without its full stop
	// MaybeTwice is how many messages may have been sent before, by whoever ran on the original.
	MaybeTwice int
}

const installationHold = `SELECT paused_at, paused_why, maybe_twice FROM installation WHERE id = 1`

// Hold returns whether and why nothing is sent.
func (s *Store) Hold(ctx context.Context) (h Hold, err error) {
	var since int64
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		return c.one(ctx, q(installationHold), &since, &h.Why, &h.MaybeTwice)
	})
	if err != nil {
		return Hold{}, fmt.Errorf("read whether the installation is paused: %w", err)
	}
	h.Since = fromMicros(since)
	return h, nil
}

const endHold = `UPDATE installation SET paused_at = 0, paused_why = '', maybe_twice = 0 WHERE id = 1`

// EndHold lets an installation send again.
func (s *Store) EndHold(ctx context.Context, by string) error {
	return s.change(ctx, auditNote{by: by, action: "installation.resume"}, func(ctx context.Context, c *change) error {
		return c.all(ctx, []statement{q(endHold)})
	})
}
