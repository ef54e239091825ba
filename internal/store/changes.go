package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

const lastChange = `SELECT COALESCE(MAX(a.id), 0) FROM audit a`

// LastChange returns where the changes that people made stand: what ChangedLanes begins behind.
func (s *Store) LastChange(ctx context.Context) (last int64, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		return c.one(ctx, q(lastChange), &last)
	})
	if err != nil {
		return 0, fmt.Errorf("read the last change: %w", err)
	}
	return last, nil
}

// changesSince relies on ids that appear in their order: changes commit one
// after the other, whichever process makes them (dialect.oneByOne). All lanes of a
// group hear of what changed in it: a URL or an owner moves those with the same.
const changesSince = `
SELECT a.id, COALESCE(o.id, 0)
FROM (SELECT b.id, b.lane FROM audit b WHERE b.id > $1 ORDER BY b.id LIMIT 1000) a
LEFT JOIN lane l ON l.id = a.lane LEFT JOIN lane o ON o.grp = l.grp ORDER BY a.id`

// ChangedLanes returns the lanes of webhooks that people changed, by this process
// or another one, since a change; and the last change that it looked at.
func (s *Store) ChangedLanes(ctx context.Context, since int64) (lanes []connector.LaneID, last int64, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		lanes, last = nil, since
		seen := make(map[connector.LaneID]bool)
		return c.each(ctx, q(changesSince, since), func(rows *sql.Rows) error {
			var lane connector.LaneID
			if err := rows.Scan(&last, &lane); err != nil {
				return err
			}
			if lane != 0 && !seen[lane] {
				seen[lane] = true
				lanes = append(lanes, lane)
			}
			return nil
		})
	})
	if err != nil {
		return nil, since, fmt.Errorf("read changes: %w", err)
	}
	return lanes, last, nil
}
