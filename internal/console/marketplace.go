package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// market is what the page of the service shows.
type market struct {
	paid  []admin.Plan
	trial *admin.Plan // nil: there is none
	offer admin.Offer // empty where nobody is signed in
}

// marketplace is the page of the service. With open sign-up everybody may read it.
func (c *Console) marketplace(v *visit) (err error) {
	if !v.signedIn() && !c.desk.Signup() {
		return v.redirect("/signin?next=" + url.QueryEscape(v.here()))
	}
	var m market
	if m.paid, m.trial, err = c.desk.Catalog(v.r.Context()); err != nil {
		return err
	}
	if v.signedIn() {
		if m.offer, err = c.desk.OfferFor(v.r.Context(), v.session.Actor, ""); err != nil {
			return err
		}
	}
	return v.show(http.StatusOK, page{title: "Marketplace", tab: "marketplace"}, marketplacePage(v, m))
}

// orderView is what the forms of an order show.
type orderView struct {
	offer admin.Offer
	form  form
}

// offered is what the person may order; an error says that it is nothing.
func (c *Console) offered(v *visit) (o orderView, err error) {
	o.form = v.typed("newOrganization", "subscription", "plan", "technicalContact.firstName", "technicalContact.lastName", "technicalContact.email",
		"billing.company", "billing.email", "billing.reference")
	o.offer, err = c.desk.OfferFor(v.r.Context(), v.session.Actor, connector.OrganizationID(v.r.FormValue("organization")))
	if err == nil && !o.offer.MayOrder() {
		err = connector.Errorf(connector.Forbidden, "Admins of your organization order. Ask one of them, or who runs this service.")
	}
	return o, err
}

func (c *Console) trial(v *visit) error {
	o, err := c.offered(v)
	switch {
	case err != nil:
		return err
	case o.offer.Tried:
		return connector.Errorf(connector.Conflict, "Your organization had its free trial of Microsoft Teams Connector: there is one for each organization. Subscribe to go on; keys and Webhook IDs of the trial stay.")
	case o.offer.Trial == nil:
		return connector.Errorf(connector.Conflict, "This service has no trial now. Subscribe instead.")
	}
	return v.order(http.StatusOK, trialPage(v, o))
}

func (v *visit) order(status int, body templ.Component) error {
	return v.show(status, page{title: "Order", narrow: true}, body)
}

func (c *Console) enableTrial(v *visit) error {
	made, failed := c.placed(v, c.desk.EnableTrial)
	if failed != nil {
		o, err := c.orderFailed(v, failed)
		if err != nil {
			return err
		}
		return v.order(http.StatusUnprocessableEntity, trialPage(v, o))
	}
	return v.done("/subscriptions/"+string(made.Subscription)+"?create=keys", "Your free trial has begun. Make the first pair of binding keys: an app signs its messages with them.")
}

func (c *Console) subscribe(v *visit) error {
	o, err := c.offered(v)
	if err != nil {
		return err
	}
	o.fill(v.r.URL.Query())
	return v.order(http.StatusOK, subscribePage(v, o))
}

// fill puts into the form what is known: of an organization on trial, that the
// trial is to become more.
func (o *orderView) fill(q url.Values) {
	f := o.form.values
	f["plan"] = q.Get("plan")
	f["technicalContact.firstName"], f["technicalContact.lastName"], f["technicalContact.email"] = o.offer.Contact.FirstName, o.offer.Contact.LastName, o.offer.Contact.Email
	f["billing.email"] = o.offer.Contact.Email
	if o.offer.Organization != nil {
		f["billing.company"] = o.offer.Organization.Name
	}
	for i := range o.offer.Subscriptions {
		if s := &o.offer.Subscriptions[i]; string(s.ID) == q.Get("subscription") || q.Get("subscription") == "" && s.Trial {
			f["subscription"] = string(s.ID)
		}
	}
}

func (c *Console) placeOrder(v *visit) error {
	made, failed := c.placed(v, c.desk.PlaceOrder)
	if failed != nil {
		o, err := c.orderFailed(v, failed)
		if err != nil {
			return err
		}
		return v.order(http.StatusUnprocessableEntity, subscribePage(v, o))
	}
	return v.redirect("/orders/" + string(made.ID))
}

// orderFunc is what the desk does with an order.
type orderFunc func(ctx context.Context, who connector.Actor, r admin.OrderRequest) (admin.Order, error)

// placed orders what a form asks for.
func (c *Console) placed(v *visit, order orderFunc) (admin.Order, error) {
	if v.field("terms") == "" {
		return admin.Order{}, connector.Invalid("/terms", "Accept the Terms & Conditions to go on.")
	}
	return order(v.r.Context(), v.session.Actor, admin.OrderRequest{
		Form: v.field("form"), Organization: connector.OrganizationID(v.field("organization")), NewOrganization: v.field("newOrganization"),
		Subscription: connector.SubscriptionID(v.field("subscription")), Plan: v.field("plan"),
		Contact: admin.Contact{FirstName: v.field("technicalContact.firstName"), LastName: v.field("technicalContact.lastName"), Email: strings.TrimSpace(v.field("technicalContact.email"))},
		Billing: admin.Billing{Company: v.field("billing.company"), Email: strings.TrimSpace(v.field("billing.email")), Reference: strings.TrimSpace(v.field("billing.reference"))},
	})
}

// orderFailed is the form again, with the error beside its field.
func (c *Console) orderFailed(v *visit, failed error) (orderView, error) {
	o, err := c.offered(v)
	if err != nil {
		return o, err
	}
	return o, o.form.take(failed)
}

func (c *Console) orderReceived(v *visit) error {
	o, err := c.desk.Order(v.r.Context(), v.session.Actor, connector.OrderID(v.r.PathValue("id")))
	if err != nil {
		return err
	}
	return v.order(http.StatusOK, orderPage(v, o))
}

func (c *Console) cancelSubscription(v *visit) error {
	sub, err := c.desk.CancelSubscription(v.r.Context(), v.session.Actor, connector.SubscriptionID(v.r.PathValue("id")))
	if err != nil {
		return err
	}
	return v.done("/subscriptions/"+string(sub.ID), "The subscription “"+sub.InstanceName+"” is cancelled. What was accepted still goes out.")
}

// now is the time by which a page says what has expired.
func (v *visit) now() time.Time { return time.Now() }

// title begins a name with a capital.
func title(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToUpper(first)) + name[size:]
}

// planWords says what a plan holds.
func planWords(p admin.Plan) string {
	hooks := "Any number of webhooks"
	if p.WebhookQuota > 0 {
		hooks = many(p.WebhookQuota, "webhook", "webhooks")
	}
	messages := "any number of messages"
	if p.MessageQuota > 0 {
		messages = many(p.MessageQuota, "message", "messages") + " a month"
	}
	term := "without an end"
	switch {
	case p.TermMonths == 12:
		term = "for one year"
	case p.TermMonths > 0:
		term = "for " + many(p.TermMonths, "month", "months")
	}
	return hooks + " and " + messages + ", " + term + "."
}
