package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// Person is somebody who signs in.
type Person struct {
	ID          connector.PersonID
	Email, Name string
	Operator    bool
	Created     time.Time
	LastSeen    time.Time // zero: never
	// HasPassword: they can sign in with a local account.
	HasPassword bool
}

// Member is a person of an organization.
type Member struct {
	Person
	Role  connector.Role
	Since time.Time
}

// NewPerson is what AddPerson needs.
type NewPerson struct {
	Email, Name string
	Operator    bool                     // make them one; false: as they are
	Join        connector.OrganizationID // empty: none
	Role        connector.Role           // in Join
	Link        [32]byte                 // hash of a link to choose a password by
	LinkLife    time.Duration
	// KnownOnly: no account is made.
	KnownOnly bool
	// Again: also whose access was ended, with nothing of what they had.
	Again bool
	// LinkAnyway: also into an account that others use or that belongs to more than Join.
	LinkAnyway bool
	By         string
}

const (
	personByID    = `SELECT id, email FROM person WHERE public_id = $1 AND disabled_at = 0`
	personByEmail = `SELECT id, public_id, disabled_at, unconfirmed FROM person WHERE email_key = $1`
	// A person is only an organization's own while they never signed in and belong to no other.
	ownPerson = `
SELECT 1 FROM person p WHERE p.id = $1 AND p.password = '' AND p.operator = 0
  AND NOT EXISTS (SELECT 1 FROM member m WHERE m.person = p.id AND m.organization <> $2)`
	insertPerson = `
INSERT INTO person (public_id, email, email_key, name, operator, created_at, unconfirmed) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`
	updatePerson = `
UPDATE person SET name = CASE WHEN $2 = '' THEN name ELSE $2 END, operator = CASE WHEN $3 = 1 THEN 1 ELSE operator END,
    version = version + 1 WHERE id = $1`
	enablePerson   = `UPDATE person SET disabled_at = 0, password = '' WHERE id = $1`
	dropMembership = `DELETE FROM member WHERE person = $1`
	dropIdentities = `DELETE FROM identity WHERE person = $1`
	setMember      = `
INSERT INTO member (organization, person, role, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (organization, person) DO UPDATE SET role = excluded.role`
	insertLink  = `INSERT INTO link (hash, person, purpose, created_at, expires_at) VALUES ($1, $2, 'password', $3, $4)`
	dropLinksOf = `UPDATE link SET used_at = $2 WHERE person = $1 AND used_at = 0`
	// Within one organization, where it was its admin who named the address.
	claimContact = `
UPDATE subscription SET contact = $1 WHERE contact IS NULL AND LOWER(email) = LOWER($2) AND ($3 = 0 OR organization = $3)`
)

// person looks a person up inside a change.
func (c *change) person(ctx context.Context, id connector.PersonID) (row int64, email string, err error) {
	err = c.tx.one(ctx, q(personByID, string(id)), &row, &email)
	if errors.Is(err, ErrNotFound) {
		return 0, "", connector.NoSuch("person", string(id))
	}
	return row, email, err
}

// AddPerson makes a person, or finds them by their address, and gives them an
// organization and the operator's right, as asked. linked: the link leads into
// their account.
func (s *Store) AddPerson(ctx context.Context, n NewPerson) (id connector.PersonID, linked bool, err error) {
	fresh, err := newID(connector.PersonPrefix)
	if err != nil {
		return "", false, err
	}
	err = s.change(ctx, auditNote{by: n.By, action: "person.add", detail: n.Email}, func(ctx context.Context, c *change) error {
		if n.Join != "" {
			if c.note.organization, _, err = c.organization(ctx, n.Join); err != nil {
				return err
			}
		}
		p, err := c.findOrAdd(ctx, n, fresh, micros(s.Now()))
		if err != nil {
			return err
		}
		row := p.row
		id, c.note.object = p.id, string(p.id)
		if linked, err = c.mayLink(ctx, row, n); err != nil {
			return err
		}
		var then []statement
		switch {
		case p.unconfirmed:
		case n.LinkAnyway:
			then = append(then, q(claimContact, row, n.Email, 0))
		default:
			then = append(then, q(claimContact, row, n.Email, c.note.organization))
		}
		if linked {
			then = append(then, c.newLink(row, n.Link, s.Now(), n.LinkLife)...)
		}
		if n.Join != "" {
			then = append(then, q(setMember, c.note.organization, row, int64(n.Role), micros(s.Now())))
			c.note.detail += " as " + n.Role.String()
		}
		if n.Join != "" || linked { // once a minute, however often it is asked for
			event := fmt.Sprintf("invitation %s %s %d", id, n.Join, s.Now().Unix()/60)
			then = append(then, NewNotice{Event: event, Kind: connector.NoticeInvitation, Organization: n.Join, Person: id}.statement(s.Now()))
		}
		return c.all(ctx, then)
	})
	return id, linked, err
}

// found is a person that AddPerson found or made.
type found struct {
	row         int64
	id          connector.PersonID
	unconfirmed bool
}

