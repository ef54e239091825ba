package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// Signup says who gets an account that has none.
type Signup int

// The choices.
const (
	SignupClosed  Signup = iota + 1 // whom the operator lets in
	SignupInvited                   // also whom an admin invites, and who is in a group that an organization's directory names
	SignupOpen                      // everybody
)

// ParseSignup reads closed, invited or open.
func ParseSignup(word string) (Signup, bool) {
	s, ok := map[string]Signup{"closed": SignupClosed, "invited": SignupInvited, "open": SignupOpen}[word]
	return s, ok
}

// Identity is somebody as an identity provider vouches for them.
type Identity struct {
	Issuer, Subject string
	Email           string // empty: the provider did not say
	Verified        bool   // that the address is theirs
	Name            string
	Organization    connector.OrganizationID // empty: the provider stands for none
	Role            connector.Role           // in it, as the groups say; zero: they say nothing
	Signup          Signup
	// Link is the hash of a one-time link that they hold: it says whose account it is. Zero: they hold none.
	Link [32]byte
	// Person is who is signed in already and binds the identity to their account; empty: nobody is.
	Person connector.PersonID
}

const (
	personByIdentity = `
SELECT p.id, p.public_id, p.email, p.disabled_at FROM identity i JOIN person p ON p.id = i.person WHERE i.issuer = $1 AND i.subject = $2`
	// Who has a way to sign in, or runs the installation, is never taken over by an address.
	invitedPerson = `
SELECT p.id FROM person p WHERE p.email_key = $1 AND p.password = '' AND p.operator = 0 AND p.disabled_at = 0
  AND NOT EXISTS (SELECT 1 FROM identity i WHERE i.person = p.id)`
	insertIdentity = `INSERT INTO identity (issuer, subject, person, created_at) VALUES ($1, $2, $3, $4)`
	credentialsOf  = `SELECT id, public_id, email, disabled_at FROM person WHERE id = $1`
	addressTaken   = `SELECT 1 FROM person WHERE email_key = $1`
	confirmPerson  = `UPDATE person SET unconfirmed = 0 WHERE id = $1 AND email_key = $2`
)

// Identify returns whose account an identity is, and binds it to one where that
// is allowed. A refusal is a Forbidden or a Conflict that says what to do.
func (s *Store) Identify(ctx context.Context, who Identity) (of Credentials, err error) {
	fresh, err := newID(connector.PersonPrefix)
	if err != nil {
		return of, err
	}
	err = s.change(ctx, auditNote{action: "person.identify", detail: who.Issuer}, func(ctx context.Context, c *change) error {
		if who.Organization != "" {
			if c.note.organization, _, err = c.organization(ctx, who.Organization); err != nil {
				return err
			}
		}
		var disabled int64
		err := c.tx.one(ctx, q(personByIdentity, who.Issuer, who.Subject), &of.Row, &of.Person, &of.Email, &disabled)
		if err == nil {
			err = c.sameAccount(ctx, of, who, micros(s.Now()))
		}
		if errors.Is(err, ErrNotFound) {
			var row int64
			if row, err = c.bind(ctx, who, fresh, micros(s.Now())); err != nil {
				return err
			}
			err = c.tx.one(ctx, q(credentialsOf, row), &of.Row, &of.Person, &of.Email, &disabled)
		}
		switch {
		case err != nil:
			return err
		case disabled > 0:
			return connector.Errorf(connector.Forbidden, "Your access was ended. Ask who runs this service to let you in again.")
		}
		c.note.by, c.note.object = of.Email, string(of.Person)
		return c.takeRole(ctx, of.Row, who, micros(s.Now()))
	})
	if err != nil {
		return Credentials{}, err
	}
	return of, nil
}

// sameAccount holds that somebody who is signed in, or has a link, does not end in another account.
func (c *change) sameAccount(ctx context.Context, of Credentials, who Identity, now int64) error {
	same := who.Person == "" || who.Person == of.Person
	if who.Link != [32]byte{} {
		holder, err := c.holder(ctx, who.Link, now)
		var dead *connector.Error
		if err != nil && !errors.As(err, &dead) {
			return err
		}
		same = err != nil || holder == of.Row // a dead link changes nothing
	}
	if same {
		return nil
	}
	return connector.Errorf(connector.Conflict,
		"By this identity provider you sign in to another account already: %s. Sign in to that one, or ask to be invited with its address.", of.Email)
}

// bind finds or makes the account of an identity that has none.
func (c *change) bind(ctx context.Context, who Identity, fresh string, now int64) (row int64, err error) {
	switch {
	case who.Person != "":
		row, _, err = c.person(ctx, who.Person)
	case who.Link != [32]byte{}:
		row, err = c.holder(ctx, who.Link, now)
	default:
		row, err = c.byAddress(ctx, who, fresh, now)
	}
	if err != nil {
		return 0, err
	}
	todo := []statement{q(insertIdentity, who.Issuer, who.Subject, row, now), q(dropLinksOf, row, now)}
	if who.Verified {
		todo = append(todo, q(confirmPerson, row, fold(who.Email)), q(claimContact, row, who.Email, 0))
	}
	return row, c.all(ctx, todo)
}

