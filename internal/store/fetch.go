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

// waitingLanes jumps from lane to lane through the queue's primary key: its cost
// grows with the lanes that wait, not with the messages.
const waitingLanes = `
WITH RECURSIVE l(lane) AS (
    SELECT MIN(lane) FROM queue
    UNION ALL
    SELECT (SELECT MIN(q.lane) FROM queue q WHERE q.lane > l.lane) FROM l WHERE l.lane IS NOT NULL
)`

const waiting = waitingLanes + `
SELECT lane FROM l WHERE lane IS NOT NULL`

// Waiting returns the lanes in which messages wait.
func (s *Store) Waiting(ctx context.Context) (lanes []connector.LaneID, err error) {
	err = s.sends.read(ctx, func(ctx context.Context, c *session) error {
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
		if err := s.sends.read(ctx, f.run); err != nil {
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
	card         int  // what it was asked for
	bare         bool // likewise
	bytes, rows  int
	weight       int
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
	asked := make(map[connector.LaneID]connector.FetchRequest)
	for i, a := range f.asked {
		ids[i], asked[a.Lane] = int64(a.Lane), a
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
		l.Waiting, l.card, l.bare = -1, asked[l.Lane.ID].Card, asked[l.Lane.ID].Bare
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

// itemColumns begins the statements that read waiting messages.
const itemColumns = `
SELECT m.lane, m.id, m.public_id, m.kind, m.size, m.weight, m.parts, m.parts_done, m.test, m.accepted_at, m.expires_at, m.unclear,
       COALESCE((SELECT MAX(a.n) FROM attempt a WHERE a.message = m.id), 0)
`

// headsByLane reads each lane's queue up to its ninth message, cardsByLane up
// to its fifty-first. (With the nine as a list, q.id IN (SELECT ... LIMIT 9),
// SQLite read the whole lane. PostgreSQL read the whole queue, as soon as one
// lane made up most of it, unless each lane has a query of its own.)
const (
	headsFrom = itemColumns + `FROM lane l JOIN queue q ON q.lane = l.id
    AND q.id <= COALESCE((SELECT h.id FROM queue h WHERE h.lane = l.id ORDER BY h.id LIMIT 1 OFFSET `
	headsTo     = `), 9223372036854775807) JOIN message m ON m.id = q.id WHERE l.id IN `
	headsByLane = headsFrom + `8` + headsTo
	cardsByLane = headsFrom + `50` + headsTo

	headsFromEach = itemColumns + `FROM lane l CROSS JOIN LATERAL (SELECT h.id FROM queue h WHERE h.lane = l.id ORDER BY h.id LIMIT `
	headsToEach   = `) q JOIN message m ON m.id = q.id WHERE l.id IN `

	testsByLane = itemColumns + `FROM message m WHERE m.test = 1 AND m.state = 1 AND m.lane IN `
)

// perLane are the statements that read the heads of lanes.
type perLane struct{ heads, cards string }

const inOrder = ` ORDER BY 1, 2`

// readHeads reads the oldest messages of each lane, one more than is wanted, to know of more; and its tests.
func (f *fetch) readHeads(ctx context.Context, c *session) error {
	var all, few, cards []any
	for id, l := range f.lanes {
		if l.bare {
			continue
		}
		all = append(all, int64(id))
		if l.card > 0 {
			cards = append(cards, int64(id))
		} else {
			few = append(few, int64(id))
		}
	}
	for _, part := range []struct {
		of  []any
		by  string
		put func(*fetched, connector.Item)
	}{{few, c.dialect.perLane.heads, (*fetched).waits}, {cards, c.dialect.perLane.cards, (*fetched).waits}, {all, testsByLane, (*fetched).tests}} {
		err := c.eachIn(ctx, inList{before: part.by, after: inOrder}, part.of, func(rows *sql.Rows) error {
			lane, item, err := scanItem(rows)
			if err == nil {
				part.put(f.lanes[lane], item)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func scanItem(rows *sql.Rows) (lane connector.LaneID, item connector.Item, err error) {
	var accepted, expires int64
	err = rows.Scan(&lane, &item.Seq, &item.ID, &item.Parcel.Content.Kind, &item.Size, &item.Weight, &item.Parts, &item.PartsDone, &item.Test,
		&accepted, &expires, &item.Unclear, &item.Attempts)
	item.AcceptedAt, item.ExpiresAt = fromMicros(accepted), fromMicros(expires)
	return lane, item, err
}

// waits takes the next message of the lane's queue, unless there are enough.
func (l *fetched) waits(item connector.Item) {
	l.rows++
	most, weight := headItems, 0
	if l.card > 0 {
		most, weight = connector.MaxCard, item.Weight
	}
	alone := l.card > 0 && (item.Weight == 0 || item.Parts > 1)
	if l.More = l.More || l.rows > most || len(l.Head) > 0 && (alone || l.weight+weight > l.card || l.bytes+item.Size > headBytes); l.More || item.Test {
		return
	}
	l.bytes += item.Size
	l.weight += weight
	l.Head = append(l.Head, l.addressed(item))
}

func (l *fetched) tests(item connector.Item) {
	if l.Test == nil {
		item = l.addressed(item)
		l.Test = &item
	}
}

func (l *fetched) addressed(item connector.Item) connector.Item {
	item.Parcel.Message, item.Parcel.Target, item.Broken = item.ID, l.target, l.broken
	return item
}

// items are all messages of the lane whose bodies are wanted.
func (l *fetched) items() []*connector.Item {
	var all []*connector.Item
	for i := range l.Head {
		all = append(all, &l.Head[i])
	}
	if l.Test != nil {
		all = append(all, l.Test)
	}
	return all
}

const bodiesByID = `SELECT m.lane, m.id, m.body, COALESCE(m.trace, '') FROM message m WHERE m.id IN `

// readBodies reads and opens the bodies of what is at the heads.
func (f *fetch) readBodies(ctx context.Context, c *session) error {
	var ids []any
	for _, l := range f.lanes {
		for _, item := range l.items() {
			ids = append(ids, int64(item.Seq))
		}
	}
	return c.eachIn(ctx, inList{before: bodiesByID}, ids, func(rows *sql.Rows) error {
		var lane connector.LaneID
		var seq connector.Seq
		var sealed []byte
		var trace connector.Trace
		if err := rows.Scan(&lane, &seq, &sealed, &trace); err != nil {
			return err
		}
		f.openBody(lane, seq, sealed, trace)
		return nil
	})
}

func (f *fetch) openBody(lane connector.LaneID, seq connector.Seq, sealed []byte, trace connector.Trace) {
	l := f.lanes[lane]
	for _, item := range l.items() {
		if item.Seq != seq || item.Broken != "" {
			continue
		}
		item.Parcel.Trace = trace
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
		if !l.More && !l.bare { // then the head is all that waits
			l.Waiting = l.rows
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
