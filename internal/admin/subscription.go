package admin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// SubscriptionRequest asks for a subscription, which is active at once.
type SubscriptionRequest struct {
	Organization               connector.OrganizationID
	Plan                       string // id or name
	InstanceName               string
	WebhookQuota, MessageQuota *int // nil: the plan's
	Contact                    store.Contact
}

// CreateSubscription makes a subscription for an organization, without an order.
func (a *Admin) CreateSubscription(ctx context.Context, who connector.Actor, r SubscriptionRequest) (store.Subscription, error) {
	if _, err := a.onOrganization(ctx, who, connector.RightOperate, r.Organization); err != nil {
		return store.Subscription{}, err
	}
	if err := checkSubscription(&r.InstanceName, &r.Contact, r.WebhookQuota, r.MessageQuota); err != nil {
		return store.Subscription{}, err
	}
	return a.store.CreateSubscription(ctx, store.NewSubscription{
		Organization: r.Organization, Plan: r.Plan, InstanceName: r.InstanceName,
		WebhookQuota: r.WebhookQuota, MessageQuota: r.MessageQuota, Contact: r.Contact, By: who.Name,
	})
}

// SubscriptionsOf lists the subscriptions of an organization.
func (a *Admin) SubscriptionsOf(
	ctx context.Context, who connector.Actor, of connector.OrganizationID, page connector.Page,
) (connector.List[store.Subscription], error) {
	if _, err := a.onOrganization(ctx, who, connector.RightView, of); err != nil {
		return connector.List[store.Subscription]{}, err
	}
	all, err := a.store.Subscriptions(ctx, of)
	if err != nil {
		return connector.List[store.Subscription]{}, err
	}
	id := func(s store.Subscription) string { return string(s.ID) }
	if page.After != "" {
		all = all[slices.IndexFunc(all, func(s store.Subscription) bool { return id(s) == page.After })+1:]
	}
	return connector.Cut(all, page.Limit, id), nil
}

// SubscriptionsFor lists all subscriptions that somebody may see: of their
// organizations, and those that they are the Technical Contact of.
func (a *Admin) SubscriptionsFor(ctx context.Context, who connector.Actor) ([]store.Subscription, error) {
	if who.Person == "" {
		all, err := a.store.Subscriptions(ctx, "")
		return slices.DeleteFunc(all, func(s store.Subscription) bool { return !who.Sees(s.Organization, s.ID) }), err
	}
	return a.store.SubscriptionsFor(ctx, who.Person)
}

// Subscription returns one subscription.
func (a *Admin) Subscription(ctx context.Context, who connector.Actor, id connector.SubscriptionID) (store.Subscription, error) {
	if who.Contact[id] {
		return a.onSubscription(ctx, who, connector.RightLicense, id)
	}
	return a.onSubscription(ctx, who, connector.RightView, id)
}

// SubscriptionChange is what is to stand in a subscription; nil: as it is.
type SubscriptionChange struct {
	Subscription               connector.SubscriptionID
	Version                    int64 // must stand; 0: any
	InstanceName               *string
	Status                     *store.Status
	Plan                       *string    // id or name; its quotas and term hold from now on
	Expires                    *time.Time // the zero time: no end
	WebhookQuota, MessageQuota *int
	Contact                    *store.Contact
	Notify                     *[]string // addresses that get its warnings; none: the Technical Contact
}

// ChangeSubscription changes a subscription: its name and Technical Contact by
// those who may, all else by operators. Keys and Webhook IDs stay.
func (a *Admin) ChangeSubscription(ctx context.Context, who connector.Actor, r SubscriptionChange) (store.Subscription, error) {
	need := connector.RightLicense
	if r.Status != nil || r.Plan != nil || r.Expires != nil || r.WebhookQuota != nil || r.MessageQuota != nil {
		need = connector.RightOperate
	}
	if _, err := a.onSubscription(ctx, who, need, r.Subscription); err != nil {
		return store.Subscription{}, err
	}
	if err := checkSubscription(r.InstanceName, r.Contact, r.WebhookQuota, r.MessageQuota); err != nil {
		return store.Subscription{}, err
	}
	if err := checkNotify(r.Notify); err != nil {
		return store.Subscription{}, err
	}
	return a.store.ChangeSubscription(ctx, store.SubscriptionChange{
		Subscription: r.Subscription, Version: r.Version, InstanceName: r.InstanceName, Status: r.Status, Plan: r.Plan,
		Expires: r.Expires, WebhookQuota: r.WebhookQuota, MessageQuota: r.MessageQuota, Contact: r.Contact, Notify: r.Notify, By: who.Name,
	})
}

// maxNotify is how many addresses get the warnings of one subscription.
const maxNotify = 20

func checkNotify(all *[]string) error {
	if all == nil {
		return nil
	}
	if len(*all) > maxNotify {
		return connector.Invalid("/notify", "These are %d addresses; the limit is %d. A distribution list takes more.", len(*all), maxNotify)
	}
	for i, address := range *all {
		if err := connector.CheckEmail(fmt.Sprintf("/notify/%d", i), address); err != nil {
			return err
		}
	}
	return nil
}

func checkSubscription(name *string, contact *store.Contact, webhooks, messages *int) error {
	if name != nil {
		if err := connector.CheckName("/instanceName", *name); err != nil {
			return err
		}
	}
	if contact != nil && *contact != (store.Contact{}) {
		for _, part := range []struct{ pointer, text string }{
			{"/technicalContact/firstName", contact.FirstName}, {"/technicalContact/lastName", contact.LastName},
		} {
			if strings.TrimSpace(part.text) == "" {
				continue
			}
			if err := connector.CheckName(part.pointer, part.text); err != nil {
				return err
			}
		}
		if err := connector.CheckEmail("/technicalContact/email", contact.Email); err != nil {
			return err
		}
	}
	for _, quota := range []struct {
		pointer string
		n       *int
	}{{"/webhookQuota", webhooks}, {"/messageQuota", messages}} {
		if quota.n != nil && (*quota.n < 0 || *quota.n > maxPlanNumber) {
			return connector.Invalid(quota.pointer, "A quota must be between 0 (no limit) and %d.", maxPlanNumber)
		}
	}
	return nil
}
