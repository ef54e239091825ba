package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
)

const countWebhooks = `SELECT COUNT(*) FROM webhook WHERE subscription = $1 AND retired_at = 0`

const insertWebhook = `
INSERT INTO webhook (public_id, subscription, name, url, url_mac, host, payload, created_at, combine, ordering, on_unclear, urgent, message_life)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id`

const insertLane = `
INSERT INTO lane (webhook, grp, state, shard)
SELECT w.id, CAST($2 AS BIGINT), 1, s.organization % 64 FROM webhook w JOIN subscription s ON s.id = w.subscription WHERE w.id = $1 RETURNING id`

// CreateWebhook makes a webhook with a lane, in the group of its flow owner or of
// its URL. Exactly the plan's quota of webhooks can exist.
func (s *Store) CreateWebhook(ctx context.Context, n NewWebhook) (w WebhookRow, err error) {
	id, err := newID(connector.WebhookPrefix)
	if err != nil {
		return w, err
	}
	err = s.change(ctx, auditNote{by: n.By, action: "webhook.create", object: id, detail: n.Name}, func(ctx context.Context, c *change) error {
		sub, err := c.subscription(ctx, n.Subscription)
		if err != nil {
			return err
		}
		if err := s.mayAdd(ctx, c, &sub); err != nil {
			return err
		}
		w = WebhookRow{
			Webhook: connector.Webhook{
				ID: connector.WebhookID(id), Name: n.Name, Host: n.Host, Profile: n.Profile, Payload: n.Payload, Created: s.Now(),
			},
			Settings:     n.Settings,
			Subscription: sub.ID, FlowOwner: n.FlowOwner, State: connector.LaneOpen, URLVersion: 1, Version: 1,
		}
		if n.Settings == (connector.Settings{}) {
			w.Settings = connector.DefaultSettings()
		}
		return s.addWebhook(ctx, c, &sub, &w, n.URL)
	})
	return w, err
}

// mayAdd refuses a webhook that the subscription has no place for.
func (s *Store) mayAdd(ctx context.Context, c *change, sub *Subscription) error {
	var used int
	if err := c.tx.one(ctx, q(countWebhooks, sub.Row), &used); err != nil {
		return fmt.Errorf("count webhooks: %w", err)
	}
	return sub.Takes(used, s.Now())
}

// Takes says why a subscription takes no webhook beside those in use; nil: it does.
func (sub *Subscription) Takes(inUse int, now time.Time) error {
	a := account{status: sub.Status, expires: sub.Expires}
	if err := a.refusal(now); err != nil {
		return err
	}
	if sub.WebhookQuota > 0 && inUse >= sub.WebhookQuota {
		return connector.Errorf(connector.WebhookQuotaExhausted,
			"All %d webhooks of the plan are in use. Delete one that is not needed, or ask who runs this service for a larger plan.", sub.WebhookQuota)
	}
	return nil
}

func (s *Store) addWebhook(ctx context.Context, c *change, sub *Subscription, w *WebhookRow, url connector.Secret) (err error) {
	mac := s.urlMAC(sub.Organization, url)
	if w.SameURL, err = c.sameURL(ctx, mac, w.ID); err != nil {
		return err
	}
	sealed := s.ring.Seal(URLPlace(sub.ID, w.ID), w.Created, []byte(url.Reveal()))
	var row int64
	err = c.tx.one(ctx, q(insertWebhook, string(w.ID), sub.Row, w.Name, sealed, mac, w.Host, int64(w.Payload), micros(w.Created),
		bit(w.Combine), int64(w.Order), int64(w.OnUnclear), bit(w.Urgent), w.MessageLife.Microseconds()), &row)
	if err != nil {
		if s.dialect.unique(err) {
			return nameTaken("/name", "webhook", w.Name)
		}
		return fmt.Errorf("insert webhook: %w", err)
	}
	group, owner, err := c.moveToGroup(ctx, 0, groupOf{owner: w.FlowOwner, profile: w.Profile, mac: mac})
	if err != nil {
		return err
	}
	w.FlowOwner = owner
	if err := c.tx.one(ctx, q(insertLane, row, group), &w.Lane); err != nil {
		return fmt.Errorf("insert lane: %w", err)
	}
	c.note.lane = w.Lane
	return nil
}

