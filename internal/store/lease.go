package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// How long a lease lasts by the server's clock, how much of that its holder uses
// by its own, counted from before it asked, and how long it waits for an answer.
const (
	leaseTime  = 3 * time.Second
	leaseUse   = 2250 * time.Millisecond
	leaseLimit = time.Second
)

// Leases is what this node may send, where several serve one database.
type Leases struct {
	s    *Store
	node Node

	asking  sync.Mutex // held while the server is asked
	session *session   // nil: not connected

	mu    sync.Mutex
	held  map[int]int64 // shards, with their epochs
	until time.Time
	known map[connector.LaneID]int

	// accepting is held shared by batches that found out who sends their lanes, until they are committed.
	accepting sync.RWMutex

	hear hearing
}

// Join makes this process one of the nodes that serve the database; nil: there
// is nobody to share it with. It holds nothing yet.
func (s *Store) Join(name, version string) (*Leases, error) {
	if !s.dialect.several {
		return nil, nil //nolint:nilnil // the data folder's only node needs none
	}
	id, err := newID("")
	if err != nil {
		return nil, err
	}
	l := &Leases{s: s, node: Node{ID: id, Name: name, Version: version, Started: s.Now()}, held: make(map[int]int64), known: make(map[connector.LaneID]int), hear: hearing{due: newHints()}}
	s.leases.Store(l)
	return l, nil
}

// ask runs one statement on the connection that leases have to themselves.
func (l *Leases) ask(ctx context.Context, by statement, row func(*sql.Rows) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, leaseLimit)
	defer cancel()
	l.asking.Lock()
	defer l.asking.Unlock()
	if l.session == nil {
		if l.session, err = openSession(ctx, l.s.side, &l.s.dialect, nil); err != nil {
			l.session = nil
			return err
		}
	}
	if err := l.session.each(ctx, by, row); err != nil {
		l.session.close()
		l.session = nil
		return err
	}
	return nil
}

func ignoreRow(*sql.Rows) error { return nil }

// renewLeases is one statement, so that all times in it are of one moment. A
// lease that ran out and that nobody took is renewed too: nobody sent meanwhile.
const renewLeases = `
WITH clock AS MATERIALIZED (SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) AS now),
me AS (
    INSERT INTO node (id, name, version, started_at, seen_at, leaving) SELECT $1, $2, $3, CAST($4 AS BIGINT), clock.now, CAST($5 AS BIGINT) FROM clock
    ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, leaving = excluded.leaving
),
kept AS (
    UPDATE shard SET lease_until = clock.now + CAST($6 AS BIGINT) FROM clock, unnest(CAST($7 AS BIGINT[]), CAST($8 AS BIGINT[])) AS mine(id, epoch)
    WHERE shard.id = mine.id AND shard.epoch = mine.epoch AND shard.owner = $1 RETURNING shard.id
)
SELECT clock.now, (SELECT COUNT(*) FROM node n WHERE n.id <> $1 AND n.leaving = 0 AND n.seen_at + CAST($6 AS BIGINT) > clock.now),
       (SELECT COUNT(*) FROM shard f WHERE f.lease_until < clock.now), ARRAY(SELECT kept.id FROM kept)
FROM clock`

// Renew keeps what this node holds and says how the nodes stand. leaving: others need not count on it.
func (l *Leases) Renew(ctx context.Context, leaving bool) (connector.Tenure, error) {
	mine := l.Held()
	shards, epochs := make([]int64, len(mine)), make([]int64, len(mine))
	for i, lease := range mine {
		shards[i], epochs[i] = int64(lease.Shard), lease.Epoch
	}
	asked := time.Now()
	t := connector.Tenure{Nodes: 1 - bit(leaving), Until: asked.Add(leaseUse)}
	var now int64
	var kept []int64
	var others int
	err := l.ask(ctx, q(renewLeases, l.node.ID, l.node.Name, l.node.Version, micros(l.node.Started), int64(bit(leaving)),
		leaseTime.Microseconds(), shards, epochs), func(rows *sql.Rows) error {
		return rows.Scan(&now, &others, &t.Free, array(&kept))
	})
	if err != nil {
		return t, fmt.Errorf("renew leases: %w", err)
	}
	l.s.clock.follow(fromMicros(now), time.Since(asked))
	t.Nodes += others
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = t.Until
	for _, lease := range mine {
		if !slices.Contains(kept, int64(lease.Shard)) && l.held[lease.Shard] == lease.Epoch {
			delete(l.held, lease.Shard)
		}
	}
	t.Leases = l.leases()
	return t, nil
}

const takeShards = `
UPDATE shard SET owner = $1, epoch = epoch + 1, lease_until = CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) + $2
WHERE id IN (SELECT f.id FROM shard f WHERE f.lease_until < CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)
    ORDER BY f.id LIMIT $3 FOR UPDATE SKIP LOCKED) RETURNING id, epoch`

