package admin

import (
	"context"
	"errors"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// onSubscription looks a subscription up for somebody who wants to do something
// on it. What they may not know of is not there for them.
func (a *Admin) onSubscription(ctx context.Context, who connector.Actor, do connector.Right, id connector.SubscriptionID) (store.Subscription, error) {
	sub, err := a.store.Subscription(ctx, id)
	if err != nil {
		return store.Subscription{}, err
	}
	if !who.Sees(sub.Organization, sub.ID) {
		return store.Subscription{}, connector.NoSuch("subscription", string(id))
	}
	if !who.May(do, sub.Organization, sub.ID) {
		return store.Subscription{}, connector.Refused(do)
	}
	return sub, nil
}

// onOrganization does the same for an organization.
func (a *Admin) onOrganization(ctx context.Context, who connector.Actor, do connector.Right, id connector.OrganizationID) (store.Organization, error) {
	org, err := a.store.Organization(ctx, id)
	if err != nil {
		return store.Organization{}, err
	}
	if !who.Sees(org.ID, "") {
		return store.Organization{}, connector.NoSuch("organization", string(id))
	}
	if !who.May(do, org.ID, "") {
		return store.Organization{}, connector.Refused(do)
	}
	return org, nil
}

// onWebhook does the same for a webhook that was not deleted.
func (a *Admin) onWebhook(ctx context.Context, who connector.Actor, do connector.Right, id connector.WebhookID) (store.Subscription, error) {
	of, err := a.store.SubscriptionOf(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return store.Subscription{}, unknownWebhook(id)
	}
	if err != nil {
		return store.Subscription{}, err
	}
	sub, err := a.onSubscription(ctx, who, do, of)
	if isCode(err, connector.NotFound) {
		return store.Subscription{}, unknownWebhook(id)
	}
	return sub, err
}

func unknownWebhook(id connector.WebhookID) error {
	return connector.Errorf(connector.WebhookNotFound, "There is no webhook %s here.", id)
}