// urlMAC finds the same URL again, within an organization only.
func (s *Store) urlMAC(of connector.OrganizationID, url connector.Secret) []byte {
	mac := keyring.ContentMAC(s.macKey, []byte("webhook url"), []byte(of), []byte(url.Reveal()))
	return mac[:]
}

const webhooksWithURL = `SELECT name FROM webhook WHERE url_mac = $1 AND public_id <> $2 ORDER BY name LIMIT 10`

func (c *change) sameURL(ctx context.Context, mac []byte, but connector.WebhookID) (names []string, err error) {
	err = c.tx.each(ctx, q(webhooksWithURL, mac, string(but)), func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		names = append(names, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for the same URL: %w", err)
	}
	return names, nil
}

const webhookRow = `
SELECT w.id, w.public_id, w.name, w.host, g.profile, w.payload, w.created_at, s.public_id, g.owner, l.id, l.state, l.cause, l.url_version,
       w.combine, w.ordering, w.on_unclear, w.urgent, w.message_life, w.version
FROM subscription s JOIN webhook w ON w.subscription = s.id JOIN lane l ON l.webhook = w.id JOIN grp g ON g.id = l.grp
WHERE s.public_id = $1 AND w.retired_at = 0 `

const (
	webhookByID = webhookRow + `AND w.public_id = $2`
	webhooksOf  = webhookRow + `ORDER BY w.name, w.id`
)

func scanWebhook(rows *sql.Rows) (w WebhookRow, row int64, err error) {
	var created, life int64
	err = rows.Scan(&row, &w.ID, &w.Name, &w.Host, &w.Profile, &w.Payload, &created, &w.Subscription, &w.FlowOwner, &w.Lane, &w.State, &w.Cause, &w.URLVersion,
		&w.Combine, &w.Order, &w.OnUnclear, &w.Urgent, &life, &w.Version)
	w.Created, w.MessageLife = fromMicros(created), fromMicro(life)
	return w, row, err
}

// Webhook returns a webhook that was not deleted.
func (s *Store) Webhook(ctx context.Context, sub connector.SubscriptionID, id connector.WebhookID) (WebhookRow, error) {
	all, err := s.webhooks(ctx, q(webhookByID, string(sub), string(id)))
	if err == nil && len(all) == 0 {
		return WebhookRow{}, noWebhook(id)
	}
	if err != nil {
		return WebhookRow{}, err
	}
	return all[0], nil
}

// Webhooks returns the webhooks of a subscription that were not deleted, by name.
func (s *Store) Webhooks(ctx context.Context, sub connector.SubscriptionID) ([]WebhookRow, error) {
	return s.webhooks(ctx, q(webhooksOf, string(sub)))
}

func (s *Store) webhooks(ctx context.Context, by statement) (all []WebhookRow, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, by, func(rows *sql.Rows) error {
			w, _, err := scanWebhook(rows)
			all = append(all, w)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read webhooks: %w", err)
	}
	return all, nil
}

// webhook looks a webhook up inside a change.
func (c *change) webhook(ctx context.Context, sub connector.SubscriptionID, id connector.WebhookID) (w WebhookRow, row int64, err error) {
	err = ErrNotFound
	readErr := c.tx.each(ctx, q(webhookByID, string(sub), string(id)), func(rows *sql.Rows) error {
		w, row, err = scanWebhook(rows)
		return err
	})
	if readErr == nil && errors.Is(err, ErrNotFound) {
		return w, 0, noWebhook(id)
	}
	c.note.lane = w.Lane
	return w, row, readErr
}
