package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// seenEvery is how exactly it is kept when a session was last used.
const seenEvery = time.Minute

// Credentials are what a local account is checked against.
type Credentials struct {
	Row      int64
	Person   connector.PersonID
	Email    string
	Password string // argon2id as a PHC string; empty: none was set
	Disabled bool
}

const credentialsByEmail = `SELECT id, public_id, email, password, disabled_at FROM person WHERE email_key = $1`

// CredentialsOf returns what a local account is checked against, or ErrNotFound.
func (s *Store) CredentialsOf(ctx context.Context, email string) (c Credentials, err error) {
	var disabled int64
	err = s.reads.read(ctx, func(ctx context.Context, r *session) error {
		return r.one(ctx, q(credentialsByEmail, fold(email)), &c.Row, &c.Person, &c.Email, &c.Password, &disabled)
	})
	if err != nil {
		return Credentials{}, fmt.Errorf("read credentials: %w", err)
	}
	c.Disabled = disabled > 0
	return c, nil
}

// SignIn is a browser that somebody signed in with.
type SignIn struct {
	ID               connector.SignInID
	Person           connector.PersonID
	Created          time.Time
	LastSeen         time.Time // exact to a minute
	Expires          time.Time
	Address, Browser string

	row int64
}

// NewSignIn is what CreateSignIn needs.
type NewSignIn struct {
	Of               Credentials
	Hash             [32]byte
	Life             time.Duration
	Address, Browser string
}

const insertSignIn = `
INSERT INTO signin (public_id, hash, person, created_at, last_seen, expires_at, address, agent) VALUES ($1, $2, $3, $4, $4, $5, $6, $7)`

// CreateSignIn signs somebody in.
func (s *Store) CreateSignIn(ctx context.Context, n NewSignIn) (in SignIn, err error) {
	id, err := newID(connector.SignInPrefix)
	if err != nil {
		return in, err
	}
	note := auditNote{by: n.Of.Email, action: "session.create", object: string(n.Of.Person), detail: n.Address}
	err = s.change(ctx, note, func(ctx context.Context, c *change) error {
		now := s.Now()
		in = SignIn{
			ID: connector.SignInID(id), Person: n.Of.Person, Created: now, LastSeen: now, Expires: now.Add(n.Life), Address: n.Address, Browser: n.Browser,
		}
		_, err := c.tx.exec(ctx, q(insertSignIn, id, n.Hash[:], n.Of.Row, micros(now), micros(in.Expires), n.Address, cut(n.Browser, 200)))
		if err != nil {
			return fmt.Errorf("write session: %w", err)
		}
		return c.all(ctx, []statement{q(seePerson, string(n.Of.Person), micros(now))})
	})
	return in, err
}

const signInColumns = `
SELECT g.id, g.public_id, p.public_id, g.created_at, g.last_seen, g.expires_at, g.address, g.agent
FROM signin g JOIN person p ON p.id = g.person
WHERE g.ended_at = 0 AND p.disabled_at = 0 AND g.expires_at > $1 AND g.last_seen > $2 AND `

const (
	signInByHash = signInColumns + `g.hash = $3`
	signInsOf    = signInColumns + `p.public_id = $3 ORDER BY g.last_seen DESC, g.id DESC LIMIT 100`
)

func scanSignIn(rows *sql.Rows) (in SignIn, err error) {
	var created, seen, expires int64
	err = rows.Scan(&in.row, &in.ID, &in.Person, &created, &seen, &expires, &in.Address, &in.Browser)
	in.Created, in.LastSeen, in.Expires = fromMicros(created), fromMicros(seen), fromMicros(expires)
	return in, err
}

// SignInByHash returns a session that is valid now and was used within idle, or ErrNotFound.
func (s *Store) SignInByHash(ctx context.Context, hash [32]byte, idle time.Duration) (SignIn, error) {
	all, err := s.signIns(ctx, q(signInByHash, micros(s.Now()), micros(s.Now().Add(-idle)), hash[:]))
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return SignIn{}, fmt.Errorf("read session: %w", err)
	}
	return all[0], nil
}

// SignInsOf returns the sessions of a person that are valid now, those used last first.
func (s *Store) SignInsOf(ctx context.Context, person connector.PersonID, idle time.Duration) ([]SignIn, error) {
	all, err := s.signIns(ctx, q(signInsOf, micros(s.Now()), micros(s.Now().Add(-idle)), string(person)))
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	return all, nil
}

func (s *Store) signIns(ctx context.Context, by statement) (all []SignIn, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, by, func(rows *sql.Rows) error {
			in, err := scanSignIn(rows)
			all = append(all, in)
			return err
		})
	})
	return all, err
}

const (
	seeSignIn = `UPDATE signin SET last_seen = $2 WHERE id = $1 AND last_seen < $2`
	seePerson = `UPDATE person SET last_seen = $2 WHERE public_id = $1 AND last_seen < $2`
)

// SeeSignIn notes that a session is used, exact to a minute.
func (s *Store) SeeSignIn(ctx context.Context, in SignIn) error {
	now := s.Now()
	if now.Sub(in.LastSeen) < seenEvery {
		return nil
	}
	return s.writer.change(ctx, func(ctx context.Context, tx *session, _ bool) error {
		if _, err := tx.exec(ctx, q(seeSignIn, in.row, micros(now))); err != nil {
			return fmt.Errorf("note the use of a session: %w", err)
		}
		_, err := tx.exec(ctx, q(seePerson, string(in.Person), micros(now)))
		return err
	})
}

