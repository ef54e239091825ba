package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

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
		o = Organization{ID: connector.OrganizationID(id), Name: name, Created: s.Now(), Version: 1}
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

const organizationByID = `SELECT id, name FROM organization WHERE public_id = $1 AND erased_at = 0`

// organization looks an organization up inside a change.
func (c *change) organization(ctx context.Context, id connector.OrganizationID) (row int64, name string, err error) {
	err = c.tx.one(ctx, q(organizationByID, string(id)), &row, &name)
	if errors.Is(err, ErrNotFound) {
		return 0, "", connector.NoSuch("organization", string(id))
	}
	return row, name, err
}

const organizationRow = `
SELECT public_id, name, created_at, suspended_at, version FROM organization WHERE erased_at = 0 `

const (
	organizationNamedByID = organizationRow + `AND public_id = $1`
	organizationsAfter    = organizationRow + `AND public_id > $1 ORDER BY public_id LIMIT $2`
	organizationsOfPerson = organizationRow + `AND public_id > $1 AND id IN (
    SELECT m.organization FROM member m JOIN person p ON p.id = m.person WHERE p.public_id = $3) ORDER BY public_id LIMIT $2`
)

func (s *Store) organizations(ctx context.Context, by statement) (all []Organization, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, by, func(rows *sql.Rows) error {
			o, err := scanOrganization(rows)
			all = append(all, o)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read organizations: %w", err)
	}
	return all, nil
}

// scanOrganization reads a row of organizationRow.
func scanOrganization(rows *sql.Rows) (o Organization, err error) {
	var created, suspended int64
	err = rows.Scan(&o.ID, &o.Name, &created, &suspended, &o.Version)
	o.Created, o.Suspended = fromMicros(created), fromMicros(suspended)
	return o, err
}

// Organization returns an organization that was not erased.
func (s *Store) Organization(ctx context.Context, id connector.OrganizationID) (Organization, error) {
	all, err := s.organizations(ctx, q(organizationNamedByID, string(id)))
	if err == nil && len(all) == 0 {
		return Organization{}, connector.NoSuch("organization", string(id))
	}
	if err != nil {
		return Organization{}, err
	}
	return all[0], nil
}

// Organizations returns organizations in the order of their ids: all of them, or
// those that a person is a member of.
func (s *Store) Organizations(ctx context.Context, of connector.PersonID, page connector.Page) (connector.List[Organization], error) {
	by := q(organizationsAfter, page.After, page.Limit+1)
	if of != "" {
		by = q(organizationsOfPerson, page.After, page.Limit+1, string(of))
	}
	all, err := s.organizations(ctx, by)
	return connector.Cut(all, page.Limit, func(o Organization) string { return string(o.ID) }), err
}

const (
	lockOrganization   = `UPDATE organization SET id = id WHERE public_id = $1`
	updateOrganization = `UPDATE organization SET name = $2, suspended_at = $3, version = version + 1 WHERE public_id = $1`
)

// ChangeOrganization renames an organization, suspends it, or lets it go on.
func (s *Store) ChangeOrganization(ctx context.Context, n OrganizationChange) (o Organization, err error) {
	note := auditNote{by: n.By, action: "organization.change", object: string(n.Organization)}
	err = s.change(ctx, note, func(ctx context.Context, c *change) error {
		if _, err := c.tx.exec(ctx, q(lockOrganization, string(n.Organization))); err != nil {
			return fmt.Errorf("lock organization: %w", err)
		}
		if c.note.organization, _, err = c.organization(ctx, n.Organization); err != nil {
			return err
		}
		var created, suspended int64
		err := c.tx.one(ctx, q(organizationNamedByID, string(n.Organization)), &o.ID, &o.Name, &created, &suspended, &o.Version)
		if err != nil {
			return fmt.Errorf("read organization: %w", err)
		}
		o.Created, o.Suspended = fromMicros(created), fromMicros(suspended)
		if err := expectVersion(n.Version, o.Version); err != nil {
			return err
		}
		if n.Name != nil {
			o.Name = *n.Name
		}
		if n.Suspended != nil && *n.Suspended == o.Suspended.IsZero() {
			o.Suspended = map[bool]time.Time{true: s.Now()}[*n.Suspended]
		}
		o.Version++
		c.note.detail = o.Name
		if !o.Suspended.IsZero() {
			c.note.detail += ", suspended"
		}
		_, err = c.tx.exec(ctx, q(updateOrganization, string(o.ID), o.Name, micros(o.Suspended)))
		return err
	})
	return o, err
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
