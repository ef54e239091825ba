package admin

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// Order is what an organization asked for.
type Order = store.Order

// Billing is the billing account of an order.
type Billing = store.Billing

// OrderFilter chooses orders.
type OrderFilter = store.OrderFilter

// The states of an order.
const (
	OrderRequested = store.OrderRequested
	OrderApproved  = store.OrderApproved
	OrderRefused   = store.OrderRefused
)

// OrderState is how far an order has come.
type OrderState = store.OrderState

// ParseOrderState reads the word for how far an order has come.
func ParseOrderState(word string) (OrderState, bool) { return store.ParseOrderState(word) }

// Offer is what somebody may order, and for whom.
type Offer struct {
	Plans []Plan // to pay for
	Trial *Plan  // nil: this installation has none
	// Organizations are those that the person administers. None, and Signup: their order makes one.
	Organizations []OrganizationRow
	Signup        bool
	Organization  *OrganizationRow  // that orders; nil: none yet
	Subscriptions []SubscriptionRow // that may be changed or renewed: of Organization, or those that the person is the contact of
	Tried         bool              // Organization had its trial
	Form          string            // for OrderRequest
	Contact       Contact           // the person themselves
}

// Signup reports whether somebody who belongs to no organization may make one by ordering.
func (a *Admin) Signup() bool { return a.signup }

// self is a person as a Technical Contact.
func (a *Admin) self(ctx context.Context, who connector.Actor) (Contact, error) {
	person, err := a.store.PersonByEmail(ctx, who.Name)
	first, last := splitName(person.Name)
	return Contact{FirstName: first, LastName: last, Email: person.Email}, err
}

// MayOrder reports whether the person can order anything.
func (o *Offer) MayOrder() bool { return o.Organization != nil || o.Signup || len(o.Subscriptions) > 0 }

// Catalog lists the plans, for people who are not known too: those to pay for, and the one to try.
func (a *Admin) Catalog(ctx context.Context) (paid []Plan, trial *Plan, err error) {
	all, err := a.store.Plans(ctx)
	if err != nil {
		return nil, nil, err
	}
	for i := range all {
		switch {
		case !all[i].Trial:
			paid = append(paid, all[i])
		case trial == nil:
			trial = &all[i]
		}
	}
	return paid, trial, nil
}

// OfferFor says what somebody may order for an organization of theirs; empty: the first that they administer.
func (a *Admin) OfferFor(ctx context.Context, who connector.Actor, id connector.OrganizationID) (o Offer, err error) {
	if o.Plans, o.Trial, err = a.Catalog(ctx); err != nil {
		return o, err
	}
	all, err := a.Organizations(ctx, connector.Actor{Person: who.Person, Roles: who.Roles}, connector.Page{Limit: maxOrganizations})
	if err != nil {
		return o, err
	}
	for _, org := range all.Items {
		if who.Roles[org.ID] == connector.RoleAdmin {
			o.Organizations = append(o.Organizations, org)
		}
	}
	o.Signup = a.signup && len(who.Roles) == 0
	i := slices.IndexFunc(o.Organizations, func(org OrganizationRow) bool { return id == "" || org.ID == id })
	if i < 0 && id != "" {
		return o, connector.NoSuch("organization", string(id))
	}
	if i >= 0 {
		o.Organization = &o.Organizations[i]
		id = o.Organization.ID
	}
	if o.Form, o.Tried, err = a.store.OrderForm(ctx, id); err != nil {
		return o, err
	}
	if o.Contact, err = a.self(ctx, who); err != nil {
		return o, err
	}
	subs, err := a.SubscriptionsFor(ctx, who)
	o.Subscriptions = slices.DeleteFunc(subs, func(s SubscriptionRow) bool {
		return s.Status == store.StatusRequested || !who.May(connector.RightLicense, s.Organization, s.ID) || o.Organization != nil && s.Organization != id
	})
	return o, err
}

