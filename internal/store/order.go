package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// NewOrder is what PlaceOrder needs.
type NewOrder struct {
	// Form is what the form was made for, as OrderForm said: sent twice, it is one order.
	Form  string
	Trial bool
	// Organization orders. Empty: the one that Person administers, else one of the name NewOrganization is made, with Person as its admin.
	Organization    connector.OrganizationID
	NewOrganization string
	Person          connector.PersonID       // who orders; empty: nobody who signs in
	Subscription    connector.SubscriptionID // to change or renew; empty: a new one
	Plan            string                   // id or name
	Contact         Contact
	Billing         Billing
	Approve         bool // at once
	By              string
}

// AutomaticApproval is who decided an order that the operator need not see.
const AutomaticApproval = "automatic approval"

// errOrdered says that the same form was sent before.
var errOrdered = errors.New("ordered before")

// PlaceOrder writes an order down, with all that it makes. again: the same form
// was sent before, and the order is that of then.
func (s *Store) PlaceOrder(ctx context.Context, n NewOrder) (o Order, again bool, err error) {
	ids, err := newIDs(connector.OrderPrefix, connector.OrganizationPrefix, connector.SubscriptionPrefix)
	if err != nil {
		return o, false, err
	}
	err = s.change(ctx, auditNote{by: n.By, action: "order.place", object: ids[0]}, func(ctx context.Context, c *change) error {
		o, err = s.place(ctx, c, n, ids)
		return err
	})
	if errors.Is(err, errOrdered) {
		return o, true, nil
	}
	return o, false, err
}

func (s *Store) place(ctx context.Context, c *change, n NewOrder, ids []string) (o Order, err error) {
	if n.Organization, err = s.orderer(ctx, c, n, connector.OrganizationID(ids[1])); err != nil {
		return o, err
	}
	form := strings.Join([]string{n.Form, string(n.Subscription), strconv.Itoa(bit(n.Trial))}, " ")
	o, err = c.order(ctx, q(orderByForm, c.note.organization, form))
	switch {
	case err == nil:
		return o, errOrdered
	case !errors.Is(err, ErrNotFound):
		return o, err
	}
	plan, p, err := c.plan(ctx, n.Plan)
	if err != nil {
		return o, err
	}
	o = Order{
		ID: connector.OrderID(ids[0]), State: OrderRequested, Organization: n.Organization, PlanID: p.ID, Plan: p.Name,
		Contact: n.Contact, Billing: n.Billing, OrderedBy: n.By, Created: s.Now(),
	}
	var sub Subscription
	if sub, o.Kind, err = s.ordered(ctx, c, n, p, ids[2]); err != nil {
		return o, err
	}
	o.Subscription, o.InstanceName, o.OrganizationName = sub.ID, sub.InstanceName, sub.OrganizationName
	c.note.detail = fmt.Sprintf("%s %s %s", o.Kind, p.Name, sub.InstanceName)
	err = c.tx.one(ctx, q(insertOrder, ids[0], form, c.note.organization, sub.Row, plan, int64(o.Kind), int64(o.State), o.Contact.FirstName, o.Contact.LastName,
		o.Contact.Email, o.Billing.Company, o.Billing.Email, o.Billing.Reference, o.OrderedBy, micros(o.Created)), &o.row)
	switch {
	case err != nil:
		return o, err
	case n.Approve:
		return o, s.approve(ctx, c, &o, AutomaticApproval)
	}
	return o, s.tell(ctx, c, &o)
}

// tell writes the notice of how far an order has come. Whoever enables a trial sees that at once.
func (s *Store) tell(ctx context.Context, c *change, o *Order) error {
	n := NewNotice{Kind: connector.NoticeOrderPlaced, Subscription: o.Subscription, Organization: o.Organization, Detail: o.Plan}
	switch {
	case o.Kind == OrderTrial:
		return nil
	case o.State == OrderRequested: // the operator's
		n.Organization, n.Detail = "", o.OrganizationName+": "+o.Plan
	case o.State == OrderApproved:
		n.Kind = connector.NoticeOrderConfirmed
	default:
		n.Kind, n.Detail = connector.NoticeOrderDeclined, o.Reason
	}
	n.Event = string(n.Kind) + " " + string(o.ID)
	_, err := c.tx.exec(ctx, n.statement(s.Now()))
	return err
}

