package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// The most that one fetch brings of a lane, and how many lanes one query asks for.
const (
	headItems = 8
	headBytes = 64 << 10
	headLanes = 128
)

// waiting jumps from lane to lane through the queue's primary key: its cost
// grows with the lanes that wait, not with the messages.
const waiting = `
WITH RECURSIVE l(lane) AS (
    SELECT MIN(lane) FROM queue
    UNION ALL
    SELECT (SELECT MIN(q.lane) FROM queue q WHERE q.lane > l.lane) FROM l WHERE l.lane IS NOT NULL
)
SELECT lane FROM l WHERE lane IS NOT NULL`

// Waiting returns the lanes in which messages wait.
func (s *Store) Waiting(ctx context.Context) (lanes []connector.LaneID, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		lanes = nil
		return c.each(ctx, q(waiting), func(rows *sql.Rows) error {
			var id connector.LaneID
			if err := rows.Scan(&id); err != nil {
				return err
			}
			lanes = append(lanes, id)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("look for lanes that wait: %w", err)
	}
	return lanes, nil
}

// Fetch returns lanes and their heads, in the order in which they were asked
// for. A message or URL that can't be opened comes with Item.Broken set. A lane
// that does not exist comes as it was asked for, retired and empty.
func (s *Store) Fetch(ctx context.Context, asked []connector.FetchRequest) ([]connector.Loaded, error) {
	all := make([]connector.Loaded, 0, len(asked))
	for len(asked) > 0 {
		n := min(len(asked), headLanes)
		f := &fetch{s: s, asked: asked[:n]}
		if err := s.reads.read(ctx, f.run); err != nil {
			return nil, fmt.Errorf("fetch %d lanes, the first of them lane %d: %w", n, asked[0].Lane, err)
		}
		all = append(all, f.loaded()...)
		asked = asked[n:]
	}
	return all, nil
}

// fetch loads some lanes from one state of the database.
type fetch struct {
	s     *Store
	asked []connector.FetchRequest
	lanes map[connector.LaneID]*fetched
}

// fetched is a lane with what only the store needs to know of it.
type fetched struct {
	connector.Loaded
	target       connector.Target
	broken       string // why the URL can't be opened
	subscription connector.SubscriptionID
	bytes        int
}

func (f *fetch) run(ctx context.Context, c *session) error {
	f.lanes = make(map[connector.LaneID]*fetched, len(f.asked))
	if _, err := c.exec(ctx, q(c.dialect.beginRead)); err != nil { // one state for all statements
		return err
	}
	for _, part := range []func(context.Context, *session) error{f.readLanes, f.readHeads, f.readBodies, f.readCounts} {
		if err := part(ctx, c); err != nil {
			return err
		}
	}
	_, err := c.exec(ctx, q("COMMIT"))
	return err
}

const lanesByID = `
SELECT l.id, l.grp, w.public_id, l.state, l.cause, l.held_since, l.held, l.not_before, l.failures, l.timed_out, l.mismatches, l.url_version,
       l.card_last, l.inflight, w.combine, w.ordering, w.on_unclear, w.urgent,
       g.profile, g.not_before, g.throttles, g.recent, g.version, s.public_id, w.url, w.payload
FROM lane l JOIN grp g ON g.id = l.grp JOIN webhook w ON w.id = l.webhook JOIN subscription s ON s.id = w.subscription
WHERE l.id IN `

func (f *fetch) readLanes(ctx context.Context, c *session) error {
	ids := make([]any, len(f.asked))
	for i, a := range f.asked {
		ids[i] = int64(a.Lane)
	}
	return c.eachIn(ctx, inList{before: lanesByID}, ids, func(rows *sql.Rows) error {
		l := &fetched{}
		var heldSince, held, notBefore, groupNotBefore int64
		var recent, sealed []byte
		set := &l.Lane.Settings
		err := rows.Scan(&l.Lane.ID, &l.Lane.Group, &l.Lane.Webhook, &l.Lane.State, &l.Lane.Cause, &heldSince, &held, &notBefore,
			&l.Lane.Failures, &l.Lane.TimedOut, &l.Lane.Mismatches, &l.Lane.URLVersion,
			&l.Lane.CardLast, &l.Lane.Inflight, &set.Combine, &set.Order, &set.OnUnclear, &set.Urgent,
			&l.Group.Profile, &groupNotBefore, &l.Group.Throttles, &recent, &l.Group.Version, &l.subscription, &sealed, &l.target.Payload)
		if err != nil {
			return err
		}
		l.Lane.HeldSince, l.Lane.Held = fromMicros(heldSince), fromMicro(held)
		l.Group.ID, l.Group.Recent = l.Lane.Group, unpackTimes(recent)
		l.Lane.NotBefore, l.Group.NotBefore = f.s.bounded(notBefore), f.s.bounded(groupNotBefore)
		l.target.Version = l.Lane.URLVersion
		l.Waiting = -1
		f.openURL(l, sealed)
		f.lanes[l.Lane.ID] = l
		return nil
	})
}

// longestWait is the most that any rule lets a lane or group wait: a stored time
// beyond it comes from a clock that was wrong.
const longestWait = 24 * time.Hour

func (s *Store) bounded(notBefore int64) time.Time {
	t := fromMicros(notBefore)
	if most := s.Now().Add(longestWait); t.After(most) {
		return most
	}
	return t
}

func (f *fetch) openURL(l *fetched, sealed []byte) {
	if l.Lane.State == connector.LaneRetired {
		return
	}
	plain, err := f.s.ring.Open(URLPlace(l.subscription, l.Lane.Webhook), sealed)
	if err != nil {
		l.broken = "The webhook's URL can't be opened with the master key of this installation. Enter the URL again."
		return
	}
	l.target.URL = connector.NewSecret(string(plain))
}

// headsByLane reads each lane's queue up to its ninth message. (With the nine as
// a list, q.id IN (SELECT ... LIMIT 9), SQLite read the whole lane.)
const headsByLane = `
SELECT q.lane, q.id, m.public_id, m.kind, m.size, m.accepted_at, m.expires_at, m.unclear,
       COALESCE((SELECT MAX(a.n) FROM attempt a WHERE a.message = q.id), 0)
FROM lane l JOIN queue q ON q.lane = l.id
    AND q.id <= COALESCE((SELECT h.id FROM queue h WHERE h.lane = l.id ORDER BY h.id LIMIT 1 OFFSET 8), 9223372036854775807)
JOIN message m ON m.id = q.id
WHERE l.id IN `

const inOrder = ` ORDER BY q.lane, q.id`

// readHeads reads the oldest messages of each lane, one more than is wanted, to know of more.
func (f *fetch) readHeads(ctx context.Context, c *session) error {
	ids := make([]any, 0, len(f.lanes))
	for id := range f.lanes {
		ids = append(ids, int64(id))
	}
	return c.eachIn(ctx, inList{before: headsByLane, after: inOrder}, ids, func(rows *sql.Rows) error {
		var lane connector.LaneID
		var item connector.Item
		var accepted, expires int64
		content := &item.Parcel.Content
		err := rows.Scan(&lane, &item.Seq, &item.ID, &content.Kind, &item.Size, &accepted, &expires, &item.Unclear, &item.Attempts)
		if err != nil {
			return err
		}
		l := f.lanes[lane]
		if l.More = l.More || len(l.Head) == headItems || len(l.Head) > 0 && l.bytes+item.Size > headBytes; l.More {
			return nil
		}
		l.bytes += item.Size
		item.AcceptedAt, item.ExpiresAt = fromMicros(accepted), fromMicros(expires)
		item.Parcel.Message, item.Parcel.Target, item.Broken = item.ID, l.target, l.broken
		l.Head = append(l.Head, item)
		return nil
	})
}

const bodiesByID = `SELECT m.lane, m.id, m.body FROM message m WHERE m.id IN `

// readBodies reads and opens the bodies of what is at the heads.
func (f *fetch) readBodies(ctx context.Context, c *session) error {
	var ids []any
	for _, l := range f.lanes {
		for i := range l.Head {
			ids = append(ids, int64(l.Head[i].Seq))
		}
	}
	return c.eachIn(ctx, inList{before: bodiesByID}, ids, func(rows *sql.Rows) error {
		var lane connector.LaneID
		var seq connector.Seq
		var sealed []byte
		if err := rows.Scan(&lane, &seq, &sealed); err != nil {
			return err
		}
		f.openBody(lane, seq, sealed)
		return nil
	})
}

func (f *fetch) openBody(lane connector.LaneID, seq connector.Seq, sealed []byte) {
	l := f.lanes[lane]
	for i := range l.Head {
		item := &l.Head[i]
		if item.Seq != seq || item.Broken != "" {
			continue
		}
		body, err := f.s.ring.Open(BodyPlace(l.subscription, item.ID), sealed)
		if err != nil {
			item.Broken = "The message's text can't be opened with the master key of this installation."
			continue
		}
		item.Parcel.Content.Body = body
	}
}

const countQueue = `SELECT COUNT(*) FROM queue WHERE lane = $1`

func (f *fetch) readCounts(ctx context.Context, c *session) error {
	for _, a := range f.asked {
		l, ok := f.lanes[a.Lane]
		if !ok || !a.Count {
			continue
		}
		if !l.More { // then the head is all that waits
			l.Waiting = len(l.Head)
			continue
		}
		if err := c.one(ctx, q(countQueue, int64(a.Lane)), &l.Waiting); err != nil {
			return err
		}
	}
	return nil
}

// loaded returns the lanes in the order in which they were asked for.
func (f *fetch) loaded() []connector.Loaded {
	all := make([]connector.Loaded, len(f.asked))
	for i, a := range f.asked {
		if l, ok := f.lanes[a.Lane]; ok {
			all[i] = l.Loaded
			continue
		}
		all[i].Lane = connector.Lane{ID: a.Lane, State: connector.LaneRetired}
	}
	return all
}
