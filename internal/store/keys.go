package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

const keysByLicense = `
SELECT k.id, k.public_id, k.secret_hash, s.id, s.public_id, o.public_id
FROM keys k JOIN subscription s ON s.id = k.subscription JOIN organization o ON o.id = s.organization
WHERE k.license_key = $1 AND k.deleted_at = 0`

// KeysByLicense returns what a license key stands for, or ErrNotFound: deleted keys are not found.
func (s *Store) KeysByLicense(ctx context.Context, licenseKey string) (row KeysRow, err error) {
	var hash []byte
	l := &row.License
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		return c.one(ctx, q(keysByLicense, licenseKey), &l.KeysRow, &l.Keys, &hash, &l.SubscriptionRow, &l.Subscription, &l.Organization)
	})
	if err != nil {
		return KeysRow{}, fmt.Errorf("read keys: %w", err)
	}
	copy(row.SecretHash[:], hash)
	return row, nil
}

const insertKeys = `
INSERT INTO keys (public_id, subscription, name, license_key, secret_hash, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`

// CreateKeys makes a pair of binding keys.
func (s *Store) CreateKeys(ctx context.Context, n NewKeys) (k Keys, err error) {
	id, err := newID(connector.KeysPrefix)
	if err != nil {
		return k, err
	}
	err = s.change(ctx, auditNote{by: n.By, action: "keys.create", object: id, detail: n.Name}, func(ctx context.Context, c *change) error {
		k, err = s.addKeys(ctx, c, id, n)
		return err
	})
	return k, err
}

func (s *Store) addKeys(ctx context.Context, c *change, id string, n NewKeys) (k Keys, err error) {
	sub, err := c.subscription(ctx, n.Subscription)
	if err != nil {
		return k, err
	}
	k = Keys{ID: connector.KeysID(id), Subscription: sub.ID, Name: n.Name, LicenseKey: n.LicenseKey, CreatedBy: n.By, Created: s.Now()}
	_, err = c.tx.exec(ctx, q(insertKeys, id, sub.Row, n.Name, n.LicenseKey, n.SecretHash[:], n.By, micros(k.Created)))
	if err != nil && s.dialect.unique(err) {
		return k, nameTaken("/name", "pair of keys", n.Name)
	}
	return k, err
}

const keysOf = `
SELECT k.public_id, s.public_id, k.name, k.license_key, k.created_by, k.created_at, k.last_used
FROM keys k JOIN subscription s ON s.id = k.subscription
WHERE s.public_id = $1 AND k.deleted_at = 0 ORDER BY k.id`

// KeysOf returns the keys of a subscription that are not deleted.
func (s *Store) KeysOf(ctx context.Context, sub connector.SubscriptionID) (all []Keys, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, q(keysOf, string(sub)), func(rows *sql.Rows) error {
			var k Keys
			var created, used int64
			if err := rows.Scan(&k.ID, &k.Subscription, &k.Name, &k.LicenseKey, &k.CreatedBy, &created, &used); err != nil {
				return err
			}
			k.Created, k.LastUsed = fromMicros(created), fromMicros(used)
			all = append(all, k)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return all, nil
}

const deleteKeys = `
UPDATE keys SET deleted_at = $3 WHERE subscription = $1 AND public_id = $2 AND deleted_at = 0`

// DeleteKeys makes a pair of keys invalid for good. What was accepted under it still goes.
func (s *Store) DeleteKeys(ctx context.Context, sub connector.SubscriptionID, id connector.KeysID, by string) error {
	return s.change(ctx, auditNote{by: by, action: "keys.delete", object: string(id)}, func(ctx context.Context, c *change) error {
		of, err := c.subscription(ctx, sub)
		if err != nil {
			return err
		}
		n, err := c.tx.exec(ctx, q(deleteKeys, of.Row, string(id), micros(s.Now())))
		if err == nil && n == 0 {
			return connector.Errorf(connector.NotFound, "No keys %s in this subscription.", id)
		}
		return err
	})
}