const endSignIn = `
UPDATE signin SET ended_at = $3 WHERE public_id = $2 AND ended_at = 0 AND person = (SELECT id FROM person WHERE public_id = $1)`

// EndSignIn ends one session of a person; ending it again changes nothing.
func (s *Store) EndSignIn(ctx context.Context, person connector.PersonID, id connector.SignInID, by string) error {
	note := auditNote{by: by, action: "session.end", object: string(person), detail: string(id)}
	return s.change(ctx, note, func(ctx context.Context, c *change) error {
		_, err := c.tx.exec(ctx, q(endSignIn, string(person), string(id), micros(s.Now())))
		return err
	})
}

const endSignInsOf = `UPDATE signin SET ended_at = $2 WHERE person = $1 AND ended_at = 0`

const personOfLink = `
SELECT k.id, p.id, p.public_id, p.email FROM link k JOIN person p ON p.id = k.person
WHERE k.hash = $1 AND k.used_at = 0 AND k.expires_at > $2 AND p.disabled_at = 0`

// LinkHolder is who a link that works once was made for.
type LinkHolder struct {
	Person connector.PersonID
	Email  string
}

// LinkHolder returns who a link was made for, or ErrNotFound when it was used or is too old.
func (s *Store) LinkHolder(ctx context.Context, hash [32]byte) (h LinkHolder, err error) {
	var link, person int64
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		return c.one(ctx, q(personOfLink, hash[:], micros(s.Now())), &link, &person, &h.Person, &h.Email)
	})
	if err != nil {
		return LinkHolder{}, fmt.Errorf("read link: %w", err)
	}
	return h, nil
}

// LinkEnd is how a link ended that leads nowhere any more.
type LinkEnd struct {
	Used time.Time // or replaced by a newer one; zero: it was not
	Over time.Time // when it is, or was, too old
	Gone bool      // the access of who it was made for was ended
}

const linkEnd = `SELECT k.used_at, k.expires_at, p.disabled_at FROM link k JOIN person p ON p.id = k.person WHERE k.hash = $1`

// LinkEnd says what became of a link, or ErrNotFound where there never was such a one.
func (s *Store) LinkEnd(ctx context.Context, hash [32]byte) (end LinkEnd, err error) {
	var used, over, disabled int64
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		return c.one(ctx, q(linkEnd, hash[:]), &used, &over, &disabled)
	})
	if err != nil {
		return LinkEnd{}, fmt.Errorf("read how a link ended: %w", err)
	}
	return LinkEnd{Used: fromMicros(used), Over: fromMicros(over), Gone: disabled > 0}, nil
}

const (
	firstPassword = `UPDATE person SET password = $2 WHERE id = $1`
	useLink       = `UPDATE link SET used_at = $2 WHERE person = $1 AND used_at = 0`
	setPassword   = `UPDATE person SET password = $2, unconfirmed = 0, name = CASE WHEN $3 = '' THEN name ELSE $3 END, version = version + 1 WHERE id = $1`
)

// NewPassword is what UseLink needs.
type NewPassword struct {
	Link     [32]byte // hash of the link's secret
	Password string   // argon2id as a PHC string
	Name     string   // of the person; empty: as it was
}

// UseLink sets a person's password by a link, once: all their links and sessions
// end with it. ErrNotFound: the link was used or is too old.
func (s *Store) UseLink(ctx context.Context, n NewPassword) (h LinkHolder, err error) {
	err = s.change(ctx, auditNote{action: "person.password"}, func(ctx context.Context, c *change) error {
		var link, person int64
		err := c.tx.one(ctx, q(personOfLink, n.Link[:], micros(s.Now())), &link, &person, &h.Person, &h.Email)
		if err != nil {
			return err
		}
		c.note.by, c.note.object = h.Email, string(h.Person)
		for _, do := range []statement{
			q(useLink, person, micros(s.Now())), q(setPassword, person, n.Password, n.Name), q(endSignInsOf, person, micros(s.Now())),
		} {
			if _, err := c.tx.exec(ctx, do); err != nil {
				return fmt.Errorf("set a password: %w", err)
			}
		}
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return LinkHolder{}, ErrNotFound
	}
	return h, err
}

// NewAccount is what SignUp needs.
type NewAccount struct {
	Name, Email, Password string // the password as a PHC string
}

// SignUp makes the account of somebody who came by themselves. Nobody knows yet whether the address is theirs.
func (s *Store) SignUp(ctx context.Context, n NewAccount) error {
	id, err := newID(connector.PersonPrefix)
	if err != nil {
		return err
	}
	return s.change(ctx, auditNote{by: n.Email, action: "person.signup", object: id}, func(ctx context.Context, c *change) error {
		var one int
		switch err := c.tx.one(ctx, q(addressTaken, fold(n.Email)), &one); {
		case err == nil:
			return connector.Invalid("/email", "There is an account with this address already. Sign in to it; if you forgot the password, ask for a new link.")
		case !errors.Is(err, ErrNotFound):
			return err
		}
		var row int64
		if err := c.tx.one(ctx, q(insertPerson, id, n.Email, fold(n.Email), n.Name, 0, micros(s.Now()), 1), &row); err != nil {
			return err
		}
		return c.all(ctx, []statement{q(firstPassword, row, n.Password)})
	})
}
