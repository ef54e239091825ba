package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

const (
	newestOfLane = `(SELECT x.id, x.public_id, x.accepted_at, x.body FROM message x WHERE x.lane = $1 AND x.id < $2 AND x.id >= $3 ORDER BY x.id DESC LIMIT 5000) m`
	textsOfLane  = `
SELECT m.id, m.public_id, m.accepted_at, m.body, s.public_id
FROM ` + newestOfLane + `, lane l JOIN webhook w ON w.id = l.webhook JOIN subscription s ON s.id = w.subscription
WHERE l.id = $1 AND m.body IS NOT NULL ORDER BY m.id DESC`
	answersOfLane = `SELECT m.id, a.answer FROM ` + newestOfLane + ` JOIN attempt a ON a.message = m.id WHERE a.answer <> ''`
)

// texts finds the messages of a lane whose text, or Teams' answer, holds the
// query; stopped is where it ran out of time, if it did.
func (l *look) texts(ctx context.Context, lane int64) (hits map[int64]bool, stopped seen, err error) {
	hits = map[int64]bool{}
	err = l.c.each(ctx, q(answersOfLane, lane, l.before, l.after), func(rows *sql.Rows) error {
		var id int64
		var answer string
		err := rows.Scan(&id, &answer)
		if contains(answer, l.f.Query) {
			hits[id] = true
		}
		return err
	})
	if err != nil {
		return nil, stopped, err
	}
	n, until := 0, time.Now().Add(readTime/4)
	err = l.c.each(ctx, q(textsOfLane, lane, l.before, l.after), func(rows *sql.Rows) error {
		var m seen
		var sub connector.SubscriptionID
		var body []byte
		if err := rows.Scan(&m.id, &m.public, &m.accepted, &body, &sub); err != nil {
			return err
		}
		plain, err := l.s.ring.Open(BodyPlace(sub, connector.MessageID(m.public)), body)
		if err == nil && contains(string(plain), l.f.Query) { // one that can't be opened holds nothing that could be found
			hits[m.id] = true
		}
		if n++; n%20 == 0 && time.Now().After(until) {
			stopped = m
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return hits, stopped, err
}

// Entry returns a message as the log shows it.
func (s *Store) Entry(ctx context.Context, id connector.MessageID) (m MessageEntry, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		err := ErrNotFound
		readErr := c.each(ctx, q(entryByID, string(id)), func(rows *sql.Rows) error {
			m, err = scanEntry(rows, s.Now())
			return err
		})
		if readErr != nil {
			return readErr
		}
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return m, NoMessage(id)
	}
	if err != nil {
		return m, fmt.Errorf("read message %s: %w", id, err)
	}
	return m, nil
}

const bodyOf = `SELECT m.kind, m.body FROM message m WHERE m.public_id = $1`

// Content opens a message's text or card; TextRemoved: it was removed.
func (s *Store) Content(ctx context.Context, sub connector.SubscriptionID, id connector.MessageID) (content connector.Content, err error) {
	var sealed []byte
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		return c.one(ctx, q(bodyOf, string(id)), &content.Kind, &sealed)
	})
	switch {
	case errors.Is(err, ErrNotFound):
		return content, NoMessage(id)
	case err != nil:
		return content, fmt.Errorf("read the text of message %s: %w", id, err)
	case sealed == nil:
		return content, connector.Errorf(connector.TextRemoved,
			"The message's text was removed: it is kept for a limited time after the message's end. Send it anew from the app.")
	}
	if content.Body, err = s.ring.Open(BodyPlace(sub, id), sealed); err != nil {
		return content, fmt.Errorf("open the text of message %s: %w", id, err)
	}
	return content, nil
}
