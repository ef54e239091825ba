package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
)

// LockKeys keeps other processes from changing the master key's file of a data
// folder. The lock ends with the process.
func LockKeys(dir string) (unlock func(), err error) {
	unlock, err = lockFile(context.Background(), filepath.Join(dir, "keys.lock"), false)
	if errors.Is(err, errHeld) {
		return nil, errors.New("another command changes the master key at this moment; wait for its end")
	}
	return unlock, err
}

// Resealed counts what was sealed anew with the ring's primary key.
type Resealed struct {
	Webhooks, Messages int
	// Unreadable is how many values no key on the ring opens. They are left as they are.
	Unreadable int
}

// shelf is a column of sealed values, walked by row in pieces that never hold the
// writers up for long. A value that changes meanwhile is left to whoever changed it.
type shelf struct {
	read, write string
	piece       int // how many values are in memory at once
	place       func(owner, id string) keyring.Place
}

const sealedURLs = `
SELECT w.id, s.public_id, w.public_id, w.url FROM webhook w JOIN subscription s ON s.id = w.subscription
WHERE w.id > $1 AND w.url IS NOT NULL ORDER BY w.id LIMIT $2`

const resealURL = `UPDATE webhook SET url = $1 WHERE id = $2 AND url = $3`

const sealedBodies = `
SELECT m.id, s.public_id, m.public_id, m.body FROM message m JOIN subscription s ON s.id = m.subscription
WHERE m.id > $1 AND m.body IS NOT NULL ORDER BY m.id LIMIT $2`

const resealBody = `UPDATE message SET body = $1 WHERE id = $2 AND body = $3`

func urlShelf() shelf {
	return shelf{sealedURLs, resealURL, 500, func(owner, id string) keyring.Place {
		return URLPlace(connector.SubscriptionID(owner), connector.WebhookID(id))
	}}
}

func bodyShelf() shelf {
	return shelf{sealedBodies, resealBody, 200, func(owner, id string) keyring.Place {
		return BodyPlace(connector.SubscriptionID(owner), connector.MessageID(id))
	}}
}

// sealedRow is one value of a shelf.
type sealedRow struct {
	row       int64
	owner, id string
	sealed    []byte
}

const sealedKey = `SELECT mac_key FROM installation WHERE id = 1`

const resealKey = `UPDATE installation SET mac_key = $1 WHERE id = 1 AND mac_key = $2`

// Rotated reports whether the last Reseal under the ring's primary key came to its end.
func (s *Store) Rotated(ctx context.Context) (done bool, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		var sealed []byte
		err := c.one(ctx, q(sealedKey), &sealed)
		done = s.ring.Current(sealed)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("read the installation key: %w", err)
	}
	return done, nil
}

// Reseal seals everything with the ring's primary key that another one sealed:
// URLs, texts, and last the installation's own key, by which Rotated tells that
// nothing is left. Beside a running service it is safe, after a crash it goes on.
func (s *Store) Reseal(ctx context.Context, by string) (n Resealed, err error) {
	var bad int
	if n.Webhooks, bad, err = s.resealShelf(ctx, urlShelf()); err != nil {
		return n, fmt.Errorf("seal webhook URLs anew: %w", err)
	}
	n.Unreadable += bad
	if n.Messages, bad, err = s.resealShelf(ctx, bodyShelf()); err != nil {
		return n, fmt.Errorf("seal messages anew: %w", err)
	}
	n.Unreadable += bad
	if _, bad, err = s.resealShelf(ctx, directoryShelf()); err != nil {
		return n, fmt.Errorf("seal directories anew: %w", err)
	}
	n.Unreadable += bad
	return n, s.change(ctx, auditNote{by: by, action: "masterkey.rotate", object: "installation"}, func(ctx context.Context, c *change) error {
		var was []byte
		if err := c.tx.one(ctx, q(sealedKey), &was); err != nil {
			return fmt.Errorf("read the installation key: %w", err)
		}
		_, err := c.tx.exec(ctx, q(resealKey, s.ring.Seal(macKeyPlace(), s.Now(), s.macKey), was))
		return err
	})
}

func (s *Store) resealShelf(ctx context.Context, of shelf) (done, unreadable int, err error) {
	after := int64(0)
	for {
		rows, err := s.readShelf(ctx, of, after)
		if err != nil || len(rows) == 0 {
			return done, unreadable, err
		}
		after = rows[len(rows)-1].row
		var changed []statement
		for _, r := range rows {
			if s.ring.Current(r.sealed) {
				continue
			}
			at := of.place(r.owner, r.id)
			plain, err := s.ring.Open(at, r.sealed)
			if err != nil {
				unreadable++
				continue
			}
			changed = append(changed, q(of.write, s.ring.Seal(at, s.Now(), plain), r.row, r.sealed))
		}
		if len(changed) == 0 {
			continue
		}
		began := time.Now()
		if err := s.writePiece(ctx, changed); err != nil {
			return done, unreadable, err
		}
		done += len(changed)
		if err := pause(ctx, time.Since(began)); err != nil { // the service's own writers get as much time
			return done, unreadable, err
		}
	}
}

func (s *Store) readShelf(ctx context.Context, of shelf, after int64) (rows []sealedRow, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		rows = rows[:0]
		return c.each(ctx, q(of.read, after, of.piece), func(found *sql.Rows) error {
			var r sealedRow
			err := found.Scan(&r.row, &r.owner, &r.id, &r.sealed)
			rows = append(rows, r)
			return err
		})
	})
	return rows, err
}

func (s *Store) writePiece(ctx context.Context, all []statement) error {
	return s.writer.change(ctx, func(ctx context.Context, tx *session, _ bool) error {
		for _, one := range all {
			if _, err := tx.exec(ctx, one); err != nil {
				return err
			}
		}
		return nil
	})
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
