package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// Signup says whom an identity provider may bring that has no account bound to it yet.
type Signup int

// The choices.
const (
	SignupClosed  Signup = iota + 1 // nobody
	SignupInvited                   // who was invited by their verified address
	SignupOpen                      // everybody of an organization, too
)

// Identity is somebody as an identity provider vouches for them.
type Identity struct {
	Issuer, Subject string
	Email           string // empty: the provider did not say, or did not verify it
	Name            string
	Organization    connector.OrganizationID // empty: the provider stands for none
	Role            connector.Role           // in it, as the groups say; zero: they say nothing
	Signup          Signup
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
)

// Identify returns whose account an identity is, and binds it to one where that
// is allowed. A refusal is a Forbidden that says what to do.
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
		if errors.Is(err, ErrNotFound) {
			var row int64
			if row, err = c.bind(ctx, who, fresh, micros(s.Now())); err != nil {
				return err
			}
			err = c.tx.one(ctx, q(credentialsOf, row), &of.Row, &of.Person, &of.Email, &disabled)
		}
		if err != nil {
			return err
		}
		if disabled > 0 {
			return connector.Errorf(connector.Forbidden, "Your account was ended. Ask an admin of your organization to invite you again.")
		}
		c.note.by, c.note.object = of.Email, string(of.Person)
		return c.takeRole(ctx, of.Row, who, micros(s.Now()))
	})
	if err != nil {
		return Credentials{}, err
	}
	return of, nil
}

// bind finds or makes the account of an identity that has none.
func (c *change) bind(ctx context.Context, who Identity, fresh string, now int64) (row int64, err error) {
	if who.Signup == SignupClosed {
		return 0, connector.Errorf(connector.Forbidden, "You have no account here yet, and new ones are not taken. Ask who runs this service.")
	}
	if who.Email == "" {
		return 0, connector.Errorf(connector.Forbidden,
			"Your identity provider does not say that your e-mail address is verified, so no account can be found by it. Ask who runs this service.")
	}
	err = c.tx.one(ctx, q(invitedPerson, fold(who.Email)), &row)
	if errors.Is(err, ErrNotFound) {
		row, err = c.newcomer(ctx, who, fresh, now)
	}
	if err != nil {
		return 0, err
	}
	return row, c.all(ctx, []statement{q(insertIdentity, who.Issuer, who.Subject, row, now), q(dropLinksOf, row, now), q(claimContact, row, who.Email)})
}

func (c *change) newcomer(ctx context.Context, who Identity, fresh string, now int64) (row int64, err error) {
	var taken string
	switch err := c.tx.one(ctx, q(personByEmail, fold(who.Email)), &row, &taken); {
	case err == nil:
		return 0, connector.Errorf(connector.Forbidden,
			"There is an account with your e-mail address that was not made for this way of signing in. Sign in with its password, or ask an admin of your organization.")
	case !errors.Is(err, ErrNotFound):
		return 0, err
	}
	if who.Signup != SignupOpen || who.Organization == "" {
		return 0, connector.Errorf(connector.Forbidden, "You are not invited yet. Ask an admin of your organization to add you as a member.")
	}
	if err := c.tx.one(ctx, q(insertPerson, fresh, who.Email, fold(who.Email), who.Name, 0, now), &row); err != nil {
		return 0, fmt.Errorf("write person: %w", err)
	}
	role := who.Role
	if role == 0 {
		role = connector.RoleMember
	}
	return row, c.all(ctx, []statement{q(setMember, c.note.organization, row, int64(role), now)})
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
