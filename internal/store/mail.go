package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
)

// Mails are messages on lanes of their own, one per organization and address. The
// lanes belong to a subscription that nobody sees, of the installation's own
// organization: made with the first mail, without quota and without an end.
const (
	mailOrganization = "org_00000000000000000000000000"
	mailSubscription = "sub_00000000000000000000000000"
)

const (
	// It counts as erased from the start, so that no list and no look-up finds it.
	ownOrganization = `INSERT INTO organization (public_id, name, created_at, erased_at) VALUES ($1, '', $2, $2) ON CONFLICT (public_id) DO NOTHING`
	ownSubscription = `
INSERT INTO subscription (public_id, organization, plan, instance_name, instance_key, status, starts, created_at)
SELECT $1, o.id, (SELECT MIN(p.id) FROM plan p), '', '', 2, $3, $3 FROM organization o WHERE o.public_id = $2
ON CONFLICT (public_id) DO NOTHING`
	ownRows    = `SELECT o.id, s.id FROM organization o JOIN subscription s ON s.organization = o.id WHERE s.public_id = $1`
	mailLane   = `SELECT w.public_id, w.subscription FROM webhook w JOIN subscription s ON s.id = w.subscription WHERE s.public_id = $1 AND w.name = $2 AND w.retired_at = 0`
	insertMail = `
INSERT INTO webhook (public_id, subscription, name, url, host, payload, created_at, combine, mail_for)
SELECT $1, $2, $3, $4, '', 1, $5, 0, o.id FROM organization o WHERE o.public_id = $6
ON CONFLICT (subscription, name) WHERE retired_at = 0 DO NOTHING RETURNING id`
)

// MailLane finds or makes the lane of an organization's mails to an address, and what
// accepting a message for it needs. An empty organization is the installation's own.
func (s *Store) MailLane(ctx context.Context, of connector.OrganizationID, address string) (lic connector.License, id connector.WebhookID, err error) {
	if of == "" {
		of = mailOrganization
	}
	// The name tells nobody who gets mails.
	mac := keyring.ContentMAC(s.macKey, []byte("mail"), []byte(of), []byte(fold(address)))
	name := hex.EncodeToString(mac[:16])
	lic = connector.License{Organization: mailOrganization, Subscription: mailSubscription}
	find := func(ctx context.Context, c *session) error {
		return c.one(ctx, q(mailLane, mailSubscription, name), &id, &lic.SubscriptionRow)
	}
	if err = s.reads.read(ctx, find); err == nil || !errors.Is(err, ErrNotFound) {
		return lic, id, err
	}
	fresh, err := newID(connector.WebhookPrefix)
	if err != nil {
		return lic, "", err
	}
	err = s.writer.change(ctx, func(ctx context.Context, tx *session, _ bool) error {
		c := &change{tx: tx, note: auditNote{action: "mail.lane"}}
		if err := s.addMailLane(ctx, c, newMailLane{of, address, name, fresh}); err != nil {
			return err
		}
		return find(ctx, tx)
	})
	if err != nil {
		return lic, "", s.refusal("make a lane for mails", err)
	}
	return lic, id, nil
}

type newMailLane struct {
	of                   connector.OrganizationID
	address, name, fresh string
}

func (s *Store) addMailLane(ctx context.Context, c *change, n newMailLane) error {
	now := s.Now()
	err := c.all(ctx, []statement{q(ownOrganization, mailOrganization, micros(now)), q(ownSubscription, mailSubscription, mailOrganization, micros(now))})
	if err != nil {
		return err
	}
	var sub, row int64
	if err := c.tx.one(ctx, q(ownRows, mailSubscription), &c.note.organization, &sub); err != nil {
		return fmt.Errorf("read the installation's own subscription: %w", err)
	}
	sealed := s.ring.Seal(URLPlace(mailSubscription, connector.WebhookID(n.fresh)), now, []byte("mailto:"+n.address))
	err = c.tx.one(ctx, q(insertMail, n.fresh, sub, n.name, sealed, micros(now), string(n.of)), &row)
	if errors.Is(err, ErrNotFound) {
		return nil // another process made it meanwhile, or the organization was erased
	}
	if err != nil {
		return fmt.Errorf("insert a webhook for mails: %w", err)
	}
	group, _, err := c.moveToGroup(ctx, 0, groupOf{profile: connector.ProfileNone})
	if err != nil {
		return err
	}
	var lane int64
	return c.tx.one(ctx, q(insertLane, row, group), &lane)
}

const openMails = `
UPDATE lane SET state = 1, cause = '', held_since = 0, not_before = 0, failures = 0
WHERE state <> 4 AND (state = 2 OR not_before > 0) AND webhook IN (SELECT w.id FROM webhook w WHERE w.mail_for IS NOT NULL)`

// OpenMails lets all mails go on that waited for a mail server, or for the next
// attempt. To be called before the engine starts.
func (s *Store) OpenMails(ctx context.Context) error {
	err := s.writer.change(ctx, func(ctx context.Context, tx *session, _ bool) error {
		_, err := tx.exec(ctx, q(openMails))
		return err
	})
	if err != nil {
		return s.refusal("let mails go on", err)
	}
	return nil
}

// MailEntry is a mail as the operator sees it.
type MailEntry struct {
	MessageRow
	Seq      connector.Seq
	For      string // the organization that it tells of; empty: the installation, or one that was erased
	Attempts int
	// Last is what the last attempt brought, for people; empty: there was none.
	Last string
	// Mail is what it says; its subject is empty where the text was removed after its time.
	Mail connector.Mail
}

