package store

import (
	"context"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// NewNotice is something that people should hear of, on the console and by mail.
type NewNotice struct {
	// Event names what happened, and never anything else: of two notices with the
	// same event the first one stands. Such as "order_confirmed sub_... 2".
	Event        string
	Kind         connector.NoticeKind
	Organization connector.OrganizationID // empty: it is the operator's
	Subscription connector.SubscriptionID // empty: of none
	Webhook      connector.WebhookID      // empty: of none
	Person       connector.PersonID       // whom alone it concerns; empty: whoever the subscription names
	Detail       string                   // for people; no secret
}

const insertNotice = `
INSERT INTO notice (event, kind, organization, subscription, webhook, person, detail, at) VALUES ($1, $2,
    (SELECT o.id FROM organization o WHERE o.public_id = $3), (SELECT s.id FROM subscription s WHERE s.public_id = $4),
    (SELECT w.id FROM webhook w WHERE w.public_id = $5), (SELECT p.id FROM person p WHERE p.public_id = $6), $7, $8)
ON CONFLICT (event) DO NOTHING`

// statement writes the notice, in the transaction of what it tells of.
func (n NewNotice) statement(now time.Time) statement {
	return q(insertNotice, n.Event, string(n.Kind), string(n.Organization), string(n.Subscription), string(n.Webhook), string(n.Person), n.Detail, micros(now))
}

// Notify writes a notice whose event is not written by the same transaction. Its mails
// follow within seconds, by whatever process keeps the calendar.
func (s *Store) Notify(ctx context.Context, n NewNotice) error {
	err := s.writer.change(ctx, func(ctx context.Context, tx *session, _ bool) error {
		_, err := tx.exec(ctx, n.statement(s.Now()))
		return err
	})
	if err != nil {
		return s.refusal(fmt.Sprintf("write notice %q", n.Event), err)
	}
	return nil
}

// A person who comes by an identity provider only gets no password this way: who loses
// the account there loses it here.
const askPassword = `
INSERT INTO notice (event, kind, person, at) SELECT CAST($1 AS TEXT) || p.public_id, 'password', p.id, CAST($2 AS BIGINT) FROM person p
WHERE p.email_key = $3 AND p.disabled_at = 0 AND p.unconfirmed = 0 AND (p.password <> '' OR p.last_seen = 0) ON CONFLICT (event) DO NOTHING`

// askEvery is how often at most somebody is mailed a link for a new password.
const askEvery = 10 * time.Minute

// AskPassword lets the mail for a new password go to an address that has an account.
// It takes as long for one that has none.
func (s *Store) AskPassword(ctx context.Context, email string) error {
	now := s.Now()
	err := s.writer.change(ctx, func(ctx context.Context, tx *session, _ bool) error {
		_, err := tx.exec(ctx, q(askPassword, fmt.Sprintf("password %d ", now.Unix()/int64(askEvery.Seconds())), micros(now), fold(email)))
		return err
	})
	if err != nil {
		return s.refusal("ask for a new password", err)
	}
	return nil
}