// Take takes so many shards that nobody holds, or fewer. Renew was called just before.
func (l *Leases) Take(ctx context.Context, most int) (taken []connector.Lease, err error) {
	err = l.ask(ctx, q(takeShards, l.node.ID, leaseTime.Microseconds(), int64(most)), func(rows *sql.Rows) error {
		var lease connector.Lease
		err := rows.Scan(&lease.Shard, &lease.Epoch)
		taken = append(taken, lease)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("take shards: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lease := range taken {
		l.held[lease.Shard] = lease.Epoch
	}
	return taken, nil
}

const releaseShard = `UPDATE shard SET owner = '', lease_until = 0 WHERE id = $1 AND owner = $2 AND epoch = $3`

// Release hands a shard over in which nothing is under way. Also where that
// fails, this node does not hold it any more.
func (l *Leases) Release(ctx context.Context, lease connector.Lease) error {
	l.Drop(lease)
	l.awaitAccepts()
	if err := l.ask(ctx, q(releaseShard, int64(lease.Shard), l.node.ID, lease.Epoch), ignoreRow); err != nil {
		return fmt.Errorf("release shard %d: %w", lease.Shard, err)
	}
	l.hint(hintShards)
	return nil
}

// awaitAccepts returns when what was accepted for this node to send is on disk: whoever
// takes a shard over then finds it.
func (l *Leases) awaitAccepts() {
	l.accepting.Lock()
	defer l.accepting.Unlock()
}

// Drop forgets a lease that has run out.
func (l *Leases) Drop(lease connector.Lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[lease.Shard] == lease.Epoch {
		delete(l.held, lease.Shard)
	}
}

const (
	forgetNode = `DELETE FROM node WHERE id = $1`
	// What nobody needs any more: a node that was away for longer has lost its shards, and scans what it takes.
	forgetWakes = `DELETE FROM wake WHERE at < clock_timestamp() - INTERVAL '1 minute'`
	forgetNodes = `DELETE FROM node WHERE seen_at < CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT) - 86400000000`
)

// Leave says that this node is gone. Its shards were released before.
func (l *Leases) Leave(ctx context.Context) error {
	err := l.ask(ctx, q(forgetNode, l.node.ID), ignoreRow)
	if err != nil {
		return fmt.Errorf("leave the nodes: %w", err)
	}
	return nil
}

// Tidy removes what no node needs any more.
func (l *Leases) Tidy(ctx context.Context) error {
	err := errors.Join(l.ask(ctx, q(forgetWakes), ignoreRow), l.ask(ctx, q(forgetNodes), ignoreRow))
	if err != nil {
		return fmt.Errorf("tidy up after other nodes: %w", err)
	}
	return nil
}

// Held is what this node holds, whether or not it may still use it.
func (l *Leases) Held() []connector.Lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leases()
}

func (l *Leases) leases() []connector.Lease {
	all := make([]connector.Lease, 0, len(l.held))
	for _, shard := range slices.Sorted(maps.Keys(l.held)) {
		all = append(all, connector.Lease{Shard: shard, Epoch: l.held[shard]})
	}
	return all
}

// Valid reports whether this node may send under a lease right now.
func (l *Leases) Valid(lease connector.Lease) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held[lease.Shard] == lease.Epoch && time.Now().Before(l.until)
}

// owns reports whether this node sends the lanes of a shard now; nil: it sends none.
func (l *Leases) owns(shard int) bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held[shard] != 0 && time.Now().Before(l.until)
}

// learn remembers in which shard a lane is. That never changes.
func (l *Leases) learn(lane connector.LaneID, shard int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.known) >= maxRemembered {
		clear(l.known)
	}
	l.known[lane] = shard
}

const shardOfLane = `SELECT shard FROM lane WHERE id = $1`

// ShardOf says in which shard a lane is, as far as it was met before; known:
// false: look asks the database.
func (l *Leases) ShardOf(lane connector.LaneID) (shard int, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	shard, known = l.known[lane]
	return shard, known
}

// Look asks the database in which shard a lane is.
func (l *Leases) Look(ctx context.Context, lane connector.LaneID) (shard int, err error) {
	err = l.s.sends.read(ctx, func(ctx context.Context, c *session) error {
		return c.one(ctx, q(shardOfLane, int64(lane)), &shard)
	})
	if err != nil {
		return 0, fmt.Errorf("look for the shard of lane %d: %w", lane, err)
	}
	l.learn(lane, shard)
	return shard, nil
}

const waitingShards = waitingLanes + `
SELECT k.id, k.shard FROM l JOIN lane k ON k.id = l.lane`

// Waiting returns the lanes in which messages wait, by shard.
func (l *Leases) Waiting(ctx context.Context) (lanes map[int][]connector.LaneID, err error) {
	err = l.s.sends.read(ctx, func(ctx context.Context, c *session) error {
		lanes = make(map[int][]connector.LaneID)
		return c.each(ctx, q(waitingShards), func(rows *sql.Rows) error {
			var id connector.LaneID
			var shard int
			err := rows.Scan(&id, &shard)
			lanes[shard] = append(lanes[shard], id)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("look for lanes that wait: %w", err)
	}
	for shard, all := range lanes {
		for _, id := range all {
			l.learn(id, shard)
		}
	}
	return lanes, nil
}
