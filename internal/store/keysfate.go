package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// KeysFate is a pair of keys that may have been deleted.
type KeysFate struct {
	Keys
	Deleted time.Time // zero: it is valid
}

const keysFate = `
SELECT k.public_id, s.public_id, k.name, k.license_key, k.created_by, k.created_at, k.last_used, k.deleted_at
FROM keys k JOIN subscription s ON s.id = k.subscription
WHERE `

const (
	keysFateByLicense = keysFate + `k.license_key = $1`
	keysFateByName    = keysFate + `s.public_id = $1 AND k.name = $2 ORDER BY k.deleted_at > 0, k.deleted_at DESC, k.id LIMIT 100`
)

// FateOfLicense returns the keys with a LicenseKey, deleted or not: one pair at most.
func (s *Store) FateOfLicense(ctx context.Context, licenseKey string) ([]KeysFate, error) {
	return s.fates(ctx, q(keysFateByLicense, licenseKey))
}

// FateOfName returns the keys that have or had a name in a subscription: valid
// ones first, then what was deleted last.
func (s *Store) FateOfName(ctx context.Context, sub connector.SubscriptionID, name string) ([]KeysFate, error) {
	return s.fates(ctx, q(keysFateByName, string(sub), name))
}

func (s *Store) fates(ctx context.Context, by statement) (all []KeysFate, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, by, func(rows *sql.Rows) error {
			var k KeysFate
			var created, used, deleted int64
			if err := rows.Scan(&k.ID, &k.Subscription, &k.Name, &k.LicenseKey, &k.CreatedBy, &created, &used, &deleted); err != nil {
				return err
			}
			k.Created, k.LastUsed, k.Deleted = fromMicros(created), fromMicros(used), fromMicros(deleted)
			all = append(all, k)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return all, nil
}

// KeysWaiting is how many messages of a pair of keys wait for a webhook.
type KeysWaiting struct {
	Webhook connector.WebhookID
	Name    string
	Waiting int
}

const waitingUnderKeys = `
SELECT w.public_id, w.name, COUNT(*)
FROM keys k JOIN webhook w ON w.subscription = k.subscription JOIN lane l ON l.webhook = w.id
JOIN queue q ON q.lane = l.id JOIN message m ON m.id = q.id
WHERE k.public_id = $1 AND m.keys = k.id GROUP BY w.id ORDER BY w.name, w.id`

// WaitingUnder returns what was accepted under a pair of keys and has not ended yet, by webhook.
func (s *Store) WaitingUnder(ctx context.Context, keys connector.KeysID) (all []KeysWaiting, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, q(waitingUnderKeys, string(keys)), func(rows *sql.Rows) error {
			var w KeysWaiting
			err := rows.Scan(&w.Webhook, &w.Name, &w.Waiting)
			all = append(all, w)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("count what waits under keys %s: %w", keys, err)
	}
	return all, nil
}
