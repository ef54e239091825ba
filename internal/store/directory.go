package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
)

// Directory is where the people of an organization come from: an issuer of
// OpenID Connect, such as that of an Entra tenant.
type Directory struct {
	ID           connector.DirectoryID
	Organization connector.OrganizationID
	Issuer       string // of one organization only
	Name         string // as people read it when they sign in
	// ClientID is what the issuer knows this installation by; empty: as the installation's own client.
	ClientID string
	// AdminGroups and MemberGroups are groups or roles that give a role in the
	// organization; where any are named, who is in none of them is refused.
	AdminGroups, MemberGroups []string
	Created                   time.Time
	Version                   int64
}

// NewDirectory is what CreateDirectory needs: a Directory without what it gets there.
type NewDirectory struct {
	Directory

	Secret connector.Secret // of the client; empty: none
	By     string
}

// DirectoryChange says which directory is changed, and by whom.
type DirectoryChange struct {
	Organization connector.OrganizationID
	Directory    connector.DirectoryID
	Version      int64             // that must stand; 0: any
	Secret       *connector.Secret // nil: as it is
	By           string
	Edit         func(d *Directory) error // may run more than once
}

const directoryColumns = `
SELECT d.public_id, o.public_id, d.issuer, d.name, d.client, d.admin_groups, d.member_groups, d.created_at, d.version
FROM directory d JOIN organization o ON o.id = d.organization WHERE o.erased_at = 0 AND `