func (c *change) findOrAdd(ctx context.Context, n NewPerson, fresh string, now int64) (p found, err error) {
	var disabled, unconfirmed int64
	err = c.tx.one(ctx, q(personByEmail, fold(n.Email)), &p.row, &p.id, &disabled, &unconfirmed)
	p.unconfirmed = unconfirmed != 0
	switch {
	case errors.Is(err, ErrNotFound) && n.KnownOnly:
		return p, connector.Errorf(connector.Forbidden,
			"Nobody has an account with this address, and in this installation new ones are made by who runs it: teamsconnector user create.")
	case errors.Is(err, ErrNotFound):
		p.id = connector.PersonID(fresh)
		err = c.tx.one(ctx, q(insertPerson, fresh, n.Email, fold(n.Email), n.Name, bit(n.Operator), now, 0), &p.row)
	case err != nil:
	case disabled > 0 && !n.Again:
		return p, connector.Errorf(connector.Conflict,
			"The access of this person was ended, and an invitation does not give it back. Who runs this service lets them in again, on the page Members.")
	case p.unconfirmed && !n.LinkAnyway:
		return p, connector.Errorf(connector.Conflict,
			"Somebody has an account with this address, but has not shown yet that the address is theirs. Once they have, on their page Account, invite them again; or ask who runs this service.")
	default:
		todo := []statement{q(updatePerson, p.row, n.Name, bit(n.Operator))}
		if disabled > 0 {
			todo = append(todo, q(enablePerson, p.row), q(dropMembership, p.row), q(dropIdentities, p.row))
		}
		return p, c.all(ctx, todo)
	}
	if err != nil {
		return p, fmt.Errorf("write person: %w", err)
	}
	return p, nil
}

func (c *change) mayLink(ctx context.Context, person int64, n NewPerson) (bool, error) {
	var one int
	err := c.tx.one(ctx, q(ownPerson, person, c.note.organization), &one)
	if errors.Is(err, ErrNotFound) {
		return n.LinkAnyway, nil
	}
	return err == nil, err
}

// newLink makes a link of a person valid, and those before it no longer.
func (c *change) newLink(person int64, hash [32]byte, now time.Time, life time.Duration) []statement {
	return []statement{q(dropLinksOf, person, micros(now)), q(insertLink, hash[:], person, micros(now), micros(now.Add(life)))}
}

// all runs statements one after the other.
func (c *change) all(ctx context.Context, statements []statement) error {
	for _, one := range statements {
		if _, err := c.tx.exec(ctx, one); err != nil {
			return fmt.Errorf("%s: %w", c.note.action, err)
		}
	}
	return nil
}

const personColumns = `p.public_id, p.email, p.name, p.operator, p.created_at, p.last_seen, CASE WHEN p.password = '' THEN 0 ELSE 1 END`

const (
	people    = `SELECT ` + personColumns + `, 0, 0 FROM person p WHERE p.disabled_at = 0 AND p.public_id > $1 ORDER BY p.public_id LIMIT $2`
	membersOf = `SELECT ` + personColumns + `, m.role, m.created_at
FROM organization o JOIN member m ON m.organization = o.id JOIN person p ON p.id = m.person
WHERE o.public_id = $1 AND p.disabled_at = 0 AND p.public_id > $2 ORDER BY p.public_id LIMIT $3`
	memberByID = `SELECT ` + personColumns + `, m.role, m.created_at
FROM organization o JOIN member m ON m.organization = o.id JOIN person p ON p.id = m.person
WHERE o.public_id = $1 AND p.disabled_at = 0 AND p.public_id = $2`
	personNamed = `SELECT ` + personColumns + `, 0, 0 FROM person p WHERE p.disabled_at = 0 AND p.email_key = $1`
)

func (s *Store) members(ctx context.Context, by statement) (all []Member, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, by, func(rows *sql.Rows) error {
			var m Member
			var created, seen, since, operator, password int64
			err := rows.Scan(&m.ID, &m.Email, &m.Name, &operator, &created, &seen, &password, &m.Role, &since)
			m.Operator, m.HasPassword = operator == 1, password == 1
			m.Created, m.LastSeen, m.Since = fromMicros(created), fromMicros(seen), fromMicros(since)
			all = append(all, m)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read people: %w", err)
	}
	return all, nil
}

// Members returns the members of an organization, or everybody when it is empty, in the order of their ids.
func (s *Store) Members(ctx context.Context, of connector.OrganizationID, page connector.Page) (connector.List[Member], error) {
	by := q(people, page.After, page.Limit+1)
	if of != "" {
		by = q(membersOf, string(of), page.After, page.Limit+1)
	}
	all, err := s.members(ctx, by)
	return connector.Cut(all, page.Limit, func(m Member) string { return string(m.ID) }), err
}

// Member returns a member of an organization.
func (s *Store) Member(ctx context.Context, of connector.OrganizationID, id connector.PersonID) (Member, error) {
	return s.member(ctx, q(memberByID, string(of), string(id)), string(id))
}

// PersonByEmail returns a person by their address, whatever its case.
func (s *Store) PersonByEmail(ctx context.Context, email string) (Member, error) {
	return s.member(ctx, q(personNamed, fold(email)), email)
}

func (s *Store) member(ctx context.Context, by statement, called string) (Member, error) {
	all, err := s.members(ctx, by)
	if err == nil && len(all) == 0 {
		err = connector.NoSuch("person", called)
	}
	if err != nil {
		return Member{}, err
	}
	return all[0], nil
}
