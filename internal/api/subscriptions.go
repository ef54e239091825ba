package api

import (
	"context"
	"net/http"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func (a *API) subscriptionRoutes() []route {
	const of, one = "/api/v1/organizations/{id}/subscriptions", "/api/v1/subscriptions/{id}"
	return []route{
		{
			method: http.MethodGet, path: of, id: "listSubscriptions", summary: "List the subscriptions of an organization",
			right: connector.RightView, typed: typed(a.listSubscriptions),
		},
		{
			method: http.MethodPost, path: of, id: "createSubscription", summary: "Make a subscription, active at once",
			right: connector.RightOperate, typed: typed(a.createSubscription),
		},
		{method: http.MethodGet, path: one, id: "readSubscription", summary: "Read a subscription", right: connector.RightView, typed: typed(a.readSubscription)},
		{
			method: http.MethodPatch, path: one, id: "changeSubscription",
			summary: "Change a subscription: its instance name, its Technical Contact and who gets its mails; all else by operators", right: connector.RightLicense, typed: typed(a.changeSubscription),
		},
	}
}

// contact is a subscription's Technical Contact.
type contact struct {
	FirstName string `json:"firstName,omitempty"`
	LastName  string `json:"lastName,omitempty"`
	Email     string `json:"email"`
}

func (c *contact) row() *admin.Contact {
	if c == nil {
		return nil
	}
	return &admin.Contact{FirstName: c.FirstName, LastName: c.LastName, Email: c.Email}
}

// subscription is an organization's use of the service under a plan.
type subscription struct {
	ID               connector.SubscriptionID `json:"id"`
	Organization     connector.OrganizationID `json:"organization"`
	InstanceName     string                   `json:"instanceName"`
	Plan             string                   `json:"plan"`
	Status           string                   `json:"status" enum:"requested,active,expired,cancelled"`
	Starts           string                   `json:"starts" format:"date-time"`
	Expires          *string                  `json:"expires" format:"date-time" doc:"null: no end"`
	WebhookQuota     int                      `json:"webhookQuota" doc:"webhooks that may exist; 0: no limit"`
	MessageQuota     int                      `json:"messageQuota" doc:"messages a month; 0: no limit"`
	TechnicalContact *contact                 `json:"technicalContact,omitempty" doc:"absent: nobody is named"`
	Notify           []string                 `json:"notify" doc:"addresses that get the warnings of this subscription; none: the Technical Contact"`
}

func subscriptionItem(s admin.SubscriptionRow) subscription {
	item := subscription{
		ID: s.ID, Organization: s.Organization, InstanceName: s.InstanceName, Plan: s.Plan, Status: s.StatusNow(time.Now()).String(),
		Starts: stamp(s.Starts), Expires: optional(s.Expires), WebhookQuota: s.WebhookQuota, MessageQuota: s.MessageQuota, Notify: append([]string{}, s.Notify...),
	}
	if c := s.Contact; c != (admin.Contact{}) {
		item.TechnicalContact = &contact{FirstName: c.FirstName, LastName: c.LastName, Email: c.Email}
	}
	return item
}

type listSubscriptionsInput struct {
	OrganizationPath
	Paging
}

func (a *API) listSubscriptions(ctx context.Context, who connector.Actor, in *listSubscriptionsInput) (*listed[subscription], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	list, err := a.desk.SubscriptionsOf(ctx, who, in.ID, page)
	if err != nil {
		return nil, err
	}
	return asList(list, subscriptionItem), nil
}

type createSubscriptionInput struct {
	OrganizationPath

	Body struct {
		Plan             string   `json:"plan" doc:"id or name"`
		InstanceName     string   `json:"instanceName" doc:"unique in the organization, whatever its case"`
		WebhookQuota     *int     `json:"webhookQuota,omitempty" minimum:"0" doc:"the plan's when left out; 0: no limit"`
		MessageQuota     *int     `json:"messageQuota,omitempty" minimum:"0" doc:"a month; the plan's when left out; 0: no limit"`
		TechnicalContact *contact `json:"technicalContact,omitempty"`
	}
}

func (a *API) createSubscription(ctx context.Context, who connector.Actor, in *createSubscriptionInput) (*made[subscription], error) {
	r := admin.SubscriptionRequest{
		Organization: in.ID, Plan: in.Body.Plan, InstanceName: in.Body.InstanceName,
		WebhookQuota: in.Body.WebhookQuota, MessageQuota: in.Body.MessageQuota,
	}
	if c := in.Body.TechnicalContact.row(); c != nil {
		r.Contact = *c
	}
	s, err := a.desk.CreateSubscription(ctx, who, r)
	if err != nil {
		return nil, err
	}
	return &made[subscription]{ETag: etag(s.Version), Location: "/api/v1/subscriptions/" + string(s.ID), Body: subscriptionItem(s)}, nil
}

// SubscriptionPath names the subscription.
type SubscriptionPath struct {
	ID connector.SubscriptionID `path:"id"`
}

func (a *API) readSubscription(ctx context.Context, who connector.Actor, in *SubscriptionPath) (*one[subscription], error) {
	s, err := a.desk.Subscription(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	return &one[subscription]{ETag: etag(s.Version), Body: subscriptionItem(s)}, nil
}

type changeSubscriptionInput struct {
	SubscriptionPath
	Match

	Body struct {
		InstanceName     *string   `json:"instanceName,omitempty" doc:"unique in the organization, whatever its case"`
		TechnicalContact *contact  `json:"technicalContact,omitempty"`
		Notify           *[]string `json:"notify,omitempty" maxItems:"20" doc:"addresses that get its warnings; none: the Technical Contact"`
		Status           *string   `json:"status,omitempty" enum:"requested,active,expired,cancelled" doc:"operators only"`
		Plan             *string   `json:"plan,omitempty" doc:"id or name; its quotas and term hold from now on, unless they are given too; operators only"`
		Expires          *string   `json:"expires,omitempty" doc:"RFC 3339; empty: no end; operators only"`
		WebhookQuota     *int      `json:"webhookQuota,omitempty" minimum:"0" doc:"what exists stays; 0: no limit; operators only"`
		MessageQuota     *int      `json:"messageQuota,omitempty" minimum:"0" doc:"a month; 0: no limit; operators only"`
	}
}

func (a *API) changeSubscription(ctx context.Context, who connector.Actor, in *changeSubscriptionInput) (*one[subscription], error) {
	b := &in.Body
	r := admin.SubscriptionChange{
		Subscription: in.ID, Version: in.version(), InstanceName: b.InstanceName, Plan: b.Plan,
		WebhookQuota: b.WebhookQuota, MessageQuota: b.MessageQuota, Contact: b.TechnicalContact.row(), Notify: b.Notify,
	}
	if b.Status != nil {
		status, _ := admin.ParseStatus(*b.Status) // one of them, by the enum
		r.Status = &status
	}
	if b.Expires != nil {
		expires, err := time.Parse(time.RFC3339, *b.Expires)
		if err != nil && *b.Expires != "" {
			return nil, connector.Invalid("/expires", "expires is no time of RFC 3339, such as 2027-01-31T00:00:00Z. Empty means no end.")
		}
		r.Expires = &expires
	}
	s, err := a.desk.ChangeSubscription(ctx, who, r)
	if err != nil {
		return nil, err
	}
	return &one[subscription]{ETag: etag(s.Version), Body: subscriptionItem(s)}, nil
}
