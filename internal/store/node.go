package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Node is one of the processes that serve a database.
type Node struct {
	ID      string
	Name    string // of its machine and process, for people
	Version string
	Started time.Time
	// Seen is when it renewed its leases last. Live: that was just now.
	Seen time.Time
	Live bool
	// Leaving: it takes nothing new and hands over what it has.
	Leaving bool
	// Shards are those that it holds, and Waiting the messages in their lanes.
	Shards  []int
	Waiting int
}

const nodesNow = `
SELECT n.id, n.name, n.version, n.started_at, n.seen_at, n.leaving,
       CASE WHEN n.seen_at + $1 > CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) THEN 1 ELSE 0 END,
       ARRAY(SELECT s.id FROM shard s WHERE s.owner = n.id ORDER BY s.id),
       (SELECT COUNT(*) FROM queue q JOIN lane l ON l.id = q.lane JOIN shard s ON s.id = l.shard WHERE s.owner = n.id)
FROM node n ORDER BY n.started_at, n.id`

// Nodes returns the processes that serve the database, the oldest first; none
// where there can be only one.
func (s *Store) Nodes(ctx context.Context) (all []Node, err error) {
	if !s.dialect.several {
		return nil, nil
	}
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, q(nodesNow, leaseTime.Microseconds()), func(rows *sql.Rows) error {
			var n Node
			var started, seen int64
			var shards []int64
			err := rows.Scan(&n.ID, &n.Name, &n.Version, &started, &seen, &n.Leaving, &n.Live, array(&shards), &n.Waiting)
			n.Started, n.Seen = fromMicros(started), fromMicros(seen)
			for _, id := range shards {
				n.Shards = append(n.Shards, int(id))
			}
			all = append(all, n)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the nodes: %w", err)
	}
	return all, nil
}
