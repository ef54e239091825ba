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
	// Shards are those that it holds, Waiting the messages in their lanes, and Oldest when
	// the first of these was accepted; zero: none waits.
	Shards  []int
	Waiting int
	Oldest  time.Time
}

const nodesNow = `
WITH w AS MATERIALIZED (
    SELECT s.owner, SUM(h.n) AS n, MIN(m.accepted_at) AS oldest
    FROM (SELECT q.lane, COUNT(*) AS n, MIN(q.id) AS head FROM queue q GROUP BY q.lane) h
    JOIN lane l ON l.id = h.lane JOIN shard s ON s.id = l.shard JOIN message m ON m.id = h.head GROUP BY s.owner
)
SELECT n.id, n.name, n.version, n.started_at, n.seen_at, n.leaving,
       CASE WHEN n.seen_at + $1 > CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) THEN 1 ELSE 0 END,
       ARRAY(SELECT s.id FROM shard s WHERE s.owner = n.id ORDER BY s.id), COALESCE(w.n, 0), COALESCE(w.oldest, 0)
FROM node n LEFT JOIN w ON w.owner = n.id ORDER BY n.started_at, n.id`

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
			var started, seen, oldest int64
			var shards []int64
			err := rows.Scan(&n.ID, &n.Name, &n.Version, &started, &seen, &n.Leaving, &n.Live, array(&shards), &n.Waiting, &oldest)
			n.Started, n.Seen, n.Oldest = fromMicros(started), fromMicros(seen), fromMicros(oldest)
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
