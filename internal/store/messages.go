package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// MessageEntry is a message as the log shows it.
type MessageEntry struct {
	MessageRow
	Seq          connector.Seq
	Subscription connector.SubscriptionID
	WebhookName  string
	Kind         connector.Kind
	Size         int
	Key          string              // the app's; empty: none
	Keys         string              // name of the binding keys that it came with; empty: people sent it
	ResendOf     connector.MessageID // empty: it is no resend
	// Expires is when its life ends if its webhook is not held until then.
	Expires  time.Time
	Attempts int
	// Readable: its text was not removed yet.
	Readable bool
	// Expected is when it is expected to go; zero: it has ended, is held, or nobody knows. Not the store's to say.
	Expected time.Time
}

// Held reports whether it waits for people.
func (m *MessageEntry) Held() bool { return m.State == connector.StateAccepted && m.LaneState.Held() }

// MessageFilter chooses messages; what is empty chooses all.
type MessageFilter struct {
	Subscriptions []int64 // rows; needed unless a webhook is named
	Webhook       connector.WebhookID
	State         connector.State
	Held          bool      // with StateAccepted: only those that wait for people; without: only those that don't
	From, To      time.Time // of acceptance; From is included
	Query         string
	// Texts: the query is looked for in texts and Teams' answers too, inside one webhook.
	Texts bool
}

// MessagePage is a part of the log.
type MessagePage struct {
	connector.List[MessageEntry]
	// SearchedTo is when the last message was accepted that was looked at, where
	// that was not all; zero: all were.
	SearchedTo time.Time
}

// scanMost is how many messages one look walks past at most.
const scanMost = 5000

const entryColumns = `
SELECT m.id, m.public_id, s.public_id, w.public_id, w.name, m.lane, m.kind, m.size, m.state, m.reason, m.detail, m.unclear,
       COALESCE(m.message_key, ''), COALESCE(k.name, ''), COALESCE(r.public_id, ''),
       m.accepted_at, m.finished_at, m.expires_at, CASE WHEN m.body IS NULL THEN 0 ELSE 1 END,
       l.state, l.cause, l.held_since, l.held,
       COALESCE((SELECT MIN(q.id) FROM queue q WHERE q.lane = m.lane), 0),
       COALESCE((SELECT MAX(a.n) FROM attempt a WHERE a.message = m.id), 0)
FROM message m JOIN subscription s ON s.id = m.subscription JOIN lane l ON l.id = m.lane JOIN webhook w ON w.id = l.webhook
LEFT JOIN keys k ON k.id = m.keys LEFT JOIN message r ON r.id = m.resend_of
WHERE `

const entryByID = entryColumns + `m.public_id = $1`

func scanEntry(rows *sql.Rows, now time.Time) (m MessageEntry, err error) {
	var accepted, finished, expires, heldSince, held int64
	var head connector.Seq
	err = rows.Scan(&m.Seq, &m.ID, &m.Subscription, &m.Webhook, &m.WebhookName, &m.Lane, &m.Kind, &m.Size, &m.State, &m.Reason, &m.Detail, &m.Unclear,
		&m.Key, &m.Keys, &m.ResendOf, &accepted, &finished, &expires, &m.Readable,
		&m.LaneState, &m.LaneCause, &heldSince, &held, &head, &m.Attempts)
	m.AcceptedAt, m.FinishedAt = fromMicros(accepted), fromMicros(finished)
	lane := connector.Lane{HeldSince: fromMicros(heldSince), Held: fromMicro(held)}
	m.Expires = fromMicros(expires).Add(now.Sub(lane.Time(now)))
	m.live(lane, m.Seq == head, fromMicros(expires), now)
	return m, err
}

// live shows a message whose life is over as expired before the next sweep ends
// it. Not so the head, which may be on its way, and what may have arrived.
func (m *MessageRow) live(lane connector.Lane, head bool, expires, now time.Time) {
	if m.State == connector.StateAccepted && !head && !m.Unclear && !lane.Time(now).Before(expires) {
		m.State, m.Reason, m.Detail = connector.StateExpired, connector.ReasonExpired, expiredDetail
	}
}

// Messages returns messages, the newest first. It looks at a bounded number of
// them: a page may hold fewer than were asked for and still have a next one.
func (s *Store) Messages(ctx context.Context, f MessageFilter, page connector.Page) (p MessagePage, err error) {
	before := int64(math.MaxInt64)
	if page.After != "" {
		if before, err = strconv.ParseInt(page.After, 10, 64); err != nil {
			return p, connector.Invalid("/cursor", "cursor is not one that this service gave. Leave it out to begin.")
		}
	}
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		l := &look{s: s, c: c, f: f, before: before, most: page.Limit + 1, found: map[int64]bool{}, until: time.Now().Add(readTime / 2)}
		if err := l.run(ctx); err != nil {
			return err
		}
		p, err = l.page(ctx, page.Limit)
		return err
	})
	if err != nil {
		return MessagePage{}, fmt.Errorf("read messages: %w", err)
	}
	return p, nil
}

