package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// QueueRow is a webhook with its queue as it stands, whether or not a service runs.
type QueueRow struct {
	WebhookRow
	LaneRow connector.Lane
	Group   connector.Group
	// Used: a message was accepted for it at some time.
	Used    bool
	Waiting int
	// Oldest is when the oldest waiting message was accepted; zero: none waits.
	Oldest time.Time
	// Last is the last attempt at any of its messages; nil: none was made, or long ago. Only Queue fills it.
	Last *connector.Attempt
	// Sent is how many messages were handed to Teams this month (UTC).
	Sent int

	head int64
}

// queueRow asks for one row of usage, not whether one EXISTS: for that PostgreSQL would read all usage.
const queueRow = `
SELECT w.public_id, w.name, w.host, w.payload, w.created_at, s.public_id, g.owner,
       l.id, l.grp, l.state, l.cause, l.held_since, l.held, l.not_before, l.failures, l.timed_out, l.mismatches, l.url_version,
       g.profile, g.not_before, g.throttles, g.recent,
       w.combine, w.ordering, w.on_unclear, w.urgent, w.message_life, w.version,
       (SELECT COUNT(*) FROM queue q WHERE q.lane = l.id),
       COALESCE((SELECT MIN(q.id) FROM queue q WHERE q.lane = l.id), 0),
       COALESCE((SELECT m.accepted_at FROM message m WHERE m.id = (SELECT MIN(q.id) FROM queue q WHERE q.lane = l.id)), 0),
       COALESCE((SELECT 1 FROM usage u WHERE u.webhook = w.id LIMIT 1), 0),
       COALESCE((SELECT SUM(u.sent) FROM usage u WHERE u.webhook = w.id AND u.day >= $2), 0)
FROM subscription s JOIN webhook w ON w.subscription = s.id JOIN lane l ON l.webhook = w.id JOIN grp g ON g.id = l.grp
`

const queueByID = queueRow + `WHERE s.public_id = $1 AND w.public_id = $3`

func (s *Store) scanQueue(rows *sql.Rows) (r QueueRow, err error) {
	var created, life, heldSince, held, notBefore, groupNotBefore, oldest int64
	var recent []byte
	l := &r.LaneRow
	err = rows.Scan(&r.ID, &r.Name, &r.Host, &r.Payload, &created, &r.Subscription, &r.FlowOwner,
		&l.ID, &l.Group, &l.State, &l.Cause, &heldSince, &held, &notBefore, &l.Failures, &l.TimedOut, &l.Mismatches, &l.URLVersion,
		&r.Group.Profile, &groupNotBefore, &r.Group.Throttles, &recent,
		&r.Combine, &r.Order, &r.OnUnclear, &r.Urgent, &life, &r.Version, &r.Waiting, &r.head, &oldest, &r.Used, &r.Sent)
	l.Webhook, l.HeldSince, l.Held, l.NotBefore = r.ID, fromMicros(heldSince), fromMicro(held), s.bounded(notBefore)
	r.Group.ID, r.Group.NotBefore, r.Group.Recent = l.Group, s.bounded(groupNotBefore), unpackTimes(recent)
	r.Lane, r.State, r.Cause, r.URLVersion, r.Profile = l.ID, l.State, l.Cause, l.URLVersion, r.Group.Profile
	r.Created, r.Oldest, r.MessageLife = fromMicros(created), fromMicros(oldest), fromMicro(life)
	return r, err
}

func (s *Store) queues(ctx context.Context, c *session, by statement) (all []QueueRow, err error) {
	err = c.each(ctx, by, func(rows *sql.Rows) error {
		r, err := s.scanQueue(rows)
		all = append(all, r)
		return err
	})
	return all, err
}