// holder is whose one-time link it is.
func (c *change) holder(ctx context.Context, link [32]byte, now int64) (person int64, err error) {
	var row int64
	var id connector.PersonID
	var email string
	err = c.tx.one(ctx, q(personOfLink, link[:], now), &row, &person, &id, &email)
	if errors.Is(err, ErrNotFound) {
		return 0, connector.Errorf(connector.Conflict, "The link was used already, or is too old. Ask an admin of your organization for a new one.")
	}
	return person, err
}

// byAddress finds who was invited by an address that is verified, or makes a newcomer.
func (c *change) byAddress(ctx context.Context, who Identity, fresh string, now int64) (row int64, err error) {
	if who.Email == "" {
		return 0, connector.Errorf(connector.Forbidden,
			"Your identity provider does not say your e-mail address, so no account can be made for you. Ask who runs it to add the claim email.")
	}
	if who.Verified {
		err = c.tx.one(ctx, q(invitedPerson, fold(who.Email)), &row)
		if !errors.Is(err, ErrNotFound) {
			return row, err
		}
	}
	return c.newcomer(ctx, who, fresh, now)
}

func (c *change) newcomer(ctx context.Context, who Identity, fresh string, now int64) (row int64, err error) {
	var taken int
	switch err := c.tx.one(ctx, q(addressTaken, fold(who.Email)), &taken); {
	case err == nil:
		return 0, connector.Errorf(connector.Forbidden,
			"There is an account with your e-mail address already, which an address alone does not open. Use the link of your invitation, or sign in with your password and connect your identity provider on the page Account.")
	case !errors.Is(err, ErrNotFound):
		return 0, err
	}
	grouped := who.Organization != "" && who.Role != 0
	if who.Signup != SignupOpen && (who.Signup != SignupInvited || !grouped) {
		return 0, connector.Errorf(connector.Forbidden, "You have no account here yet. Ask an admin of your organization to invite you, or who runs this service.")
	}
	if err := c.tx.one(ctx, q(insertPerson, fresh, who.Email, fold(who.Email), who.Name, 0, now, bit(!who.Verified)), &row); err != nil {
		return 0, fmt.Errorf("write person: %w", err)
	}
	if who.Organization == "" || grouped { // takeRole does it
		return row, nil
	}
	return row, c.all(ctx, []statement{q(setMember, c.note.organization, row, int64(connector.RoleMember), now)})
}

// takeRole lets the provider's groups decide, but never takes the last admin away.
func (c *change) takeRole(ctx context.Context, person int64, who Identity, now int64) error {
	if who.Organization == "" || who.Role == 0 {
		return nil
	}
	if _, err := c.tx.exec(ctx, q(lockOrganization, string(who.Organization))); err != nil {
		return fmt.Errorf("lock organization: %w", err)
	}
	var was connector.Role
	err := c.tx.one(ctx, q(roleOf, c.note.organization, person), &was)
	if err != nil && !errors.Is(err, ErrNotFound) || was == who.Role {
		return err
	}
	if was == connector.RoleAdmin {
		var last *connector.Error
		if err := c.anotherAdmin(ctx, person); errors.As(err, &last) {
			return nil
		} else if err != nil {
			return err
		}
	}
	c.note.detail += " as " + who.Role.String()
	return c.all(ctx, []statement{q(setMember, c.note.organization, person, int64(who.Role), now)})
}

// BoundIdentity is an identity provider by which a person signs in.
type BoundIdentity struct {
	Issuer string
	Since  time.Time
}

const (
	identitiesOf = `
SELECT i.issuer, i.created_at FROM identity i JOIN person p ON p.id = i.person WHERE p.public_id = $1 ORDER BY i.created_at, i.issuer LIMIT 100`
	dropIdentity = `DELETE FROM identity WHERE person = $1 AND issuer = $2`
	waysIn       = `
SELECT CASE WHEN p.password = '' THEN 0 ELSE 1 END + (SELECT COUNT(*) FROM identity i WHERE i.person = p.id AND i.issuer <> $2) FROM person p WHERE p.id = $1`
)

// IdentitiesOf returns by which identity providers a person signs in.
func (s *Store) IdentitiesOf(ctx context.Context, person connector.PersonID) (all []BoundIdentity, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, q(identitiesOf, string(person)), func(rows *sql.Rows) error {
			var b BoundIdentity
			var since int64
			err := rows.Scan(&b.Issuer, &since)
			b.Since = fromMicros(since)
			all = append(all, b)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read identities: %w", err)
	}
	return all, nil
}

// DropIdentity ends that a person signs in by an issuer, unless it is their last way in.
func (s *Store) DropIdentity(ctx context.Context, person connector.PersonID, issuer string) error {
	return s.change(ctx, auditNote{action: "person.disconnect", object: string(person), detail: issuer}, func(ctx context.Context, c *change) error {
		row, email, err := c.person(ctx, person)
		if err != nil {
			return err
		}
		c.note.by = email
		var others int
		if err := c.tx.one(ctx, q(waysIn, row, issuer), &others); err != nil {
			return err
		}
		if others == 0 {
			return connector.Errorf(connector.Conflict, "This is your only way to sign in. Ask an admin of your organization for a link to choose a password first.")
		}
		return c.all(ctx, []statement{q(dropIdentity, row, issuer)})
	})
}
