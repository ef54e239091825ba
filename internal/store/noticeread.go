package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// Notice is something that people should hear of, with what it is about.
type Notice struct {
	Row    int64
	Kind   connector.NoticeKind
	At     time.Time
	Detail string

	Organization     connector.OrganizationID // empty: it is the operator's
	OrganizationName string
	// Of the subscription; empty where it is of none.
	Subscription       connector.SubscriptionID
	InstanceName, Plan string
	Expires            time.Time
	MessageQuota       int
	Contact            Contact
	Notify             []string // who gets its mails; none: the Technical Contact

	Webhook     connector.WebhookID // empty: of none
	WebhookName string
	// Person is whom alone it concerns; empty: whoever the subscription names.
	Person                  connector.PersonID
	PersonEmail, PersonName string
}

const noticeColumns = `
SELECT n.id, n.event, n.kind, n.at, n.detail, COALESCE(o.public_id, ''), COALESCE(o.name, ''), COALESCE(s.public_id, ''), COALESCE(s.instance_name, ''),
    COALESCE(p.name, ''), COALESCE(s.expires, 0), COALESCE(s.message_quota, 0), COALESCE(s.first_name, ''), COALESCE(s.last_name, ''),
    COALESCE(s.email, ''), COALESCE(s.notify, ''), COALESCE(w.public_id, ''), COALESCE(w.name, ''), COALESCE(e.public_id, ''), COALESCE(e.email, ''), COALESCE(e.name, '')
FROM notice n LEFT JOIN organization o ON o.id = n.organization LEFT JOIN subscription s ON s.id = n.subscription LEFT JOIN plan p ON p.id = s.plan
    LEFT JOIN webhook w ON w.id = n.webhook LEFT JOIN person e ON e.id = n.person `

// seenBy are the notices that a person may know of: of their organizations, of
// subscriptions that they are the Technical Contact of, and the operator's.
const seenBy = `n.person IS NULL AND (
    n.organization IN (SELECT m.organization FROM member m JOIN person x ON x.id = m.person WHERE x.public_id = $1)
    OR n.organization IS NOT NULL AND n.subscription IN (SELECT c.id FROM subscription c JOIN person x ON x.id = c.contact WHERE x.public_id = $1)
    OR n.organization IS NULL AND EXISTS (SELECT 1 FROM person x WHERE x.public_id = $1 AND x.operator = 1)) `

const (
	noticesToMail = noticeColumns + `WHERE n.mailed_at = 0 ORDER BY n.id LIMIT $1`
	noticesFor    = noticeColumns + `WHERE n.id < $2 AND ` + seenBy + `ORDER BY n.id DESC LIMIT $3`
	unreadFor     = `
SELECT COUNT(*) FROM (SELECT n.id FROM notice n WHERE n.id > (SELECT y.notices_read FROM person y WHERE y.public_id = $1) AND ` + seenBy + `LIMIT 100) u`
	readUpTo     = `SELECT notices_read FROM person WHERE public_id = $1`
	markRead     = `UPDATE person SET notices_read = $2 WHERE public_id = $1 AND notices_read < $2`
	markMailed   = `UPDATE notice SET mailed_at = $1 WHERE mailed_at = 0 AND id = $2`
	noticedSince = `SELECT COUNT(*) FROM notice WHERE kind = $1 AND at > $2`
)

// NoticesToMail returns notices whose mails are still to be made, the oldest first.
func (s *Store) NoticesToMail(ctx context.Context, limit int) ([]Notice, error) {
	return s.notices(ctx, q(noticesToMail, limit))
}

// Notices returns what a person may hear of, the newest first, older than one; 0: from the newest on.
func (s *Store) Notices(ctx context.Context, person connector.PersonID, before int64, limit int) ([]Notice, error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	return s.notices(ctx, q(noticesFor, string(person), before, limit))
}

func (s *Store) notices(ctx context.Context, by statement) (all []Notice, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, by, func(rows *sql.Rows) error {
			var n Notice
			var at, expires int64
			var event, notify string
			err := rows.Scan(&n.Row, &event, &n.Kind, &at, &n.Detail, &n.Organization, &n.OrganizationName, &n.Subscription, &n.InstanceName, &n.Plan, &expires, &n.MessageQuota,
				&n.Contact.FirstName, &n.Contact.LastName, &n.Contact.Email, &notify, &n.Webhook, &n.WebhookName, &n.Person, &n.PersonEmail, &n.PersonName)
			n.At, n.Expires, n.Notify = fromMicros(at), fromMicros(expires), strings.Fields(notify)
			n.asOf(event)
			all = append(all, n)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read notices: %w", err)
	}
	return all, nil
}

// asOf takes from the event what it told of then: a term that ended may be a longer one by now.
func (n *Notice) asOf(event string) {
	then, err := strconv.ParseInt(event[strings.LastIndexByte(event, ' ')+1:], 10, 64)
	if err != nil {
		return
	}
	switch n.Kind {
	case connector.NoticeTermEnding, connector.NoticeTermEnded:
		n.Expires = fromMicros(then)
	case connector.NoticeQuotaNear, connector.NoticeQuotaUsed:
		n.MessageQuota = int(then)
	default: // their events end with other numbers
	}
}

// NoticesRead returns up to which notice a person has read, and how many there are behind it, 100 at most.
func (s *Store) NoticesRead(ctx context.Context, person connector.PersonID) (upTo int64, unread int, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		if err := c.one(ctx, q(readUpTo, string(person)), &upTo); err != nil {
			return err
		}
		return c.one(ctx, q(unreadFor, string(person)), &unread)
	})
	if err != nil {
		return 0, 0, fmt.Errorf("count notices: %w", err)
	}
	return upTo, unread, nil
}

// ReadNotices notes up to which notice a person has read.
func (s *Store) ReadNotices(ctx context.Context, person connector.PersonID, upTo int64) error {
	return s.writer.change(ctx, func(ctx context.Context, tx *session, _ bool) error {
		_, err := tx.exec(ctx, q(markRead, string(person), upTo))
		return err
	})
}

// Mailed says that the mails of notices are made.
func (s *Store) Mailed(ctx context.Context, all []Notice) error {
	err := s.writer.change(ctx, func(ctx context.Context, tx *session, _ bool) error {
		for _, n := range all {
			if _, err := tx.exec(ctx, q(markMailed, micros(s.Now()), n.Row)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return s.refusal("note that mails are made", err)
	}
	return nil
}

// Noticed reports whether there was a notice of a kind since a time.
func (s *Store) Noticed(ctx context.Context, kind connector.NoticeKind, since time.Time) (bool, error) {
	var n int
	err := s.reads.read(ctx, func(ctx context.Context, c *session) error {
		return c.one(ctx, q(noticedSince, string(kind), micros(since)), &n)
	})
	return n > 0, err
}
