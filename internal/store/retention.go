package store

import (
	"context"
	"database/sql"
	"time"
)

// How retention goes about: when it looks, and how much one transaction takes.
const (
	retainEvery = time.Minute
	retainMost  = 200
)

// retain removes bodies and rows that were kept long enough, until ctx ends. It
// writes only when nobody else has for 100 ms.
func (s *Store) retain(ctx context.Context) {
	every := time.NewTicker(retainEvery)
	defer every.Stop()
	for {
		if err := s.retainNow(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "retention failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// retainNow removes all that is due, in small transactions.
func (s *Store) retainNow(ctx context.Context) error {
	for _, part := range []func(context.Context, *session) (bool, error){s.removeBodies, s.removeRows, s.removeNotices} {
		for more := true; more; {
			err := s.writer.tend(ctx, func(ctx context.Context, tx *session, _ bool) (err error) {
				more, err = part(ctx, tx)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

const bodiesUntil = `SELECT bodies_until FROM installation WHERE id = 1`

// The bodies of messages that ended after one time and not after another. The
// first is kept, so that each row is looked at once.
const bodiesDue = `
SELECT id, finished_at FROM message WHERE finished_at > 0 AND finished_at >= $1 AND finished_at <= $2 AND body IS NOT NULL
ORDER BY finished_at, id LIMIT 200`

const removeBody = `UPDATE message SET body = NULL WHERE id = $1`

const setBodiesUntil = `UPDATE installation SET bodies_until = $1 WHERE id = 1 AND bodies_until < $1`

// removeBodies removes the next bodies that are due; more: there may be further ones.
func (s *Store) removeBodies(ctx context.Context, tx *session) (more bool, err error) {
	due := micros(s.Now().Add(-s.bodyLife))
	var from int64
	if err := tx.one(ctx, q(bodiesUntil), &from); err != nil {
		return false, err
	}
	ids, last, err := dueIDs(ctx, tx, q(bodiesDue, from, due))
	if err != nil {
		return false, err
	}
	for _, id := range ids {
		if _, err := tx.exec(ctx, q(removeBody, id)); err != nil {
			return false, err
		}
	}
	if more = len(ids) == retainMost; !more {
		last = due
	}
	_, err = tx.exec(ctx, q(setBodiesUntil, last))
	return more, err
}

const rowsDue = `
SELECT id, finished_at FROM message WHERE finished_at > 0 AND finished_at <= $1 ORDER BY finished_at, id LIMIT 200`

const (
	removeAttempts = `DELETE FROM attempt WHERE message = $1`
	removeMessage  = `DELETE FROM message WHERE id = $1`
)

// removeRows removes the next messages that are due, with their attempts.
func (s *Store) removeRows(ctx context.Context, tx *session) (more bool, err error) {
	ids, _, err := dueIDs(ctx, tx, q(rowsDue, micros(s.Now().Add(-s.rowLife))))
	if err != nil {
		return false, err
	}
	for _, id := range ids {
		for _, text := range []string{removeAttempts, removeMessage} {
			if _, err := tx.exec(ctx, q(text, id)); err != nil {
				return false, err
			}
		}
	}
	return len(ids) == retainMost, nil
}

const removeNotices = `DELETE FROM notice WHERE id IN (SELECT n.id FROM notice n ORDER BY n.id LIMIT 200) AND at <= $1 AND mailed_at > 0`

// removeNotices removes the oldest notices, as long after they were made as messages after their end.
func (s *Store) removeNotices(ctx context.Context, tx *session) (more bool, err error) {
	n, err := tx.exec(ctx, q(removeNotices, micros(s.Now().Add(-s.rowLife))))
	return n == retainMost, err
}

func dueIDs(ctx context.Context, tx *session, by statement) (ids []int64, last int64, err error) {
	err = tx.each(ctx, by, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id, &last)
		ids = append(ids, id)
		return err
	})
	return ids, last, err
}
