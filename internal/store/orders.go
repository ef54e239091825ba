package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// OrderKind is what an order asks for.
type OrderKind int

// The kinds of orders. The numbers are stored.
const (
	OrderTrial   OrderKind = iota + 1 // a trial, which needs nobody's approval
	OrderNew                          // a subscription
	OrderChange                       // another plan for a subscription that exists
	OrderRenewal                      // a further term under the same plan
)

// String returns the word for the kind that API and audit share.
func (k OrderKind) String() string {
	return [...]string{"unknown", "trial", "new", "change", "renewal"}[max(0, min(int(k), 4))]
}

// OrderState is how far an order has come.
type OrderState int

// The states of an order. The numbers are stored.
const (
	OrderRequested OrderState = iota + 1 // it waits for the operator
	OrderApproved                        // the subscription follows it
	OrderRefused                         // it came to nothing
)

func orderStates() []string { return []string{"", "requested", "approved", "refused"} }

// String returns the word for the state that API and pages share.
func (s OrderState) String() string { return orderStates()[max(0, min(int(s), 3))] }

// ParseOrderState reads the word that String writes.
func ParseOrderState(word string) (OrderState, bool) {
	i := slices.Index(orderStates(), word)
	return OrderState(i), i > 0
}

// Billing is the billing account of an order; nothing is ever charged.
type Billing struct{ Company, Email, Reference string }

// Order is what an organization asked for.
type Order struct {
	ID               connector.OrderID
	Kind             OrderKind
	State            OrderState
	Organization     connector.OrganizationID
	OrganizationName string
	Subscription     connector.SubscriptionID // made or changed by it
	InstanceName     string
	PlanID           connector.PlanID
	Plan             string
	Contact          Contact
	Billing          Billing
	OrderedBy        string
	Created          time.Time
	DecidedBy        string // empty: nobody yet
	Decided          time.Time
	Reason           string // of a refusal

	row int64
}

const orderRow = `
SELECT r.id, r.public_id, r.kind, r.state, o.public_id, o.name, s.public_id, s.instance_name, p.public_id, p.name, r.first_name, r.last_name, r.email,
       r.company, r.billing_email, r.reference, r.ordered_by, r.created_at, r.decided_by, r.decided_at, r.reason
FROM orders r JOIN organization o ON o.id = r.organization JOIN subscription s ON s.id = r.subscription JOIN plan p ON p.id = r.plan `

const (
	orderByID    = orderRow + `WHERE r.public_id = $1`
	orderByForm  = orderRow + `WHERE r.organization = $1 AND r.form = $2`
	ordersBefore = orderRow + `
WHERE o.erased_at = 0 AND ($1 = '' OR r.public_id < $1) AND ($3 = 0 OR r.state = $3) AND ($4 = '' OR o.public_id = $4) AND ($5 = '' OR s.public_id = $5)
ORDER BY r.public_id DESC LIMIT $2`
)

func scanOrder(scan func(into ...any) error) (o Order, err error) {
	var created, decided int64
	err = scan(&o.row, &o.ID, &o.Kind, &o.State, &o.Organization, &o.OrganizationName, &o.Subscription, &o.InstanceName, &o.PlanID, &o.Plan,
		&o.Contact.FirstName, &o.Contact.LastName, &o.Contact.Email, &o.Billing.Company, &o.Billing.Email, &o.Billing.Reference,
		&o.OrderedBy, &created, &o.DecidedBy, &decided, &o.Reason)
	o.Created, o.Decided = fromMicros(created), fromMicros(decided)
	return o, err
}

// order reads an order inside a change.
func (c *change) order(ctx context.Context, by statement) (Order, error) {
	return scanOrder(func(into ...any) error { return c.tx.one(ctx, by, into...) })
}

// OrderFilter chooses orders; what is empty chooses all.
type OrderFilter struct {
	Organization connector.OrganizationID
	Subscription connector.SubscriptionID
	State        OrderState
}

// Orders returns orders, the newest first.
func (s *Store) Orders(ctx context.Context, f OrderFilter, page connector.Page) (connector.List[Order], error) {
	all, err := s.orders(ctx, q(ordersBefore, page.After, page.Limit+1, int64(f.State), string(f.Organization), string(f.Subscription)))
	return connector.Cut(all, page.Limit, func(o Order) string { return string(o.ID) }), err
}

// Order returns one order.
func (s *Store) Order(ctx context.Context, id connector.OrderID) (Order, error) {
	all, err := s.orders(ctx, q(orderByID, string(id)))
	if err == nil && len(all) == 0 {
		err = connector.NoSuch("order", string(id))
	}
	if err != nil {
		return Order{}, err
	}
	return all[0], nil
}

func (s *Store) orders(ctx context.Context, by statement) (all []Order, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, by, func(rows *sql.Rows) error {
			o, err := scanOrder(rows.Scan)
			all = append(all, o)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	return all, nil
}

const (
	ordersOfOrganization = `SELECT COUNT(*) FROM orders r JOIN organization o ON o.id = r.organization WHERE o.public_id = $1`
	trialOfOrganization  = `SELECT COUNT(*) FROM (SELECT r.id FROM orders r JOIN organization o ON o.id = r.organization WHERE o.public_id = $1 AND r.kind = 1
UNION ALL SELECT s.id FROM subscription s JOIN plan p ON p.id = s.plan JOIN organization o ON o.id = s.organization WHERE o.public_id = $1 AND p.trial = 1) x`
)

// OrderForm names the form that an organization gets now: two tabs with the same
// form place one order. tried: it had its trial.
func (s *Store) OrderForm(ctx context.Context, of connector.OrganizationID) (form string, tried bool, err error) {
	var orders, trials int
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		return errors.Join(
			c.one(ctx, q(ordersOfOrganization, string(of)), &orders),
			c.one(ctx, q(trialOfOrganization, string(of)), &trials),
		)
	})
	if err != nil {
		return "", false, fmt.Errorf("count orders: %w", err)
	}
	return strconv.Itoa(orders), trials > 0, nil
}