// lastAttempt looks at the messages that stand around the head, and at the newest: tests overtake.
const lastAttempt = `
SELECT m.id, m.public_id, a.n, a.at, a.took, a.verdict, a.reason, a.detail, a.http_status, a.answer, a.run_id
FROM (SELECT * FROM (SELECT x.id, x.public_id FROM message x WHERE x.lane = $1 AND x.id <= $2 ORDER BY x.id DESC LIMIT 50) older
      UNION SELECT * FROM (SELECT y.id, y.public_id FROM message y WHERE y.lane = $1 ORDER BY y.id DESC LIMIT 10) newest) m
JOIN attempt a ON a.message = m.id ORDER BY a.at DESC, a.n DESC LIMIT 1`

// Queue returns a webhook with its queue, even if it was deleted.
func (s *Store) Queue(ctx context.Context, sub connector.SubscriptionID, id connector.WebhookID) (r QueueRow, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all, err := s.queues(ctx, c, q(queueByID, string(sub), dayOf(monthStart(s.Now())), string(id)))
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return ErrNotFound
		}
		r = all[0]
		if r.head == 0 {
			r.head = math.MaxInt64
		}
		var a connector.Attempt
		var at, took int64
		o := &a.Outcome
		err = c.one(ctx, q(lastAttempt, int64(r.Lane), r.head),
			&a.Seq, &a.Message, &a.N, &at, &took, &o.Verdict, &o.Reason, &o.Detail, &o.HTTPStatus, &o.Answer, &o.RunID)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		a.At, o.Took, r.Last = fromMicros(at), fromMicro(took), &a
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return QueueRow{}, noWebhook(id)
	}
	if err != nil {
		return QueueRow{}, fmt.Errorf("read the queue of webhook %s: %w", id, err)
	}
	return r, nil
}

const subscriptionOfWebhook = `
SELECT s.public_id FROM webhook w JOIN subscription s ON s.id = w.subscription WHERE w.public_id = $1`

// SubscriptionOf returns whose a webhook is, even if it was deleted, or ErrNotFound.
func (s *Store) SubscriptionOf(ctx context.Context, id connector.WebhookID) (sub connector.SubscriptionID, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		return c.one(ctx, q(subscriptionOfWebhook, string(id)), &sub)
	})
	if err != nil {
		return "", fmt.Errorf("read whose webhook %s is: %w", id, err)
	}
	return sub, nil
}

const (
	lanesBeside = `
SELECT o.id FROM lane l JOIN lane o ON o.grp = l.grp
WHERE l.id = $1 AND (o.id = l.id OR EXISTS (SELECT 1 FROM queue q WHERE q.lane = o.id)) ORDER BY o.id = l.id DESC, o.id LIMIT 128`
	aheadInQueue = `SELECT COUNT(*) FROM (SELECT 1 FROM queue q WHERE q.lane = $1 AND q.id > $2 AND q.id <= $3 LIMIT 20000) ahead`
)

// LanesBeside returns a lane and those of its group in which messages wait, at most 128.
func (s *Store) LanesBeside(ctx context.Context, lane connector.LaneID) (all []connector.LaneID, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, q(lanesBeside, int64(lane)), func(rows *sql.Rows) error {
			var id connector.LaneID
			err := rows.Scan(&id)
			all = append(all, id)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the lanes beside lane %d: %w", lane, err)
	}
	return all, nil
}

// Places returns the places of messages in the queue of their lane, from 1. Where very many
// stand between two of them, the later ones are placed too far in front.
func (s *Store) Places(ctx context.Context, lane connector.LaneID, of []*MessageEntry) ([]int, error) {
	order := make([]int, len(of))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(of[a].Seq, of[b].Seq) })
	places := make([]int, len(of))
	err := s.reads.read(ctx, func(ctx context.Context, c *session) error {
		place, after := 0, connector.Seq(0)
		for _, i := range order {
			var n int
			if err := c.one(ctx, q(aheadInQueue, int64(lane), int64(after), int64(of[i].Seq)), &n); err != nil {
				return err
			}
			place, after = place+n, of[i].Seq
			places[i] = place
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count the queue of lane %d: %w", lane, err)
	}
	return places, nil
}
