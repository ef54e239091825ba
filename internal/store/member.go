package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// NewLink is what LinkMember needs.
type NewLink struct {
	Organization connector.OrganizationID
	Person       connector.PersonID
	Hash         [32]byte
	Life         time.Duration
	By           string
}

const onlyMemberOf = `
SELECT COUNT(*) FROM person p JOIN member m ON m.person = p.id WHERE p.id = $1 AND p.operator = 0 AND p.unconfirmed = 0 AND m.organization = $2
  AND NOT EXISTS (SELECT 1 FROM member o WHERE o.person = p.id AND o.organization <> $2)`

// LinkMember makes a link by which a member chooses a new password, unless
// they belong to more than this organization.
func (s *Store) LinkMember(ctx context.Context, n NewLink) error {
	return s.change(ctx, auditNote{by: n.By, action: "person.link", object: string(n.Person)}, func(ctx context.Context, c *change) (err error) {
		if c.note.organization, _, err = c.organization(ctx, n.Organization); err != nil {
			return err
		}
		row, email, err := c.person(ctx, n.Person)
		if err != nil {
			return err
		}
		c.note.detail = email
		var own int
		if err := c.tx.one(ctx, q(onlyMemberOf, row, c.note.organization), &own); err != nil {
			return err
		}
		if own == 0 {
			return connector.Errorf(connector.Conflict,
				"This account is not only your organization's, so only who runs this service makes that link: teamsconnector user reset.")
		}
		return c.all(ctx, c.newLink(row, n.Hash, s.Now(), n.Life))
	})
}

const (
	otherAdmins = `
SELECT COUNT(*) FROM member m JOIN person p ON p.id = m.person
WHERE m.organization = $1 AND m.role = 2 AND m.person <> $2 AND p.disabled_at = 0`
	roleOf        = `SELECT role FROM member WHERE organization = $1 AND person = $2`
	deleteMember  = `DELETE FROM member WHERE organization = $1 AND person = $2`
	endContacts   = `UPDATE subscription SET contact = NULL WHERE organization = $1 AND contact = $2`
	disablePerson = `UPDATE person SET disabled_at = $2, operator = 0, version = version + 1 WHERE id = $1`
	revokeTokens  = `UPDATE token SET revoked_at = $2 WHERE person = $1 AND revoked_at = 0`
)

// MemberChange changes the role of a member, or with role 0 removes them.
type MemberChange struct {
	Organization connector.OrganizationID
	Person       connector.PersonID
	Role         connector.Role
	By           string
}

// ChangeMember changes the role of a member or removes them. The last admin
// can't be removed and stays one.
func (s *Store) ChangeMember(ctx context.Context, n MemberChange) error {
	action := "member.change"
	if n.Role == 0 {
		action = "member.remove"
	}
	return s.change(ctx, auditNote{by: n.By, action: action, object: string(n.Person)}, func(ctx context.Context, c *change) (err error) {
		if _, err := c.tx.exec(ctx, q(lockOrganization, string(n.Organization))); err != nil {
			return fmt.Errorf("lock organization: %w", err)
		}
		if c.note.organization, _, err = c.organization(ctx, n.Organization); err != nil {
			return err
		}
		person, email, err := c.person(ctx, n.Person)
		if err != nil {
			return err
		}
		c.note.detail = email
		var was connector.Role
		if err := c.tx.one(ctx, q(roleOf, c.note.organization, person), &was); errors.Is(err, ErrNotFound) {
			return connector.NoSuch("person", string(n.Person))
		} else if err != nil {
			return err
		}
		if was == connector.RoleAdmin && n.Role != connector.RoleAdmin {
			if err := c.anotherAdmin(ctx, person); err != nil {
				return err
			}
		}
		if n.Role != 0 {
			c.note.detail += " as " + n.Role.String()
			return c.all(ctx, []statement{q(setMember, c.note.organization, person, int64(n.Role), micros(s.Now()))})
		}
		return c.all(ctx, []statement{q(deleteMember, c.note.organization, person), q(endContacts, c.note.organization, person)})
	})
}

func (c *change) anotherAdmin(ctx context.Context, than int64) error {
	var others int
	if err := c.tx.one(ctx, q(otherAdmins, c.note.organization, than), &others); err != nil {
		return err
	}
	if others == 0 {
		return connector.Errorf(connector.Conflict, "This is the last admin of the organization. Make somebody else an admin first.")
	}
	return nil
}

// DisablePerson ends a person's access: links, sessions, tokens and memberships end with it.
func (s *Store) DisablePerson(ctx context.Context, id connector.PersonID, by string) error {
	return s.change(ctx, auditNote{by: by, action: "person.remove", object: string(id)}, func(ctx context.Context, c *change) error {
		row, email, err := c.person(ctx, id)
		if err != nil {
			return err
		}
		c.note.detail = email
		now := micros(s.Now())
		return c.all(ctx, []statement{q(disablePerson, row, now), q(revokeTokens, row, now), q(dropLinksOf, row, now), q(endSignInsOf, row, now)})
	})
}

// MemberEnds is what ends, or has to be seen to, when somebody leaves an organization.
type MemberEnds struct {
	Contact   []string // names of the instances that they are the Technical Contact of
	Tokens    []string // of their own, which can do nothing in the organization any more
	FlowOwner int      // webhooks whose flow posts as them
	Elsewhere bool     // they belong to other organizations
}

const (
	contactNames = `
SELECT s.instance_name FROM subscription s JOIN organization o ON o.id = s.organization JOIN person p ON p.id = s.contact
WHERE o.public_id = $1 AND p.public_id = $2 ORDER BY s.id LIMIT 100`
	tokenNames = `
SELECT t.name FROM token t JOIN person p ON p.id = t.person
WHERE p.public_id = $1 AND t.revoked_at = 0 AND (t.expires_at = 0 OR t.expires_at > $2) ORDER BY t.id LIMIT 100`
	flowsOf = `
SELECT COUNT(*) FROM webhook w JOIN lane l ON l.webhook = w.id JOIN grp g ON g.id = l.grp
    JOIN organization o ON o.id = g.organization JOIN person p ON p.public_id = $2
WHERE o.public_id = $1 AND w.retired_at = 0 AND g.owner <> '' AND (LOWER(g.owner) = LOWER(p.email) OR LOWER(g.owner) = LOWER(p.name))`
	othersOf = `
SELECT COUNT(*) FROM member m JOIN person p ON p.id = m.person JOIN organization o ON o.id = m.organization
WHERE p.public_id = $2 AND o.public_id <> $1 AND o.erased_at = 0`
)

// MemberEnds says what ends when a member leaves.
func (s *Store) MemberEnds(ctx context.Context, of connector.OrganizationID, id connector.PersonID) (ends MemberEnds, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		ends = MemberEnds{}
		texts := func(by statement, into *[]string) error {
			return c.each(ctx, by, func(rows *sql.Rows) error {
				var name string
				err := rows.Scan(&name)
				*into = append(*into, name)
				return err
			})
		}
		var others int
		if err := c.one(ctx, q(othersOf, string(of), string(id)), &others); err != nil {
			return err
		}
		ends.Elsewhere = others > 0
		if err := c.one(ctx, q(flowsOf, string(of), string(id)), &ends.FlowOwner); err != nil {
			return err
		}
		if err := texts(q(contactNames, string(of), string(id)), &ends.Contact); err != nil {
			return err
		}
		return texts(q(tokenNames, string(id), micros(s.Now())), &ends.Tokens)
	})
	if err != nil {
		return MemberEnds{}, fmt.Errorf("read what ends with a member: %w", err)
	}
	return ends, nil
}
