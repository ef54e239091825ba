package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
)

// AcceptRequest is one message to be made durable.
type AcceptRequest struct {
	License connector.License
	// Message is what the app sent; Content.Body is not looked at and may be nil.
	Message connector.Message
	// Sealed is the body, sealed at BodyPlace(License.Subscription, Message.ID).
	Sealed []byte
	// Size is the length of the body before it was sealed, in bytes.
	Size int
	// Weight and Parts are what a text takes in a card of several and in how many posts it goes; see connector.Item.
	Weight, Parts int
	// MAC is the ContentMAC that decides whether a repeat of a message key has the same content.
	MAC [32]byte
	// Backlog is what is known of the webhook's queue. It is the last thing that may refuse.
	Backlog Backlog
}

// Accepted is a message that is on disk.
type Accepted struct {
	Lane connector.LaneID
	// Repeat: the message key was used before with the same content; Message is the first one, as it stands now.
	Repeat bool
	// Told: another node sends the lane, and hears of it by itself.
	Told    bool
	Message MessageRow
}

// MessageRow is a message as it stands.
type MessageRow struct {
	ID      connector.MessageID
	Webhook connector.WebhookID
	Lane    connector.LaneID
	State   connector.State
	Reason  connector.Reason // why it ended so; empty while it has not ended
	Detail  string           // the same for people
	// Unclear: an attempt may have delivered it.
	Unclear                bool
	AcceptedAt, FinishedAt time.Time // FinishedAt is zero while it has not ended
	LaneState              connector.LaneState
	LaneCause              string
}

// BodyPlace is where a message's body is sealed.
func BodyPlace(subscription connector.SubscriptionID, id connector.MessageID) keyring.Place {
	return keyring.Place{Table: "message", Column: "body", Owner: string(subscription), ID: string(id)}
}

// URLPlace is where a webhook's URL is sealed.
func URLPlace(subscription connector.SubscriptionID, id connector.WebhookID) keyring.Place {
	return keyring.Place{Table: "webhook", Column: "url", Owner: string(subscription), ID: string(id)}
}

// messageRow begins the statements that read a message.
const messageRow = `
SELECT m.id, m.public_id, w.public_id, m.lane, m.state, m.reason, m.detail, m.unclear, m.accepted_at, m.finished_at,
       m.expires_at, m.parts_done, m.content_mac, l.state, l.cause, l.held_since, l.held,
       COALESCE((SELECT MIN(q.id) FROM queue q WHERE q.lane = m.lane), 0)
FROM message m JOIN lane l ON l.id = m.lane JOIN webhook w ON w.id = l.webhook `

const (
	messageByID  = messageRow + `WHERE m.subscription = $1 AND m.public_id = $2`
	messageByKey = messageRow + `WHERE m.subscription = $1 AND m.message_key = $2`
)

// messageBy reads one message and the MAC of its content.
func messageBy(ctx context.Context, c *session, now time.Time, by statement) (m MessageRow, mac [32]byte, err error) {
	var id, head, accepted, finished, expires, partsDone, heldSince, held int64
	var sum []byte
	err = c.one(ctx, by, &id, &m.ID, &m.Webhook, &m.Lane, &m.State, &m.Reason, &m.Detail, &m.Unclear, &accepted, &finished,
		&expires, &partsDone, &sum, &m.LaneState, &m.LaneCause, &heldSince, &held, &head)
	if err != nil {
		return MessageRow{}, mac, err
	}
	copy(mac[:], sum)
	m.AcceptedAt, m.FinishedAt = fromMicros(accepted), fromMicros(finished)
	lane := connector.Lane{HeldSince: fromMicros(heldSince), Held: fromMicro(held)}
	// Its life is over and the next sweep ends it. Not so the head, which may be on its way, and what may have arrived or has in part.
	if m.State == connector.StateAccepted && id != head && !m.Unclear && partsDone == 0 && !lane.Time(now).Before(fromMicros(expires)) {
		m.State, m.Reason, m.Detail = connector.StateExpired, connector.ReasonExpired, expiredDetail
	}
	return m, mac, nil
}

// Message returns a message of a subscription as it stands.
func (s *Store) Message(ctx context.Context, subscriptionRow int64, id connector.MessageID) (m MessageRow, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		m, _, err = messageBy(ctx, c, s.Now(), q(messageByID, subscriptionRow, string(id)))
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return m, connector.Errorf(connector.MessageNotFound,
			"No message with this id in the subscription of these keys. Rows are kept for a limited time after their end.")
	}
	if err != nil {
		return m, fmt.Errorf("read message %s: %w", id, err)
	}
	return m, nil
}

const attemptsOf = `
SELECT a.message, m.public_id, a.n, a.at, a.took, a.verdict, a.reason, a.detail, a.http_status, a.answer, a.run_id, a.retry_after, a.part, a.card
FROM attempt a JOIN message m ON m.id = a.message
WHERE m.subscription = $1 AND m.public_id = $2 ORDER BY a.n LIMIT 1000`

// Attempts returns the attempts at a message, the first one first, at most 1,000.
func (s *Store) Attempts(ctx context.Context, subscriptionRow int64, id connector.MessageID) (all []connector.Attempt, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, q(attemptsOf, subscriptionRow, string(id)), func(rows *sql.Rows) error {
			var a connector.Attempt
			var at, took, retryAfter int64
			o := &a.Outcome
			err := rows.Scan(&a.Seq, &a.Message, &a.N, &at, &took, &o.Verdict, &o.Reason, &o.Detail, &o.HTTPStatus, &o.Answer, &o.RunID, &retryAfter,
				&a.Part, &a.Card)
			if err != nil {
				return err
			}
			a.At, o.Took, o.RetryAfter = fromMicros(at), fromMicro(took), fromMicro(retryAfter)
			all = append(all, a)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the attempts at message %s: %w", id, err)
	}
	return all, nil
}

// NoMessage says that there is no such message, to whoever may look for one.
func NoMessage(id connector.MessageID) *connector.Error {
	return connector.Errorf(connector.MessageNotFound, "There is no message %s here. Rows are kept for a limited time after their end.", id)
}