const (
	lockPerson         = `UPDATE person SET id = id WHERE public_id = $1`
	administeredFirst  = `SELECT o.public_id FROM member m JOIN person p ON p.id = m.person JOIN organization o ON o.id = m.organization WHERE p.public_id = $1 AND m.role = 2 AND o.erased_at = 0 ORDER BY o.id LIMIT 1`
	anySubscriptionKey = `SELECT instance_key FROM subscription WHERE organization = $1`
	hadTrial           = `SELECT 1 FROM orders WHERE organization = $1 AND kind = 1 UNION SELECT 1 FROM subscription s JOIN plan p ON p.id = s.plan WHERE s.organization = $1 AND p.trial = 1 LIMIT 1`
	openOrderOf        = `SELECT 1 FROM orders WHERE subscription = $1 AND state = 1`
	insertOrder        = `
INSERT INTO orders (public_id, form, organization, subscription, plan, kind, state, first_name, last_name, email, company, billing_email, reference, ordered_by, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING id`
	lockOrdered = `UPDATE subscription SET id = id WHERE id = (SELECT subscription FROM orders WHERE public_id = $1)`
	closeOrders = `UPDATE orders SET state = 3, reason = 'The subscription was cancelled.', decided_by = $2, decided_at = $3 WHERE subscription = $1 AND state = 1`
	decideOrder = `UPDATE orders SET state = $2, reason = $3, decided_by = $4, decided_at = $5 WHERE id = $1`
)

// orderer is the organization that orders, locked so that its orders come one
// after the other; it is made where a new person has none.
func (s *Store) orderer(ctx context.Context, c *change, n NewOrder, fresh connector.OrganizationID) (id connector.OrganizationID, err error) {
	id = n.Organization
	if id == "" {
		if _, err := c.tx.exec(ctx, q(lockPerson, string(n.Person))); err != nil {
			return "", fmt.Errorf("lock person: %w", err)
		}
		err := c.tx.one(ctx, q(administeredFirst, string(n.Person)), &id)
		if errors.Is(err, ErrNotFound) {
			return fresh, s.found(ctx, c, n, fresh)
		}
		if err != nil {
			return "", err
		}
	}
	if _, err := c.tx.exec(ctx, q(lockOrganization, string(id))); err != nil {
		return "", fmt.Errorf("lock organization: %w", err)
	}
	c.note.organization, _, err = c.organization(ctx, id)
	return id, err
}

// found makes the organization of somebody new, who becomes its admin.
func (s *Store) found(ctx context.Context, c *change, n NewOrder, id connector.OrganizationID) error {
	person, _, err := c.person(ctx, n.Person)
	if err != nil {
		return err
	}
	if c.note.organization, err = c.createOrganization(ctx, Organization{ID: id, Name: n.NewOrganization, Created: s.Now()}); err != nil {
		return err
	}
	_, err = c.tx.exec(ctx, q(insertMembership, c.note.organization, person, int64(connector.RoleAdmin), micros(s.Now())))
	return err
}

// ordered finds the subscription that an order is for, or makes it.
func (s *Store) ordered(ctx context.Context, c *change, n NewOrder, p Plan, fresh string) (sub Subscription, kind OrderKind, err error) {
	if n.Subscription != "" {
		return s.reordered(ctx, c, n, p)
	}
	kind = OrderNew
	if n.Trial {
		kind = OrderTrial
		var one int
		if err := c.tx.one(ctx, q(hadTrial, c.note.organization), &one); !errors.Is(err, ErrNotFound) {
			return sub, kind, errors.Join(err, connector.Errorf(connector.Conflict,
				"Your organization had its free trial of this service: there is one for each organization. Subscribe to go on: keys and Webhook IDs of the trial stay."))
		}
	}
	name, err := c.freeInstanceName(ctx, n.Organization)
	if err != nil {
		return sub, kind, err
	}
	sub, err = s.subscribe(ctx, c, fresh, NewSubscription{Organization: n.Organization, Plan: string(p.ID), InstanceName: name, Contact: n.Contact, Requested: true})
	return sub, kind, err
}

