package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// WebhookChange says which webhook is changed, how, and by whom.
type WebhookChange struct {
	Subscription connector.SubscriptionID
	Webhook      connector.WebhookID
	Version      int64 // must stand; 0: any
	By           string
	// URL replaces the URL, and Host its host; empty: as it is.
	URL  connector.Secret
	Host string
	// Edit changes name, flow owner, profile, payload and settings; it may run more than once. nil: as they are.
	Edit func(w *WebhookRow) error
}

const updateWebhook = `
UPDATE webhook SET name = $2, host = $3, payload = $4, combine = $5, ordering = $6, on_unclear = $7, urgent = $8, message_life = $9,
    version = version + 1
WHERE id = $1`

// ChangeWebhook changes a webhook; its Webhook ID and queue stay.
func (s *Store) ChangeWebhook(ctx context.Context, r WebhookChange) (w WebhookRow, err error) {
	note := auditNote{by: r.By, action: "webhook.change", object: string(r.Webhook)}
	err = s.change(ctx, note, func(ctx context.Context, c *change) error {
		sub, err := c.subscription(ctx, r.Subscription)
		if err != nil {
			return err
		}
		was, row, err := c.webhook(ctx, r.Subscription, r.Webhook)
		if err != nil {
			return err
		}
		w = was
		if err := expectVersion(r.Version, w.Version); err != nil {
			return err
		}
		if r.Edit != nil {
			if err := r.Edit(&w); err != nil {
				return err
			}
		}
		if !r.URL.Empty() {
			w.Host = r.Host
			if err := s.replaceURL(ctx, c, replacement{sub.Organization, row, r.URL}, &w); err != nil {
				return err
			}
		}
		w.Version++
		c.note.detail = changed(&was, &w)
		return s.saveWebhook(ctx, c, &was, &w, row)
	})
	return w, err
}

func (s *Store) saveWebhook(ctx context.Context, c *change, was, w *WebhookRow, row int64) error {
	stated := was.FlowOwner != w.FlowOwner || was.Profile != w.Profile
	if stated || was.URLVersion != w.URLVersion {
		if err := c.regroup(ctx, w, row, stated); err != nil {
			return err
		}
	}
	_, err := c.tx.exec(ctx, q(updateWebhook, row, w.Name, w.Host, int64(w.Payload),
		bit(w.Combine), int64(w.Order), int64(w.OnUnclear), bit(w.Urgent), w.MessageLife.Microseconds()))
	if err != nil && s.dialect.unique(err) {
		return nameTaken("/name", "webhook", w.Name)
	}
	return err
}

const macOf = `SELECT url_mac FROM webhook WHERE id = $1`

// regroup paces a webhook by its flow owner, profile and URL from now on; stated:
// people chose the first two just now.
func (c *change) regroup(ctx context.Context, w *WebhookRow, row int64, stated bool) (err error) {
	to := groupOf{owner: w.FlowOwner, profile: w.Profile, stated: stated}
	if err := c.tx.one(ctx, q(macOf, row), &to.mac); err != nil {
		return fmt.Errorf("read the mark of the URL: %w", err)
	}
	_, w.FlowOwner, err = c.moveToGroup(ctx, w.Lane, to)
	return err
}

const setURL = `UPDATE webhook SET url = $2, url_mac = $3 WHERE id = $1`

const nextVersion = `
UPDATE lane SET url_version = url_version + 1, not_before = 0, failures = 0, timed_out = 0, mismatches = 0, card_last = 0 WHERE id = $1`

// replacement is a URL that takes the place of another one.
type replacement struct {
	of  connector.OrganizationID
	row int64 // of the webhook
	url connector.Secret
}

// replaceURL puts another URL behind a webhook. A lane that was stopped goes on;
// one that people paused stays paused.
func (s *Store) replaceURL(ctx context.Context, c *change, r replacement, w *WebhookRow) (err error) {
	mac := s.urlMAC(r.of, r.url)
	if w.SameURL, err = c.sameURL(ctx, mac, w.ID); err != nil {
		return err
	}
	sealed := s.ring.Seal(URLPlace(w.Subscription, w.ID), s.Now(), []byte(r.url.Reveal()))
	if _, err := c.tx.exec(ctx, q(setURL, r.row, sealed, mac)); err != nil {
		return fmt.Errorf("replace URL: %w", err)
	}
	if _, err := c.tx.exec(ctx, q(nextVersion, int64(w.Lane))); err != nil {
		return fmt.Errorf("count URL versions: %w", err)
	}
	w.URLVersion++
	if w.State != connector.LaneStopped {
		return nil
	}
	w.State, w.Cause = connector.LaneOpen, ""
	return c.openLane(ctx, s, w.Lane)
}

// changed names what a change changed.
func changed(was, is *WebhookRow) string {
	var all []string
	for _, part := range []struct {
		name    string
		changed bool
	}{
		{"name", was.Name != is.Name},
		{"URL (" + is.Host + ")", was.URLVersion != is.URLVersion},
		{"flow owner", was.FlowOwner != is.FlowOwner},
		{"profile", was.Profile != is.Profile},
		{"payload", was.Payload != is.Payload},
		{"combine", was.Combine != is.Combine},
		{"order", was.Order != is.Order},
		{"on unclear", was.OnUnclear != is.OnUnclear},
		{"urgent", was.Urgent != is.Urgent},
		{"message life", was.MessageLife != is.MessageLife},
	} {
		if part.changed {
			all = append(all, part.name)
		}
	}
	if len(all) == 0 {
		return is.Name + ": nothing"
	}
	return is.Name + ": " + strings.Join(all, ", ")
}

const sealedURL = `SELECT url FROM webhook WHERE public_id = $1 AND retired_at = 0`

// RevealURL opens a webhook's URL for somebody, and writes down that it did.
func (s *Store) RevealURL(ctx context.Context, sub connector.SubscriptionID, id connector.WebhookID, by string) (url connector.Secret, err error) {
	err = s.change(ctx, auditNote{by: by, action: "webhook.reveal", object: string(id)}, func(ctx context.Context, c *change) error {
		if _, err := c.subscription(ctx, sub); err != nil {
			return err
		}
		w, _, err := c.webhook(ctx, sub, id)
		if err != nil {
			return err
		}
		c.note.detail, c.note.lane = w.Name, 0
		url, err = s.openURL(ctx, c.tx, sub, id)
		return err
	})
	return url, err
}

// WebhookURL opens a webhook's URL, for rules that look at it and never show it.
func (s *Store) WebhookURL(ctx context.Context, sub connector.SubscriptionID, id connector.WebhookID) (url connector.Secret, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		url, err = s.openURL(ctx, c, sub, id)
		return err
	})
	return url, err
}

func (s *Store) openURL(ctx context.Context, c *session, sub connector.SubscriptionID, id connector.WebhookID) (connector.Secret, error) {
	var sealed []byte
	if err := c.one(ctx, q(sealedURL, string(id)), &sealed); err != nil {
		return connector.Secret{}, fmt.Errorf("read the URL of webhook %s: %w", id, err)
	}
	plain, err := s.ring.Open(URLPlace(sub, id), sealed)
	if err != nil {
		return connector.Secret{}, connector.Errorf(connector.Conflict,
			"The webhook's URL can't be opened with the master key of this installation. Enter the URL again.")
	}
	return connector.NewSecret(string(plain)), nil
}
