package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

const actorToken = `
SELECT t.public_id, t.name, t.role, t.scopes, COALESCE(t.person, 0), COALESCE(o.public_id, ''),
    COALESCE(p.public_id, ''), COALESCE(p.email, ''), COALESCE(p.operator, 0)
FROM token t LEFT JOIN organization o ON o.id = t.organization LEFT JOIN person p ON p.id = t.person
WHERE t.hash = $1 AND t.revoked_at = 0 AND (t.expires_at = 0 OR t.expires_at > $2)
  AND COALESCE(o.erased_at, 0) = 0 AND COALESCE(p.disabled_at, 0) = 0`

// ActorByToken returns who comes with a token that is valid now, or ErrNotFound.
func (s *Store) ActorByToken(ctx context.Context, hash [32]byte) (who connector.Actor, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		who = connector.Actor{}
		var name, scopes, email string
		var organization connector.OrganizationID
		var role, operator int
		var person int64
		err := c.one(ctx, q(actorToken, hash[:], micros(s.Now())),
			&who.Token, &name, &role, &scopes, &person, &organization, &who.Person, &email, &operator)
		if err != nil {
			return err
		}
		who.Scopes = parseScopes(scopes)
		switch {
		case person != 0: // may what the person may now, within the scopes
			who.Name, who.Operator = email, operator != 0
			return c.person(ctx, person, &who)
		case organization != "":
			who.Name, who.Roles = "token "+name, map[connector.OrganizationID]connector.Role{organization: connector.Role(role)}
		default:
			who.Name, who.Operator = "token "+name, true
		}
		return nil
	})
	if err != nil {
		return connector.Actor{}, fmt.Errorf("read token: %w", err)
	}
	return who, nil
}

const rolesOf = `
SELECT o.public_id, m.role FROM member m JOIN organization o ON o.id = m.organization
WHERE m.person = $1 AND o.erased_at = 0`

const contactOf = `SELECT public_id FROM subscription WHERE contact = $1`

const actorPerson = `SELECT id, email, operator FROM person WHERE public_id = $1 AND disabled_at = 0`

// PersonActor returns a person as who acts: with their organizations, roles and subscriptions.
func (s *Store) PersonActor(ctx context.Context, person connector.PersonID) (who connector.Actor, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		who = connector.Actor{Person: person}
		var row, operator int64
		if err := c.one(ctx, q(actorPerson, string(person)), &row, &who.Name, &operator); err != nil {
			return err
		}
		who.Operator = operator != 0
		return c.person(ctx, row, &who)
	})
	if err != nil {
		return connector.Actor{}, fmt.Errorf("read person: %w", err)
	}
	return who, nil
}

// person reads where a person is a member, and of which subscriptions the Technical Contact.
func (c *session) person(ctx context.Context, row int64, who *connector.Actor) error {
	who.Roles = make(map[connector.OrganizationID]connector.Role)
	err := c.each(ctx, q(rolesOf, row), func(rows *sql.Rows) error {
		var organization connector.OrganizationID
		var role connector.Role
		err := rows.Scan(&organization, &role)
		who.Roles[organization] = role
		return err
	})
	if err != nil {
		return err
	}
	who.Contact = make(map[connector.SubscriptionID]bool)
	return c.each(ctx, q(contactOf, row), func(rows *sql.Rows) error {
		var sub connector.SubscriptionID
		err := rows.Scan(&sub)
		who.Contact[sub] = true
		return err
	})
}

// parseScopes reads a token's list of rights; nil: it is not limited.
func parseScopes(text string) []connector.Right {
	if text == "" {
		return nil
	}
	rights := []connector.Right{}
	for word := range strings.FieldsSeq(text) {
		if right, ok := connector.ParseRight(word); ok {
			rights = append(rights, right)
		}
	}
	return rights
}
