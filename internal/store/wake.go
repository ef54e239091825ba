package store

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// The channels of hints: that something was woken, that messages ended, that
// shards are free. A hint only makes others look sooner.
const (
	hintWakes  = "teamsconnector_wakes"
	hintEnds   = "teamsconnector_ends"
	hintShards = "teamsconnector_shards"
)

func hintChannels() []string { return []string{hintWakes, hintEnds, hintShards} }

// Hints are signals by channel, each with room for one.
type Hints map[string]chan struct{}

func newHints() Hints {
	h := make(Hints)
	for _, channel := range hintChannels() {
		h[channel] = make(chan struct{}, 1)
	}
	return h
}

func (h Hints) give(channel string) {
	select {
	case h[channel] <- struct{}{}:
	default: // one is there already
	}
}

// Wakes hints that something was committed on lanes. A nil Hints never does.
func (h Hints) Wakes() <-chan struct{} { return h[hintWakes] }

// Ends hints that messages ended.
func (h Hints) Ends() <-chan struct{} { return h[hintEnds] }

// Shards hints that shards are free.
func (h Hints) Shards() <-chan struct{} { return h[hintShards] }

// hintPause is how long a node waits between two hints of a kind.
const hintPause = 20 * time.Millisecond

// hearing is how far a node has read what others committed.
type hearing struct {
	mu     sync.Mutex
	change int64  // the last row of audit
	from   string // the oldest transaction that was open at the last look
	seen   map[int64]bool

	due Hints
}

// array reads a column of numbers.
func array(into *[]int64) any { return pgtype.NewMap().SQLScanner(into) }

const insertWake = `INSERT INTO wake (lanes, shards, messages) VALUES ($1, $2, $3)`

// tell writes down which lanes of other nodes this batch has messages for, so
// that they hear of it if, and only if, it is committed.
func (b *acceptBatch) tell(ctx context.Context) error {
	if !b.w.s.dialect.several {
		return nil
	}
	leases := b.w.s.leases.Load()
	var lanes, shards, counts []int64
	told := make(map[connector.LaneID]bool)
	for _, to := range b.targets {
		if leases != nil {
			leases.learn(to.lane.ID, to.shard)
		}
		if to.taken > 0 && !leases.owns(to.shard) {
			told[to.lane.ID] = true
			lanes, shards, counts = append(lanes, int64(to.lane.ID)), append(shards, int64(to.shard)), append(counts, to.taken)
		}
	}
	if len(lanes) == 0 {
		return nil
	}
	for _, job := range b.taken {
		job.result.Told = told[job.result.Lane] && !job.req.Message.Test
	}
	return b.tx.later(ctx, q(insertWake, lanes, shards, counts), nil)
}

// Tell writes down that n messages were committed on a lane of another node.
func (l *Leases) Tell(ctx context.Context, lane connector.LaneID, n int) error {
	shard, known := l.ShardOf(lane)
	if !known {
		var err error
		if shard, err = l.Look(ctx, lane); err != nil {
			return err
		}
	}
	err := l.s.writer.change(ctx, func(ctx context.Context, tx *session, _ bool) error { // twice does no harm
		_, err := tx.exec(ctx, q(insertWake, []int64{int64(lane)}, []int64{int64(shard)}, []int64{int64(n)}))
		return err
	})
	if err != nil {
		return fmt.Errorf("tell another node of lane %d: %w", lane, err)
	}
	l.hint(hintWakes)
	return nil
}

// heard reads what people changed and what other nodes accepted, in one
// statement. Changes have numbers that appear in their order (changesSince);
// wakes are read from the oldest transaction on that was open at the last look,
// so that none is missed, and some are seen twice.
const heard = `
SELECT 1, a.id, COALESCE(o.id, 0), COALESCE(o.shard, 0), CAST(0 AS BIGINT), ''
FROM (SELECT b.id, b.lane FROM audit b WHERE b.id > $1 ORDER BY b.id LIMIT 1000) a
LEFT JOIN lane l ON l.id = a.lane LEFT JOIN lane o ON o.grp = l.grp
UNION ALL
SELECT 2, w.id, x.lane, x.shard, x.n, '' FROM wake w, unnest(w.lanes, w.shards, w.messages) AS x(lane, shard, n) WHERE w.xid >= CAST($2 AS xid8)
UNION ALL
SELECT 3, 0, 0, 0, 0, CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT)
ORDER BY 1, 2`

// Begin starts to hear of what is committed from now on. What was before is
// found by Waiting.
func (l *Leases) Begin(ctx context.Context) error {
	last, err := l.s.LastChange(ctx)
	if err != nil {
		return err
	}
	var from string
	err = l.s.sends.read(ctx, func(ctx context.Context, c *session) error {
		return c.one(ctx, q(`SELECT CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT)`), &from)
	})
	if err != nil {
		return fmt.Errorf("begin to listen: %w", err)
	}
	l.hear.mu.Lock()
	defer l.hear.mu.Unlock()
	l.hear.change, l.hear.from, l.hear.seen = last, from, make(map[int64]bool)
	return nil
}

// Heard returns what was committed on lanes since the last look.
func (l *Leases) Heard(ctx context.Context) (wakes []connector.LaneWake, err error) {
	l.hear.mu.Lock()
	defer l.hear.mu.Unlock()
	change, from := l.hear.change, l.hear.from
	var seen map[int64]bool
	err = l.s.sends.read(ctx, func(ctx context.Context, c *session) error {
		wakes, seen = nil, make(map[int64]bool)
		return c.each(ctx, q(heard, l.hear.change, l.hear.from), func(rows *sql.Rows) error {
			var kind int
			var id int64
			var w connector.LaneWake
			var xmin string
			if err := rows.Scan(&kind, &id, &w.Lane, &w.Shard, &w.N, &xmin); err != nil {
				return err
			}
			switch kind {
			case 1:
				change = id
			case 2:
				seen[id] = true
			default:
				from = xmin
				return nil
			}
			if w.Lane != 0 && (kind == 1 || !l.hear.seen[id]) {
				wakes = append(wakes, w)
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read what other nodes committed: %w", err)
	}
	l.hear.change, l.hear.from, l.hear.seen = change, from, seen
	for _, w := range wakes {
		l.learn(w.Lane, w.Shard)
	}
	return wakes, nil
}

// Ended hints that messages have ended for which callers may wait on other nodes.
func (l *Leases) Ended() { l.hint(hintEnds) }

// hint asks for a hint of a kind, which Hint gives.
func (l *Leases) hint(channel string) { l.hear.due.give(channel) }

// Hint gives hints to other nodes until ctx ends.
func (l *Leases) Hint(ctx context.Context) {
	var all sync.WaitGroup
	for _, channel := range hintChannels() {
		all.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case <-l.hear.due[channel]:
				}
				_ = l.s.sends.read(ctx, func(ctx context.Context, c *session) error { // without it others look a little later
					_, err := c.exec(ctx, q(`SELECT pg_notify($1, '')`, channel))
					return err
				})
				if wait(ctx, hintPause) != nil {
					return
				}
			}
		})
	}
	all.Wait()
}