const (
	directoriesOf     = directoryColumns + `o.public_id = $1 ORDER BY d.id LIMIT 100`
	directoryByID     = directoryColumns + `d.public_id = $1`
	directoryByIssuer = directoryColumns + `d.issuer = $1`
	directoriesFor    = directoryColumns + `d.client <> '' AND d.organization IN (
    SELECT m.organization FROM member m JOIN person p ON p.id = m.person WHERE p.public_id = $1) ORDER BY d.id LIMIT 100`
	insertDirectory = `
INSERT INTO directory (public_id, organization, issuer, name, client, secret, admin_groups, member_groups, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	updateDirectory = `
UPDATE directory SET name = $2, client = $3, admin_groups = $4, member_groups = $5, version = version + 1 WHERE public_id = $1`
	setDirectorySecret = `UPDATE directory SET secret = $2 WHERE public_id = $1`
	directorySecret    = `SELECT secret FROM directory WHERE public_id = $1`
	deleteDirectory    = `DELETE FROM directory WHERE public_id = $1`
)

// DirectoryPlace is where the secret of a directory's client is sealed.
func DirectoryPlace(of connector.OrganizationID, id connector.DirectoryID) keyring.Place {
	return keyring.Place{Table: "directory", Column: "secret", Owner: string(of), ID: string(id)}
}

func (c *session) directories(ctx context.Context, by statement) (all []Directory, err error) {
	err = c.each(ctx, by, func(rows *sql.Rows) error {
		var d Directory
		var admins, members string
		var created int64
		err := rows.Scan(&d.ID, &d.Organization, &d.Issuer, &d.Name, &d.ClientID, &admins, &members, &created, &d.Version)
		d.AdminGroups, d.MemberGroups, d.Created = lines(admins), lines(members), fromMicros(created)
		all = append(all, d)
		return err
	})
	return all, err
}

// lines are the lines of a text; nil of an empty one.
func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// Directories returns those of an organization, in the order in which they were made.
func (s *Store) Directories(ctx context.Context, of connector.OrganizationID) (all []Directory, err error) {
	return s.directoriesBy(ctx, q(directoriesOf, string(of)))
}

// DirectoriesFor returns those with a client of their own of all organizations that a person is a member of.
func (s *Store) DirectoriesFor(ctx context.Context, of connector.PersonID) (all []Directory, err error) {
	return s.directoriesBy(ctx, q(directoriesFor, string(of)))
}

// Directory returns a directory by its id.
func (s *Store) Directory(ctx context.Context, id connector.DirectoryID) (Directory, error) {
	all, err := s.directoriesBy(ctx, q(directoryByID, string(id)))
	return onlyDirectory(all, err, string(id))
}

// DirectoryOf returns the directory of an issuer, or ErrNotFound.
func (s *Store) DirectoryOf(ctx context.Context, issuer string) (Directory, error) {
	all, err := s.directoriesBy(ctx, q(directoryByIssuer, issuer))
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	return onlyDirectory(all, err, issuer)
}

func onlyDirectory(all []Directory, err error, called string) (Directory, error) {
	if err == nil && len(all) == 0 {
		err = connector.NoSuch("directory", called)
	}
	if err != nil {
		return Directory{}, err
	}
	return all[0], nil
}

func (s *Store) directoriesBy(ctx context.Context, by statement) (all []Directory, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all, err = c.directories(ctx, by)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read directories: %w", err)
	}
	return all, nil
}

// DirectorySecret opens the secret of a directory's client; empty: it has none.
func (s *Store) DirectorySecret(ctx context.Context, d Directory) (secret connector.Secret, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		var sealed []byte
		if err := c.one(ctx, q(directorySecret, string(d.ID)), &sealed); err != nil || len(sealed) == 0 {
			return err
		}
		plain, err := s.ring.Open(DirectoryPlace(d.Organization, d.ID), sealed)
		secret = connector.NewSecret(string(plain))
		return err
	})
	if err != nil {
		return connector.Secret{}, fmt.Errorf("open the secret of directory %s: %w", d.ID, err)
	}
	return secret, nil
}

func (s *Store) sealDirectory(d Directory, secret connector.Secret) []byte {
	if secret.Empty() {
		return nil
	}
	return s.ring.Seal(DirectoryPlace(d.Organization, d.ID), s.Now(), []byte(secret.Reveal()))
}

// CreateDirectory binds an organization to an issuer.
func (s *Store) CreateDirectory(ctx context.Context, n NewDirectory) (d Directory, err error) {
	id, err := newID(connector.DirectoryPrefix)
	if err != nil {
		return d, err
	}
	err = s.change(ctx, auditNote{by: n.By, action: "directory.create", object: id, detail: n.Issuer}, func(ctx context.Context, c *change) error {
		d = n.Directory
		d.ID, d.Created, d.Version = connector.DirectoryID(id), s.Now(), 1
		if c.note.organization, _, err = c.organization(ctx, d.Organization); err != nil {
			return err
		}
		_, err := c.tx.exec(ctx, q(insertDirectory, id, c.note.organization, d.Issuer, d.Name, d.ClientID, s.sealDirectory(d, n.Secret),
			strings.Join(d.AdminGroups, "\n"), strings.Join(d.MemberGroups, "\n"), micros(d.Created)))
		if err != nil && s.dialect.unique(err) {
			return connector.Errorf(connector.Conflict, "An organization of this installation is bound to that issuer already. An issuer stands for one organization only.")
		}
		return err
	})
	return d, err
}

// ChangeDirectory changes all of a directory but its issuer.
func (s *Store) ChangeDirectory(ctx context.Context, r DirectoryChange) (d Directory, err error) {
	note := auditNote{by: r.By, action: "directory.change", object: string(r.Directory)}
	err = s.change(ctx, note, func(ctx context.Context, c *change) error {
		if d, err = c.directory(ctx, r.Organization, r.Directory); err != nil {
			return err
		}
		if err := expectVersion(r.Version, d.Version); err != nil {
			return err
		}
		if err := r.Edit(&d); err != nil {
			return err
		}
		d.Version++
		todo := []statement{q(updateDirectory, string(d.ID), d.Name, d.ClientID, strings.Join(d.AdminGroups, "\n"), strings.Join(d.MemberGroups, "\n"))}
		if r.Secret != nil {
			todo = append(todo, q(setDirectorySecret, string(d.ID), s.sealDirectory(d, *r.Secret)))
			c.note.detail += ", new secret"
		}
		return c.all(ctx, todo)
	})
	return d, err
}

// DeleteDirectory ends that an issuer's people come to an organization. Accounts and members stay.
func (s *Store) DeleteDirectory(ctx context.Context, of connector.OrganizationID, id connector.DirectoryID, by string) error {
	return s.change(ctx, auditNote{by: by, action: "directory.delete", object: string(id)}, func(ctx context.Context, c *change) error {
		if _, err := c.directory(ctx, of, id); err != nil {
			return err
		}
		return c.all(ctx, []statement{q(deleteDirectory, string(id))})
	})
}

// directory looks a directory of an organization up inside a change.
func (c *change) directory(ctx context.Context, of connector.OrganizationID, id connector.DirectoryID) (d Directory, err error) {
	if _, err := c.tx.exec(ctx, q(lockOrganization, string(of))); err != nil {
		return d, fmt.Errorf("lock organization: %w", err)
	}
	if c.note.organization, _, err = c.organization(ctx, of); err != nil {
		return d, err
	}
	all, err := c.tx.directories(ctx, q(directoryByID, string(id)))
	if err == nil && (len(all) == 0 || all[0].Organization != of) {
		err = connector.NoSuch("directory", string(id))
	}
	if err != nil {
		return d, err
	}
	c.note.detail = all[0].Issuer
	return all[0], nil
}

// directoryShelf is the secrets of directories, to be sealed anew.
func directoryShelf() shelf {
	return shelf{
		`SELECT d.id, o.public_id, d.public_id, d.secret FROM directory d JOIN organization o ON o.id = d.organization
WHERE d.id > $1 AND d.secret IS NOT NULL ORDER BY d.id LIMIT $2`,
		`UPDATE directory SET secret = $1 WHERE id = $2 AND secret = $3`, 500,
		func(owner, id string) keyring.Place {
			return DirectoryPlace(connector.OrganizationID(owner), connector.DirectoryID(id))
		},
	}
}