// maxOrganizations is how many organizations one person may choose among.
const maxOrganizations = 200

// OrderRequest asks for a subscription, another plan for one, or a further term.
type OrderRequest struct {
	Form            string                   // as the offer said: sent twice, it is one order
	Organization    connector.OrganizationID // empty: the one that the person administers, or a new one
	NewOrganization string                   // its name, where the person has none and may make one
	Subscription    connector.SubscriptionID // to change or renew; empty: a new one
	Plan            string                   // id or name
	Contact         Contact
	Billing         Billing
}

// EnableTrial begins the trial of an organization; whoever enables it is its Technical Contact.
func (a *Admin) EnableTrial(ctx context.Context, who connector.Actor, r OrderRequest) (Order, error) {
	_, trial, err := a.Catalog(ctx)
	if err != nil {
		return Order{}, err
	}
	if trial == nil {
		return Order{}, connector.Errorf(connector.Conflict, "This service has no trial now. Subscribe instead.")
	}
	if r.Organization, err = a.mayOrder(ctx, who, r); err != nil {
		return Order{}, err
	}
	if who.Person == "" {
		return Order{}, connector.Errorf(connector.Forbidden, "A trial is enabled by a person, who becomes its Technical Contact. Sign in and choose Try for Free.")
	}
	contact, err := a.self(ctx, who)
	if err != nil {
		return Order{}, err
	}
	o, _, err := a.store.PlaceOrder(ctx, store.NewOrder{
		Form: r.Form, Trial: true, Organization: r.Organization, NewOrganization: r.NewOrganization, Person: who.Person,
		Plan: string(trial.ID), Contact: contact, Approve: true, By: who.Name,
	})
	return o, err
}

// splitName takes the last word of a name for the last name.
func splitName(name string) (first, last string) {
	name = strings.TrimSpace(name)
	if i := strings.LastIndexByte(name, ' '); i > 0 {
		return strings.TrimSpace(name[:i]), name[i+1:]
	}
	return name, ""
}

// PlaceOrder orders. The same form sent again is the same order.
func (a *Admin) PlaceOrder(ctx context.Context, who connector.Actor, r OrderRequest) (Order, error) {
	organization, err := a.mayOrder(ctx, who, r)
	if err != nil {
		return Order{}, err
	}
	if err := checkOrder(&r); err != nil {
		return Order{}, err
	}
	paid, _, err := a.Catalog(ctx)
	if err != nil {
		return Order{}, err
	}
	if !slices.ContainsFunc(paid, func(p Plan) bool { return r.Plan == p.Name || r.Plan == string(p.ID) }) {
		return Order{}, connector.Invalid("/plan", "Choose one of the plans.")
	}
	o, _, err := a.store.PlaceOrder(ctx, store.NewOrder{
		Form: r.Form, Organization: organization, NewOrganization: r.NewOrganization, Person: who.Person, Subscription: r.Subscription,
		Plan: r.Plan, Contact: r.Contact, Billing: r.Billing, Approve: !a.askOperator, By: who.Name,
	})
	return o, err
}

// mayOrder finds the organization that an order is for; empty: a new person's, which the order makes.
func (a *Admin) mayOrder(ctx context.Context, who connector.Actor, r OrderRequest) (connector.OrganizationID, error) {
	if r.Subscription != "" {
		sub, err := a.onSubscription(ctx, who, connector.RightLicense, r.Subscription)
		if err == nil && r.Organization != "" && r.Organization != sub.Organization {
			err = connector.NoSuch("subscription", string(r.Subscription))
		}
		return sub.Organization, err
	}
	if r.Organization != "" {
		org, err := a.onOrganization(ctx, who, connector.RightLicense, r.Organization)
		return org.ID, err
	}
	switch admin := slices.Contains(slices.Collect(maps.Values(who.Roles)), connector.RoleAdmin); {
	case who.Person == "" || !admin && (!a.signup || len(who.Roles) > 0):
		return "", connector.Errorf(connector.Forbidden, "You administer no organization here. Ask an admin of yours to order, or who runs this service to add you.")
	case admin:
		return "", nil // their own, which the same form made a moment ago
	}
	if err := connector.CheckName("/organization", r.NewOrganization); err != nil {
		return "", err
	}
	return "", nil
}

