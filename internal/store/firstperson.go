package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

const (
	offerSetup  = `UPDATE installation SET setup_hash = $1, setup_until = $2 WHERE id = 1 AND NOT EXISTS (SELECT 1 FROM person)`
	setupIsOpen = `
SELECT 1 FROM installation WHERE id = 1 AND setup_hash = $1 AND setup_until > $2 AND NOT EXISTS (SELECT 1 FROM person)`
	closeSetup = `UPDATE installation SET setup_hash = NULL, setup_until = 0 WHERE id = 1`
)

// OfferSetup makes a link valid with which the first person furnishes the
// installation; the one before is no longer. False: there is a person already.
func (s *Store) OfferSetup(ctx context.Context, hash [32]byte, life time.Duration) (offered bool, err error) {
	err = s.writer.change(ctx, func(ctx context.Context, tx *session, _ bool) error {
		n, err := tx.exec(ctx, q(offerSetup, hash[:], micros(s.Now().Add(life))))
		offered = n == 1
		return err
	})
	if err != nil {
		return false, fmt.Errorf("offer the set-up link: %w", err)
	}
	return offered, nil
}

// SetupOffered reports whether the link of that hash may furnish the installation now.
func (s *Store) SetupOffered(ctx context.Context, hash [32]byte) (bool, error) {
	var one int
	err := s.reads.read(ctx, func(ctx context.Context, c *session) error {
		return c.one(ctx, q(setupIsOpen, hash[:], micros(s.Now())), &one)
	})
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// NewFirstPerson is what FirstPerson needs.
type NewFirstPerson struct {
	Link                  [32]byte // hash of the set-up link's secret
	Organization          string   // its name; one that exists is joined
	Name, Email, Password string   // the password as a PHC string
}

const (
	organizationNamed  = `SELECT id, public_id FROM organization WHERE LOWER(name) = LOWER($1) ORDER BY id LIMIT 1`
	subscriptionOfOrg  = `SELECT public_id FROM subscription WHERE organization = $1 ORDER BY id LIMIT 1`
	insertFirstPerson  = `INSERT INTO person (public_id, email, email_key, name, password, operator, created_at) VALUES ($1, $2, $3, $4, $5, 1, $6) RETURNING id`
	insertMembership   = `INSERT INTO member (organization, person, role, created_at) VALUES ($1, $2, $3, $4)`
	becomeFirstContact = `UPDATE subscription SET contact = $2, email = $3 WHERE organization = $1 AND contact IS NULL`
)

// FirstPerson makes the first person of an installation: its operator, and admin
// of an organization with a subscription. ErrNotFound: the link is not valid.
func (s *Store) FirstPerson(ctx context.Context, n NewFirstPerson) (sub connector.SubscriptionID, err error) {
	ids, err := newIDs(connector.PersonPrefix, connector.OrganizationPrefix, connector.SubscriptionPrefix)
	if err != nil {
		return "", err
	}
	err = s.change(ctx, auditNote{by: n.Email, action: "person.create", object: ids[0], detail: "by the set-up link"}, func(ctx context.Context, c *change) error {
		var one int
		if err := c.tx.one(ctx, q(setupIsOpen, n.Link[:], micros(s.Now())), &one); err != nil {
			return err
		}
		if sub, err = s.firstSubscription(ctx, c, n.Organization, ids[1:]); err != nil {
			return err
		}
		var person int64
		err := c.tx.one(ctx, q(insertFirstPerson, ids[0], n.Email, fold(n.Email), n.Name, n.Password, micros(s.Now())), &person)
		if err != nil {
			return fmt.Errorf("insert person: %w", err)
		}
		for _, do := range []statement{
			q(insertMembership, c.note.organization, person, int64(connector.RoleAdmin), micros(s.Now())),
			q(becomeFirstContact, c.note.organization, person, n.Email),
			q(closeSetup),
		} {
			if _, err := c.tx.exec(ctx, do); err != nil {
				return fmt.Errorf("make the first person: %w", err)
			}
		}
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return "", ErrNotFound
	}
	return sub, err
}

// firstSubscription finds the organization and its subscription, or makes them.
func (s *Store) firstSubscription(ctx context.Context, c *change, name string, ids []string) (connector.SubscriptionID, error) {
	org := Organization{ID: connector.OrganizationID(ids[0]), Name: name, Created: s.Now()}
	err := c.tx.one(ctx, q(organizationNamed, name), &c.note.organization, &org.ID)
	if errors.Is(err, ErrNotFound) {
		c.note.organization, err = c.createOrganization(ctx, org)
	}
	if err != nil {
		return "", err
	}
	var sub connector.SubscriptionID
	err = c.tx.one(ctx, q(subscriptionOfOrg, c.note.organization), &sub)
	if !errors.Is(err, ErrNotFound) {
		return sub, err
	}
	made, err := s.subscribe(ctx, c, ids[1], NewSubscription{Organization: org.ID, Plan: "enterprise", InstanceName: name, Endless: true})
	return made.ID, err
}
