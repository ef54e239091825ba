package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// eraseStep is how many rows one step of an erasure changes.
const eraseStep = 500

const (
	eraseOrganization = `UPDATE organization SET name = $2, suspended_at = $3, erased_at = $3, version = version + 1 WHERE id = $1`
	eraseContacts     = `
UPDATE subscription SET status = 4, first_name = '', last_name = '', email = '', notify = '', contact = NULL, version = version + 1 WHERE organization = $1`
	eraseOrders = `
UPDATE orders SET first_name = '', last_name = '', email = '', company = '', billing_email = '', reference = '', ordered_by = '',
    state = CASE WHEN state = 1 THEN 3 ELSE state END WHERE organization = $1`
	eraseKeys = `
UPDATE keys SET deleted_at = $2 WHERE deleted_at = 0 AND subscription IN (SELECT id FROM subscription WHERE organization = $1)`
	eraseTokens = `UPDATE token SET revoked_at = $2 WHERE organization = $1 AND revoked_at = 0`
	erasePeople = `
UPDATE person SET email = public_id, email_key = public_id, name = '', password = '', disabled_at = $2
WHERE operator = 0 AND id IN (SELECT person FROM member WHERE organization = $1)
  AND id NOT IN (SELECT person FROM member WHERE organization <> $1)`
	eraseMembers     = `DELETE FROM member WHERE organization = $1`
	eraseNotices     = `DELETE FROM notice WHERE organization = $1 OR subscription IN (SELECT id FROM subscription WHERE organization = $1)` // the operator's too
	eraseIdentities  = `DELETE FROM identity WHERE person IN (SELECT id FROM person WHERE email = public_id)`                                // as erasePeople leaves them
	eraseDirectories = `DELETE FROM directory WHERE organization = $1`
	webhooksLeft     = `
SELECT w.public_id, s.public_id FROM webhook w JOIN subscription s ON s.id = w.subscription JOIN organization o ON o.id = COALESCE(w.mail_for, s.organization)
WHERE o.public_id = $1 AND w.retired_at = 0 ORDER BY w.id LIMIT $2`
	bodiesLeft = `
UPDATE message SET body = NULL WHERE id IN (
    SELECT m.id FROM message m JOIN lane l ON l.id = m.lane JOIN webhook w ON w.id = l.webhook JOIN subscription s ON s.id = w.subscription
    JOIN organization o ON o.id = COALESCE(w.mail_for, s.organization) WHERE o.public_id = $1 AND m.body IS NOT NULL AND m.state > 1 ORDER BY m.subscription, m.id LIMIT $2)`
)

// Erase ends an organization for good: its keys, tokens and members at once,
// then its webhooks with their URLs, then the texts of its messages. Ids and
// figures stay. Interrupted, it may be called again and goes on.
func (s *Store) Erase(ctx context.Context, id connector.OrganizationID, by string) error {
	err := s.change(ctx, auditNote{by: by, action: "organization.erase", object: string(id)}, func(ctx context.Context, c *change) (err error) {
		if c.note.organization, _, err = c.organization(ctx, id); err != nil {
			return err
		}
		org, now := c.note.organization, micros(s.Now())
		return c.all(ctx, []statement{
			q(eraseContacts, org), q(eraseOrders, org), q(eraseKeys, org, now), q(eraseTokens, org, now), q(erasePeople, org, now),
			q(eraseIdentities), q(eraseDirectories, org), q(eraseMembers, org), q(eraseNotices, org),
		})
	})
	if err != nil {
		return err
	}
	if err := s.eraseWebhooks(ctx, id, by); err != nil {
		return err
	}
	if err := s.eraseBodies(ctx, id); err != nil {
		return err
	}
	return s.change(ctx, auditNote{by: by, action: "organization.erased", object: string(id)}, func(ctx context.Context, c *change) (err error) {
		if c.note.organization, _, err = c.organization(ctx, id); err != nil {
			return err
		}
		return c.all(ctx, []statement{q(eraseOrganization, c.note.organization, "erased", micros(s.Now()))})
	})
}

// eraseWebhooks deletes webhooks one by one, so that the engine hears of each.
func (s *Store) eraseWebhooks(ctx context.Context, id connector.OrganizationID, by string) error {
	type hook struct {
		id  connector.WebhookID
		sub connector.SubscriptionID
	}
	for {
		var left []hook
		err := s.reads.read(ctx, func(ctx context.Context, c *session) error {
			left = nil
			return c.each(ctx, q(webhooksLeft, string(id), eraseStep), func(rows *sql.Rows) error {
				var h hook
				err := rows.Scan(&h.id, &h.sub)
				left = append(left, h)
				return err
			})
		})
		if err != nil || len(left) == 0 {
			return err
		}
		for _, h := range left {
			if _, err := s.DeleteWebhook(ctx, h.sub, h.id, by); err != nil {
				return err
			}
		}
	}
}

// eraseBodies removes the texts of messages that have ended; what waits ends with its webhook and loses its text by retention.
func (s *Store) eraseBodies(ctx context.Context, id connector.OrganizationID) error {
	for {
		var removed int64
		err := s.writer.change(ctx, func(ctx context.Context, tx *session, _ bool) (err error) {
			removed, err = tx.exec(ctx, q(bodiesLeft, string(id), eraseStep))
			return err
		})
		if err != nil {
			return fmt.Errorf("remove the texts of organization %s: %w", id, err)
		}
		if removed < eraseStep {
			return nil
		}
	}
}