// reordered is the subscription that gets another plan or a further term.
func (s *Store) reordered(ctx context.Context, c *change, n NewOrder, p Plan) (sub Subscription, kind OrderKind, err error) {
	organization := c.note.organization
	if sub, err = c.subscription(ctx, n.Subscription); err != nil {
		return sub, 0, err
	}
	if c.note.organization != organization {
		return sub, 0, noSubscription(n.Subscription)
	}
	var one int
	if err := c.tx.one(ctx, q(openOrderOf, sub.Row), &one); !errors.Is(err, ErrNotFound) {
		return sub, 0, errors.Join(err, connector.Errorf(connector.Conflict, "An order for %q waits for approval already. Ask who runs this service about it.", sub.InstanceName))
	}
	kind = OrderChange
	if p.Name == sub.Plan {
		kind = OrderRenewal
	}
	if kind == OrderRenewal && sub.Valid(s.Now()) && sub.Expires.IsZero() {
		return sub, 0, connector.Invalid("/plan", "%q has the plan %s already, without an end. Choose another plan.", sub.InstanceName, p.Name)
	}
	return sub, kind, nil
}

// freeInstanceName is the organization's name, with a number where that is taken.
func (c *change) freeInstanceName(ctx context.Context, id connector.OrganizationID) (string, error) {
	row, name, err := c.organization(ctx, id)
	if err != nil {
		return "", err
	}
	taken := map[string]bool{}
	err = c.tx.each(ctx, q(anySubscriptionKey, row), func(rows *sql.Rows) error {
		var key string
		err := rows.Scan(&key)
		taken[key] = true
		return err
	})
	free := name
	for i := 2; taken[fold(free)]; i++ {
		free = name + " " + strconv.Itoa(i)
	}
	return free, err
}

// approve makes the subscription follow its order. A further term begins where
// the one before ends, another plan at once.
func (s *Store) approve(ctx context.Context, c *change, o *Order, by string) error {
	sub, err := c.subscription(ctx, o.Subscription)
	if err != nil {
		return err
	}
	plan, p, err := c.plan(ctx, string(o.PlanID))
	if err != nil {
		return err
	}
	from := s.Now()
	if sub.Status == StatusRequested {
		sub.Starts = from
	}
	if o.Kind == OrderRenewal && sub.Valid(from) {
		from = sub.Expires
	}
	if o.Kind != OrderRenewal {
		sub.follow(p)
	}
	sub.Status, sub.Expires = StatusActive, endOfTerm(from, p)
	if o.Contact.Email != "" {
		sub.Contact = o.Contact
	}
	if err := s.saveSubscription(ctx, c, &sub, plan); err != nil {
		return err
	}
	return s.decided(ctx, c, o, OrderApproved, by)
}

// decided writes down what became of an order.
func (s *Store) decided(ctx context.Context, c *change, o *Order, state OrderState, by string) error {
	o.State, o.DecidedBy, o.Decided = state, by, s.Now()
	if _, err := c.tx.exec(ctx, q(decideOrder, o.row, int64(state), o.Reason, by, micros(o.Decided))); err != nil {
		return fmt.Errorf("write what became of an order: %w", err)
	}
	return s.tell(ctx, c, o)
}

// OrderDecision says what becomes of an order.
type OrderDecision struct {
	Order   connector.OrderID
	Approve bool
	Reason  string // of a refusal, for those who ordered
	By      string
}

// DecideOrder approves or refuses an order that waits for it.
func (s *Store) DecideOrder(ctx context.Context, d OrderDecision) (o Order, err error) {
	action := map[bool]string{true: "order.approve", false: "order.refuse"}[d.Approve]
	err = s.change(ctx, auditNote{by: d.By, action: action, object: string(d.Order)}, func(ctx context.Context, c *change) error {
		if _, err := c.tx.exec(ctx, q(lockOrdered, string(d.Order))); err != nil {
			return fmt.Errorf("lock the subscription of an order: %w", err)
		}
		if o, err = c.order(ctx, q(orderByID, string(d.Order))); errors.Is(err, ErrNotFound) {
			return connector.NoSuch("order", string(d.Order))
		} else if err != nil {
			return err
		}
		sub, err := c.subscription(ctx, o.Subscription)
		if err != nil {
			return err
		}
		if o.State != OrderRequested {
			return connector.Errorf(connector.Conflict, "This order was %s already, by %s.", o.State, o.DecidedBy)
		}
		c.note.detail = fmt.Sprintf("%s %s %s", o.Kind, o.Plan, o.InstanceName)
		if d.Approve {
			return s.approve(ctx, c, &o, d.By)
		}
		o.Reason = d.Reason
		if err := s.decided(ctx, c, &o, OrderRefused, d.By); err != nil || sub.Status != StatusRequested {
			return err
		}
		plan, _, err := c.plan(ctx, string(o.PlanID))
		if err != nil {
			return err
		}
		sub.Status = StatusCancelled
		return s.saveSubscription(ctx, c, &sub, plan)
	})
	return o, err
}
