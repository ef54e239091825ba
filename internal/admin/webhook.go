package admin

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

// WebhookRequest asks for a webhook.
type WebhookRequest struct {
	Subscription connector.SubscriptionID
	Name         string
	URL          connector.Secret
	FlowOwner    string            // the person whose Teams connection posts; empty: nobody is named
	Profile      connector.Profile // zero: by the kind of URL
	Payload      connector.Payload // zero: adaptive
	By           string            // who asks, for the audit
}

// Webhook is a webhook as it was saved, with what its owner should know.
type Webhook struct {
	store.WebhookRow
	Warnings []string
}

// AddWebhook checks the URL and saves the webhook, its URL sealed. A new
// webhook works at once.
func (a *Admin) AddWebhook(ctx context.Context, r WebhookRequest) (Webhook, error) {
	if err := connector.CheckName("/name", r.Name); err != nil {
		return Webhook{}, err
	}
	if r.FlowOwner != "" {
		if err := connector.CheckName("/flowOwner", r.FlowOwner); err != nil {
			return Webhook{}, err
		}
	}
	address, bad := teams.ParseURL(r.URL.Reveal(), a.trusted)
	if bad != nil {
		return Webhook{}, bad
	}
	row, err := a.store.CreateWebhook(ctx, store.NewWebhook{
		Subscription: r.Subscription, Name: r.Name, URL: r.URL, Host: address.Host, FlowOwner: r.FlowOwner,
		Profile: cmp.Or(r.Profile, address.Profile), Payload: cmp.Or(r.Payload, connector.PayloadAdaptive), By: r.By,
	})
	if err != nil {
		return Webhook{}, err
	}
	warnings := address.Warnings
	if len(row.SameURL) > 0 {
		warnings = append(warnings, sameURL(row.SameURL))
	}
	return Webhook{WebhookRow: row, Warnings: warnings}, nil
}

func sameURL(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	return "The same URL is already saved as " + strings.Join(quoted, ", ") +
		". All of them post to one channel and share Microsoft's limit; delete what you don't need."
}

// Webhooks lists the webhooks of a subscription, without their URLs.
func (a *Admin) Webhooks(ctx context.Context, sub connector.SubscriptionID) ([]store.WebhookRow, error) {
	return a.store.Webhooks(ctx, sub)
}

// Replacement is a new URL for a webhook.
type Replacement struct {
	Webhook WebhookChoice
	URL     connector.Secret
	By      string
}

// ReplaceURL puts a new URL behind the same Webhook ID. A webhook that was
// stopped goes on with all that waits; a paused one stays paused.
func (a *Admin) ReplaceURL(ctx context.Context, r Replacement) (Webhook, error) {
	address, bad := teams.ParseURL(r.URL.Reveal(), a.trusted)
	if bad != nil {
		return Webhook{}, bad
	}
	now, err := a.Queue(ctx, r.Webhook)
	if err != nil {
		return Webhook{}, err
	}
	row, err := a.store.ReplaceURL(ctx, store.NewURL{
		Subscription: now.Subscription, Webhook: now.ID, URL: r.URL, Host: address.Host, By: r.By,
	})
	if err != nil {
		return Webhook{}, err
	}
	warnings := address.Warnings
	if len(row.SameURL) > 0 {
		warnings = append(warnings, sameURL(row.SameURL))
	}
	return Webhook{WebhookRow: row, Warnings: warnings}, nil
}