const mailColumns = `
SELECT m.id, m.public_id, m.state, m.reason, m.detail, m.unclear, m.accepted_at, m.finished_at, l.id, l.state, l.cause, COALESCE(o.name, ''), m.body,
       COALESCE((SELECT MAX(a.n) FROM attempt a WHERE a.message = m.id), 0),
       COALESCE((SELECT a.detail FROM attempt a WHERE a.message = m.id ORDER BY a.n DESC LIMIT 1), '')
FROM message m JOIN lane l ON l.id = m.lane JOIN webhook w ON w.id = l.webhook LEFT JOIN organization o ON o.id = w.mail_for
WHERE m.subscription = (SELECT s.id FROM subscription s WHERE s.public_id = $1) AND `

const (
	mailsBefore = mailColumns + `m.id < $2 ORDER BY m.id DESC LIMIT $3`
	mailByID    = mailColumns + `m.public_id = $2`
)

// Mails returns mails, the newest first, older than one; 0: from the newest on.
func (s *Store) Mails(ctx context.Context, before connector.Seq, limit int) ([]MailEntry, error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	return s.mails(ctx, q(mailsBefore, mailSubscription, int64(before), limit))
}

// Mail returns one mail.
func (s *Store) Mail(ctx context.Context, id connector.MessageID) (MailEntry, error) {
	all, err := s.mails(ctx, q(mailByID, mailSubscription, string(id)))
	if err == nil && len(all) == 0 {
		err = NoMessage(id)
	}
	if err != nil {
		return MailEntry{}, err
	}
	return all[0], nil
}

func (s *Store) mails(ctx context.Context, by statement) (all []MailEntry, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, by, func(rows *sql.Rows) error {
			var m MailEntry
			var accepted, finished int64
			var sealed []byte
			err := rows.Scan(&m.Seq, &m.ID, &m.State, &m.Reason, &m.Detail, &m.Unclear, &accepted, &finished, &m.Lane, &m.LaneState, &m.LaneCause, &m.For, &sealed,
				&m.Attempts, &m.Last)
			if err != nil {
				return err
			}
			m.AcceptedAt, m.FinishedAt = fromMicros(accepted), fromMicros(finished)
			if body, err := s.ring.Open(BodyPlace(mailSubscription, m.ID), sealed); err == nil {
				m.Mail, _ = connector.DecodeMail(body) // what can't be read is shown as removed
			}
			all = append(all, m)
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read mails: %w", err)
	}
	return all, nil
}

// noEnd is when the life of a mail ends.
func noEnd() time.Time { return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }

const personOfMail = `
SELECT id, disabled_at + unconfirmed, CASE WHEN password = '' AND last_seen = 0 THEN 1 ELSE 0 END FROM person WHERE email_key = $1`

// MailLink is a link that works once, for a mail to somebody.
type MailLink struct {
	Email, Name  string
	Organization connector.OrganizationID // whose mail it is; empty: the installation's
	Hash         [32]byte
	Life         time.Duration
	// Forgot: for who signed in before; else a link is for those who never did.
	Forgot bool
	// KnownOnly: who has no account gets none.
	KnownOnly bool
}

// MakeMailLink gives somebody a link by which they choose a password: beside those
// that they have. Who is not known yet gets an account. false: they sign in as ever,
// or nobody has shown yet that the account with this address is theirs.
func (s *Store) MakeMailLink(ctx context.Context, n MailLink) (made bool, err error) {
	fresh, err := newID(connector.PersonPrefix)
	if err != nil {
		return false, err
	}
	err = s.change(ctx, auditNote{by: "mail", action: "person.link", detail: n.Email}, func(ctx context.Context, c *change) error {
		var row, closed int64
		now := s.Now()
		if n.Organization != "" {
			if c.note.organization, _, err = c.organization(ctx, n.Organization); err != nil {
				return err
			}
		}
		err := c.tx.one(ctx, q(personOfMail, fold(n.Email)), &row, &closed, &made)
		switch {
		case errors.Is(err, ErrNotFound) && n.KnownOnly:
			return nil
		case errors.Is(err, ErrNotFound):
			made = true
			err = c.tx.one(ctx, q(insertPerson, fresh, n.Email, fold(n.Email), n.Name, 0, micros(now), 0), &row)
		}
		if err != nil {
			return fmt.Errorf("look for a person: %w", err)
		}
		made = closed == 0 && (made || n.Forgot)
		var then []statement
		if made {
			then = append(then, q(insertLink, n.Hash[:], row, micros(now), micros(now.Add(n.Life))))
		}
		if made && n.Organization != "" {
			then = append(then, q(claimContact, row, n.Email, c.note.organization))
		}
		return c.all(ctx, then)
	})
	return made, err
}

const (
	operatorsMail = `SELECT email, name FROM person WHERE operator = 1 AND disabled_at = 0 ORDER BY id LIMIT 20`
	adminsMail    = `
SELECT p.email, p.name FROM organization o JOIN member m ON m.organization = o.id JOIN person p ON p.id = m.person
WHERE o.public_id = $1 AND m.role = 2 AND p.disabled_at = 0 ORDER BY p.id LIMIT 20`
)

// Address is where a mail goes.
type Address struct{ Email, Name string }

// AdminAddresses are those of an organization's admins, or with an empty one of the operators.
func (s *Store) AdminAddresses(ctx context.Context, of connector.OrganizationID) (all []Address, err error) {
	by := q(operatorsMail)
	if of != "" {
		by = q(adminsMail, string(of))
	}
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, by, func(rows *sql.Rows) error {
			var a Address
			err := rows.Scan(&a.Email, &a.Name)
			all = append(all, a)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read the addresses of admins: %w", err)
	}
	return all, nil
}
