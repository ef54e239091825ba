package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// due* find what people should hear of by now and nobody wrote down yet: event,
// organization, subscription, webhook.
const (
	dueTerm = `
SELECT d.event, d.organization, d.id, 0 FROM (
    SELECT CAST($1 AS TEXT) || ' ' || s.public_id || ' ' || CAST(s.expires AS TEXT) AS event, s.organization AS organization, s.id AS id
    FROM subscription s JOIN organization o ON o.id = s.organization
    WHERE s.status IN (2, 3) AND o.erased_at = 0 AND s.expires > $2 AND s.expires <= $3) d
WHERE NOT EXISTS (SELECT 1 FROM notice n WHERE n.event = d.event) LIMIT 500`
	dueQuota = `
SELECT d.event, d.organization, d.id, 0 FROM (
    SELECT CAST($1 AS TEXT) || ' ' || s.public_id || ' ' || CAST(u.month AS TEXT) || ' ' || CAST(s.message_quota AS TEXT) AS event, s.organization AS organization, s.id AS id
    FROM subscription s JOIN quota u ON u.subscription = s.id AND u.month = $2
    WHERE s.message_quota > 0 AND s.status = 2 AND u.messages * 5 >= s.message_quota * $3 AND ($4 = 0 OR u.messages < s.message_quota)) d
WHERE NOT EXISTS (SELECT 1 FROM notice n WHERE n.event = d.event) LIMIT 500`
	// A queue that stays behind is told of once a day (UTC).
	dueBehind = `
WITH RECURSIVE l(lane) AS (
    SELECT MIN(lane) FROM queue
    UNION ALL
    SELECT (SELECT MIN(q.lane) FROM queue q WHERE q.lane > l.lane) FROM l WHERE l.lane IS NOT NULL
), d(event, lane) AS (
    SELECT CAST($1 AS TEXT) || ' ' || CAST(l.lane AS TEXT) || ' ' || CAST($2 AS TEXT), l.lane FROM l WHERE l.lane IS NOT NULL
        AND (SELECT m.accepted_at FROM queue h JOIN message m ON m.id = h.id WHERE h.lane = l.lane ORDER BY h.lane, h.id LIMIT 1) < $3
)
SELECT d.event, s.organization, s.id, w.id FROM d JOIN lane k ON k.id = d.lane JOIN webhook w ON w.id = k.webhook JOIN subscription s ON s.id = w.subscription
WHERE k.state = 1 AND w.mail_for IS NULL AND NOT EXISTS (SELECT 1 FROM notice n WHERE n.event = d.event) LIMIT 500`

	insertDue = `
INSERT INTO notice (event, kind, organization, subscription, webhook, at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (event) DO NOTHING`
)

// dueNotice is one that is to be written.
type dueNotice struct {
	kind                                connector.NoticeKind
	event                               string
	organization, subscription, webhook int64
}

// The times before the end of a term at which people are reminded of it.
const (
	remindWeek = 7 * 24 * time.Hour
	remindDay  = 24 * time.Hour
)

// Calendar writes the notices that are due: terms that end or have ended, quotas that
// are used up or nearly, queues that are behind. Each is written once, however often
// and by how many processes it is called.
func (s *Store) Calendar(ctx context.Context) error {
	now := s.Now()
	at := micros(now)
	day, week := micros(now.Add(remindDay)), micros(now.Add(remindWeek))
	var all []dueNotice
	for _, look := range []struct {
		kind connector.NoticeKind
		by   statement
	}{
		{connector.NoticeTermEnding, q(dueTerm, "term_ending 7", day, week)},
		{connector.NoticeTermEnding, q(dueTerm, "term_ending 1", at, day)},
		{connector.NoticeTermEnded, q(dueTerm, "term_ended", micros(now.Add(-remindWeek)), at)},
		{connector.NoticeQuotaNear, q(dueQuota, "quota_near", monthOf(now), 4, 1)},
		{connector.NoticeQuotaUsed, q(dueQuota, "quota_used", monthOf(now), 5, 0)},
		{connector.NoticeQuotaUsed, q(dueQuota, "quota_used", monthOf(now.Add(-5*time.Minute)), 5, 0)}, // of the month that has just ended
		{connector.NoticeLaneBehind, q(dueBehind, "lane_behind", fmt.Sprint(dayOf(now)), micros(now.Add(-connector.Late)))},
	} {
		found, err := s.due(ctx, look.kind, look.by)
		if err != nil {
			return fmt.Errorf("look for notices of kind %s: %w", look.kind, err)
		}
		all = append(all, found...)
	}
	if len(all) == 0 {
		return nil
	}
	err := s.writer.change(ctx, func(ctx context.Context, tx *session, _ bool) error {
		for _, n := range all {
			if _, err := tx.exec(ctx, q(insertDue, n.event, string(n.kind), n.organization, n.subscription, orNull(n.webhook), at)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return s.refusal("write notices", err)
	}
	return nil
}

func (s *Store) due(ctx context.Context, kind connector.NoticeKind, by statement) (all []dueNotice, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, by, func(rows *sql.Rows) error {
			n := dueNotice{kind: kind}
			err := rows.Scan(&n.event, &n.organization, &n.subscription, &n.webhook)
			all = append(all, n)
			return err
		})
	})
	return all, err
}