// look gathers the messages of one page from several walks, each down an index
// from the newest to the oldest.
type look struct {
	s      *Store
	c      *session
	f      MessageFilter
	before int64 // row that the page begins below
	after  int64 // row that it ends at, by From
	most   int
	until  time.Time // the walks end

	found map[int64]bool
	// floor is the highest row at which a walk gave up: below it, something may be missing.
	floor   int64
	floorAt int64 // when that was accepted
}

// seen is what a walk knows of a message.
type seen struct {
	id, lane, accepted int64
	public, key        string
	state              connector.State
	reason             string
}

// errEnough ends a walk that has found its part.
var errEnough = errors.New("enough")

// The walks. The text of the query in SQL would let the planner choose another
// index and read a million rows: what is no index's own is looked at in Go.
const (
	walkFrom    = `SELECT m.id, m.lane, m.accepted_at, m.public_id, COALESCE(m.message_key, ''), m.state, m.reason FROM message m `
	walkEnd     = ` AND m.id < $2 AND m.id >= $3 ORDER BY m.id DESC LIMIT 5001`
	walkAll     = walkFrom + `WHERE m.subscription = $1` + walkEnd
	walkLane    = walkFrom + `WHERE m.lane = $1` + walkEnd
	walkBad     = walkFrom + `WHERE m.subscription = $1 AND m.state IN (4, 5, 6)` + walkEnd
	walkID      = walkFrom + `WHERE m.subscription = $1 AND m.public_id = $4` + walkEnd
	walkKeys    = walkFrom + `WHERE m.subscription = $1 AND m.message_key >= $2 AND m.message_key < $3 ORDER BY m.message_key LIMIT 5001`
	walkWaiting = walkFrom + `JOIN queue q ON q.id = m.id WHERE q.lane = $1 AND q.id < $2 AND q.id >= $3 ORDER BY q.id DESC LIMIT 5001`
	// walkOver finds what the next sweep will end as expired.
	walkOver = `SELECT m.id, m.lane, m.accepted_at, m.public_id, COALESCE(m.message_key, ''), 5, m.reason
FROM lane l JOIN queue q ON q.lane = l.id JOIN message m ON m.id = q.id
WHERE l.id = $1 AND q.id < $2 AND q.id >= $3
  AND q.expires_at <= CASE WHEN l.held_since > 0 AND l.held_since < $4 THEN l.held_since ELSE $4 END - l.held ORDER BY q.id DESC LIMIT 5001`
	lanesWaiting = `
SELECT l.id FROM webhook w JOIN lane l ON l.webhook = w.id
WHERE w.subscription = $1 AND EXISTS (SELECT 1 FROM queue q WHERE q.lane = l.id)`
	lanesOf       = `SELECT l.id, w.name FROM webhook w JOIN lane l ON l.webhook = w.id WHERE w.subscription = $1 ORDER BY l.id DESC`
	laneOfWebhook = `SELECT l.id, w.subscription FROM webhook w JOIN lane l ON l.webhook = w.id WHERE w.public_id = $1`
)

func (l *look) run(ctx context.Context) (err error) {
	if !l.f.From.IsZero() {
		if l.after, err = l.rowAt(ctx, l.f.From); err != nil {
			return err
		}
	}
	if !l.f.To.IsZero() {
		to, err := l.rowAt(ctx, l.f.To.Add(2*clockSlack))
		if err != nil {
			return err
		}
		l.before = min(l.before, to)
	}
	if l.f.Webhook != "" {
		var lane, sub int64
		if err := l.c.one(ctx, q(laneOfWebhook, string(l.f.Webhook)), &lane, &sub); err != nil {
			return err
		}
		return l.inLane(ctx, lane, sub)
	}
	for _, sub := range l.f.Subscriptions {
		if err := l.inSubscription(ctx, sub); err != nil {
			return err
		}
	}
	return nil
}

// clockSlack is how far a clock may have gone back between two messages.
const clockSlack = time.Minute

const (
	rowsFrom = `SELECT COALESCE(MIN(m.id), 0), COALESCE(MAX(m.id), 0) FROM message m`
	rowAfter = `SELECT m.id, m.accepted_at FROM message m WHERE m.id >= $1 ORDER BY m.id LIMIT 1`
)

// rowAt finds a row below which everything was accepted before a time, by
// halving: rows ascend with time, but for clocks that were set back.
func (l *look) rowAt(ctx context.Context, t time.Time) (int64, error) {
	var low, high int64
	if err := l.c.one(ctx, q(rowsFrom), &low, &high); err != nil {
		return 0, err
	}
	high++
	for want := micros(t.Add(-clockSlack)); low < high; {
		middle := low + (high-low)/2
		var id, at int64
		err := l.c.one(ctx, q(rowAfter, middle), &id, &at)
		switch {
		case errors.Is(err, ErrNotFound), err == nil && (id >= high || at >= want):
			high = middle
		case err != nil:
			return 0, err
		default:
			low = id + 1
		}
	}
	return low, nil
}