func checkOrder(r *OrderRequest) error {
	for _, part := range []struct{ pointer, label, text string }{
		{"/technicalContact/firstName", "First Name", r.Contact.FirstName},
		{"/technicalContact/lastName", "Last Name", r.Contact.LastName},
		{"/billing/company", "The company", r.Billing.Company},
	} {
		if strings.TrimSpace(part.text) == "" {
			return connector.Invalid(part.pointer, "%s is missing.", part.label)
		}
		if err := connector.CheckName(part.pointer, part.text); err != nil {
			return err
		}
	}
	if err := connector.CheckEmail("/technicalContact/email", r.Contact.Email); err != nil {
		return err
	}
	if err := connector.CheckEmail("/billing/email", r.Billing.Email); err != nil {
		return err
	}
	if r.Billing.Reference != "" {
		if err := connector.CheckName("/billing/reference", r.Billing.Reference); err != nil {
			return err
		}
	}
	return nil
}

// Orders lists orders, the newest first: of one organization for its admins, of all for operators.
func (a *Admin) Orders(ctx context.Context, who connector.Actor, f OrderFilter, page connector.Page) (connector.List[Order], error) {
	var err error
	switch {
	case f.Subscription != "":
		_, err = a.onSubscription(ctx, who, connector.RightLicense, f.Subscription)
	case f.Organization != "":
		_, err = a.onOrganization(ctx, who, connector.RightLicense, f.Organization)
	case !who.May(connector.RightOperate, "", ""):
		err = connector.Refused(connector.RightOperate)
	}
	if err != nil {
		return connector.List[Order]{}, err
	}
	return a.store.Orders(ctx, f, page)
}

// Order returns one order.
func (a *Admin) Order(ctx context.Context, who connector.Actor, id connector.OrderID) (Order, error) {
	o, err := a.store.Order(ctx, id)
	if err != nil {
		return Order{}, err
	}
	if !who.Sees(o.Organization, o.Subscription) {
		return Order{}, connector.NoSuch("order", string(id))
	}
	if !who.May(connector.RightLicense, o.Organization, o.Subscription) {
		return Order{}, connector.Refused(connector.RightLicense)
	}
	return o, nil
}

// DecideOrder approves an order, or refuses it with a reason for those who ordered.
func (a *Admin) DecideOrder(ctx context.Context, who connector.Actor, id connector.OrderID, approve bool, reason string) (Order, error) {
	if _, err := a.Order(ctx, who, id); err != nil {
		return Order{}, err
	}
	if !who.May(connector.RightOperate, "", "") {
		return Order{}, connector.Refused(connector.RightOperate)
	}
	if !approve {
		if err := connector.CheckName("/reason", reason); err != nil {
			return Order{}, connector.Invalid("/reason", "Say in at most %d characters why; those who ordered read it.", connector.MaxNameRunes)
		}
	}
	return a.store.DecideOrder(ctx, store.OrderDecision{Order: id, Approve: approve, Reason: reason, By: who.Name})
}

// CancelSubscription ends a subscription now: new messages are refused, accepted
// ones still go. An order for it brings it back, with its keys and Webhook IDs.
func (a *Admin) CancelSubscription(ctx context.Context, who connector.Actor, id connector.SubscriptionID) (SubscriptionRow, error) {
	if _, err := a.onSubscription(ctx, who, connector.RightLicense, id); err != nil {
		return SubscriptionRow{}, err
	}
	cancelled := store.StatusCancelled
	return a.store.ChangeSubscription(ctx, store.SubscriptionChange{Subscription: id, Status: &cancelled, By: who.Name})
}
