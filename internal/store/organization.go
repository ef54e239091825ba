package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

const insertOrganization = `
INSERT INTO organization (public_id, name, created_at) VALUES ($1, $2, $3) RETURNING id`

// CreateOrganization makes an organization.
func (s *Store) CreateOrganization(ctx context.Context, name, by string) (o Organization, err error) {
	id, err := newID(connector.OrganizationPrefix)
	if err != nil {
		return o, err
	}
	err = s.change(ctx, auditNote{by: by, action: "organization.create", object: id, detail: name}, func(ctx context.Context, c *change) error {
		o = Organization{ID: connector.OrganizationID(id), Name: name, Created: s.Now()}
		c.note.organization, err = c.createOrganization(ctx, o)
		return err
	})
	return o, err
}

func (c *change) createOrganization(ctx context.Context, o Organization) (row int64, err error) {
	err = c.tx.one(ctx, q(insertOrganization, string(o.ID), o.Name, micros(o.Created)), &row)
	if err != nil {
		return 0, fmt.Errorf("insert organization: %w", err)
	}
	return row, nil
}

const organizationByID = `SELECT id, name FROM organization WHERE public_id = $1`

// organization looks an organization up inside a change.
func (c *change) organization(ctx context.Context, id connector.OrganizationID) (row int64, name string, err error) {
	err = c.tx.one(ctx, q(organizationByID, string(id)), &row, &name)
	if errors.Is(err, ErrNotFound) {
		return 0, "", connector.Errorf(connector.NotFound, "No organization %s.", id)
	}
	return row, name, err
}

const insertToken = `
INSERT INTO token (public_id, organization, name, hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`

// CreateToken makes a token, of an organization or an operator's.
func (s *Store) CreateToken(ctx context.Context, n NewToken) (t Token, err error) {
	id, err := newID(connector.TokenPrefix)
	if err != nil {
		return t, err
	}
	err = s.change(ctx, auditNote{by: n.By, action: "token.create", object: id, detail: n.Name}, func(ctx context.Context, c *change) error {
		if n.Organization != "" {
			if c.note.organization, _, err = c.organization(ctx, n.Organization); err != nil {
				return err
			}
		}
		t = Token{ID: connector.TokenID(id), Organization: n.Organization, Name: n.Name, Created: s.Now(), Expires: n.Expires}
		_, err := c.tx.exec(ctx, q(insertToken, id, orNull(c.note.organization), n.Name, n.Hash[:], micros(t.Created), micros(n.Expires)))
		return err
	})
	return t, err
}

const tokenByHash = `
SELECT t.public_id, COALESCE(o.public_id, ''), t.name, t.created_at, t.expires_at
FROM token t LEFT JOIN organization o ON o.id = t.organization
WHERE t.hash = $1 AND t.revoked_at = 0 AND (t.expires_at = 0 OR t.expires_at > $2)`

// TokenByHash returns a token that is valid now, or ErrNotFound.
func (s *Store) TokenByHash(ctx context.Context, hash [32]byte) (t Token, err error) {
	var created, expires int64
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		return c.one(ctx, q(tokenByHash, hash[:], micros(s.Now())), &t.ID, &t.Organization, &t.Name, &created, &expires)
	})
	if err != nil {
		return Token{}, fmt.Errorf("read token: %w", err)
	}
	t.Created, t.Expires = fromMicros(created), fromMicros(expires)
	return t, nil
}

// Setup makes an organization, a subscription under the plan enterprise without
// an end, and one pair of keys: all that an installation needs to begin.
func (s *Store) Setup(ctx context.Context, n NewSetup) (rows SetupRows, err error) {
	if n.Instance == "" {
		n.Instance = n.Name
	}
	if n.KeysName == "" {
		n.KeysName = "first keys"
	}
	ids, err := newIDs(connector.OrganizationPrefix, connector.SubscriptionPrefix, connector.KeysPrefix)
	if err != nil {
		return rows, err
	}
	err = s.change(ctx, auditNote{by: n.By, action: "setup", object: ids[0], detail: n.Name}, func(ctx context.Context, c *change) error {
		rows = SetupRows{Organization: Organization{ID: connector.OrganizationID(ids[0]), Name: n.Name, Created: s.Now()}}
		if c.note.organization, err = c.createOrganization(ctx, rows.Organization); err != nil {
			return err
		}
		rows.Subscription, err = s.subscribe(ctx, c, ids[1], NewSubscription{
			Organization: rows.Organization.ID, Plan: "enterprise", InstanceName: n.Instance, Endless: true, Contact: Contact{Email: n.Email},
		})
		if err != nil {
			return err
		}
		rows.Keys, err = s.addKeys(ctx, c, ids[2], NewKeys{
			Subscription: rows.Subscription.ID, Name: n.KeysName, LicenseKey: n.LicenseKey, SecretHash: n.SecretHash, By: n.By,
		})
		return err
	})
	return rows, err
}

func newIDs(prefixes ...string) ([]string, error) {
	ids := make([]string, len(prefixes))
	for i, prefix := range prefixes {
		id, err := newID(prefix)
		if err != nil {
			return nil, err
		}
		ids[i] = id
	}
	return ids, nil
}