// inLane walks one webhook's messages.
func (l *look) inLane(ctx context.Context, lane, sub int64) error {
	switch {
	case l.f.Query != "":
		return l.searchLane(ctx, lane)
	case l.f.State == connector.StateAccepted:
		return l.walk(ctx, q(walkWaiting, lane, l.before, l.after), nil)
	case l.bad():
		if err := l.over(ctx, lane); err != nil {
			return err
		}
		return l.walk(ctx, q(walkBad, sub, l.before, l.after), func(m *seen) bool { return m.lane == lane })
	}
	return l.walk(ctx, q(walkLane, lane, l.before, l.after), nil)
}

// over walks what is shown as expired before the sweep.
func (l *look) over(ctx context.Context, lane int64) error {
	if l.f.State != connector.StateExpired {
		return nil
	}
	return l.walk(ctx, q(walkOver, lane, l.before, l.after, micros(l.s.Now())), nil)
}

// bad: a state is wanted that has an index of its own.
func (l *look) bad() bool {
	return l.f.State == connector.StateFailed || l.f.State == connector.StateExpired || l.f.State == connector.StateUncertain
}

// inSubscription walks a subscription's messages, down the index that answers the question.
func (l *look) inSubscription(ctx context.Context, sub int64) error {
	switch {
	case l.f.Query != "":
		return l.search(ctx, sub)
	case l.f.State == connector.StateAccepted:
		return l.eachLane(ctx, q(lanesWaiting, sub), func(ctx context.Context, lane int64) error {
			return l.walk(ctx, q(walkWaiting, lane, l.before, l.after), nil)
		})
	case l.bad():
		if l.f.State == connector.StateExpired {
			if err := l.eachLane(ctx, q(lanesWaiting, sub), l.over); err != nil {
				return err
			}
		}
		return l.walk(ctx, q(walkBad, sub, l.before, l.after), nil)
	}
	return l.walk(ctx, q(walkAll, sub, l.before, l.after), nil)
}

// eachLane looks at each of some lanes.
func (l *look) eachLane(ctx context.Context, lanes statement, do func(ctx context.Context, lane int64) error) error {
	var all []int64
	err := l.c.each(ctx, lanes, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		all = append(all, id)
		return err
	})
	for _, id := range all {
		if err == nil {
			err = do(ctx, id)
		}
	}
	return err
}

func scanSeen(rows *sql.Rows) (m seen, err error) {
	err = rows.Scan(&m.id, &m.lane, &m.accepted, &m.public, &m.key, &m.state, &m.reason)
	return m, err
}

// walk goes down one index until it has found a page, or has gone far enough.
func (l *look) walk(ctx context.Context, by statement, fits func(m *seen) bool) error {
	n, hits, last := 0, 0, seen{}
	err := l.c.each(ctx, by, func(rows *sql.Rows) (err error) {
		if last, err = scanSeen(rows); err != nil {
			return err
		}
		n++
		if l.chosen(&last) && (fits == nil || fits(&last)) {
			l.found[last.id] = true
			hits++
		}
		if hits >= l.most || n > scanMost || n%100 == 0 && time.Now().After(l.until) {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		return err
	}
	if hits < l.most {
		l.giveUp(last)
	}
	return nil
}

// giveUp notes that a walk ended before the end.
func (l *look) giveUp(at seen) {
	if at.id > l.floor {
		l.floor, l.floorAt = at.id, at.accepted
	}
}

// chosen reports whether the filter's time and state let a message through. One
// that waits may be shown as expired: that is seen later.
func (l *look) chosen(m *seen) bool {
	at := fromMicros(m.accepted)
	if !l.f.From.IsZero() && at.Before(l.f.From) || !l.f.To.IsZero() && !at.Before(l.f.To) {
		return false
	}
	return l.f.State == 0 || m.state == l.f.State
}

// page reads what the walks found, down to where all of them came.
func (l *look) page(ctx context.Context, limit int) (p MessagePage, err error) {
	var rows []int64
	for id := range l.found {
		if id >= l.floor {
			rows = append(rows, id)
		}
	}
	slices.SortFunc(rows, func(a, b int64) int { return cmp.Compare(b, a) })
	switch {
	case len(rows) > limit:
		rows = rows[:limit]
		p.Next = strconv.FormatInt(rows[limit-1], 10)
	case l.floor > 0:
		p.Next, p.SearchedTo = strconv.FormatInt(l.floor, 10), fromMicros(l.floorAt)
	}
	ids := make([]any, len(rows))
	for i, id := range rows {
		ids[i] = id
	}
	now := l.s.Now()
	err = l.c.eachIn(ctx, inList{before: entryColumns + `m.id IN `}, ids, func(rows *sql.Rows) error {
		m, err := scanEntry(rows, now)
		if l.f.State == 0 || m.State == l.f.State && (m.State != connector.StateAccepted || l.f.Held == m.Held()) {
			p.Items = append(p.Items, m)
		}
		return err
	})
	slices.SortFunc(p.Items, func(a, b MessageEntry) int { return cmp.Compare(b.Seq, a.Seq) })
	p.Items = slices.CompactFunc(p.Items, func(a, b MessageEntry) bool { return a.Seq == b.Seq }) // a list is filled up with its last id
	return p, err
}
