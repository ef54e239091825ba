package api

import (
	"context"
	"net/http"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func (a *API) orderRoutes() []route {
	const all, one, of = "/api/v1/orders", "/api/v1/orders/{id}", "/api/v1/organizations/{id}/orders"
	return []route{
		{method: http.MethodGet, path: all, id: "listOrders", summary: "List the orders of all organizations, the newest first", right: connector.RightOperate, typed: typed(a.listOrders)},
		{method: http.MethodGet, path: of, id: "listOrdersOf", summary: "List the orders of an organization, the newest first", right: connector.RightLicense, typed: typed(a.listOrdersOf)},
		{
			method: http.MethodPost, path: of, id: "createOrder",
			summary: "Order a subscription, another plan for one that exists, or a further term: keys and Webhook IDs stay", right: connector.RightLicense, typed: typed(a.createOrder),
		},
		{method: http.MethodGet, path: one, id: "readOrder", summary: "Read an order", right: connector.RightLicense, typed: typed(a.readOrder)},
		{
			method: http.MethodPost, path: one + "/approve", id: "approveOrder", summary: "Approve an order that waits: its subscription follows it",
			right: connector.RightOperate, typed: typed(a.approveOrder),
		},
		{
			method: http.MethodPost, path: one + "/refuse", id: "refuseOrder", summary: "Refuse an order that waits, and say why",
			right: connector.RightOperate, typed: typed(a.refuseOrder),
		},
	}
}

// billing is the billing account of an order.
type billing struct {
	Company   string `json:"company"`
	Email     string `json:"email"`
	Reference string `json:"reference,omitempty" doc:"the order reference"`
}

// order is what an organization asked for.
type order struct {
	ID               connector.OrderID        `json:"id"`
	Kind             string                   `json:"kind" enum:"trial,new,change,renewal"`
	Status           string                   `json:"status" enum:"requested,approved,refused"`
	Organization     connector.OrganizationID `json:"organization"`
	Subscription     connector.SubscriptionID `json:"subscription" doc:"made or changed by it"`
	Plan             string                   `json:"plan"`
	TechnicalContact contact                  `json:"technicalContact"`
	Billing          *billing                 `json:"billing,omitempty" doc:"absent: of a trial"`
	OrderedBy        string                   `json:"orderedBy"`
	CreatedAt        string                   `json:"createdAt" format:"date-time"`
	DecidedBy        string                   `json:"decidedBy,omitempty"`
	DecidedAt        *string                  `json:"decidedAt" format:"date-time" doc:"null: it waits"`
	Reason           string                   `json:"reason,omitempty" doc:"why it was refused"`
}

func orderItem(o admin.Order) order {
	item := order{
		ID: o.ID, Kind: o.Kind.String(), Status: o.State.String(), Organization: o.Organization, Subscription: o.Subscription, Plan: o.Plan,
		TechnicalContact: contact(o.Contact), OrderedBy: o.OrderedBy, CreatedAt: stamp(o.Created), DecidedBy: o.DecidedBy, DecidedAt: optional(o.Decided), Reason: o.Reason,
	}
	if o.Billing != (admin.Billing{}) {
		item.Billing = new(billing(o.Billing))
	}
	return item
}

// OrderQuery chooses orders.
type OrderQuery struct {
	Paging

	Status string `query:"status" enum:"requested,approved,refused" doc:"only these"`
}

func (a *API) listOrders(ctx context.Context, who connector.Actor, in *OrderQuery) (*listed[order], error) {
	return a.orders(ctx, who, "", in)
}

type listOrdersInput struct {
	OrganizationPath
	OrderQuery
}

func (a *API) listOrdersOf(ctx context.Context, who connector.Actor, in *listOrdersInput) (*listed[order], error) {
	return a.orders(ctx, who, in.ID, &in.OrderQuery)
}

func (a *API) orders(ctx context.Context, who connector.Actor, of connector.OrganizationID, in *OrderQuery) (*listed[order], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	state, _ := admin.ParseOrderState(in.Status) // one of them, by the enum
	list, err := a.desk.Orders(ctx, who, admin.OrderFilter{Organization: of, State: state}, page)
	if err != nil {
		return nil, err
	}
	return asList(list, orderItem), nil
}

type createOrderInput struct {
	OrganizationPath

	Body struct {
		Plan             string                    `json:"plan" doc:"id or name"`
		Subscription     *connector.SubscriptionID `json:"subscription,omitempty" doc:"to change or renew; a new one when left out"`
		TechnicalContact contact                   `json:"technicalContact"`
		Billing          billing                   `json:"billing"`
		OrderKey         string                    `json:"orderKey" minLength:"1" maxLength:"80" doc:"your own for each order: repeated, it is the first order again"`
	}
}

func (a *API) createOrder(ctx context.Context, who connector.Actor, in *createOrderInput) (*made[order], error) {
	b := &in.Body
	r := admin.OrderRequest{
		Form: "api " + b.OrderKey, Organization: in.ID, Plan: b.Plan, Contact: *b.TechnicalContact.row(), Billing: admin.Billing(b.Billing),
	}
	if b.Subscription != nil {
		r.Subscription = *b.Subscription
	}
	o, err := a.desk.PlaceOrder(ctx, who, r)
	if err != nil {
		return nil, err
	}
	return &made[order]{Location: "/api/v1/orders/" + string(o.ID), Body: orderItem(o)}, nil
}

// OrderPath names the order.
type OrderPath struct {
	ID connector.OrderID `path:"id"`
}

func (a *API) readOrder(ctx context.Context, who connector.Actor, in *OrderPath) (*one[order], error) {
	o, err := a.desk.Order(ctx, who, in.ID)
	return orderAnswer(o, err)
}

func orderAnswer(o admin.Order, err error) (*one[order], error) {
	if err != nil {
		return nil, err
	}
	return &one[order]{Body: orderItem(o)}, nil
}

func (a *API) approveOrder(ctx context.Context, who connector.Actor, in *OrderPath) (*one[order], error) {
	o, err := a.desk.DecideOrder(ctx, who, in.ID, true, "")
	return orderAnswer(o, err)
}

type refuseOrderInput struct {
	OrderPath

	Body struct {
		Reason string `json:"reason" doc:"those who ordered read it"`
	}
}

func (a *API) refuseOrder(ctx context.Context, who connector.Actor, in *refuseOrderInput) (*one[order], error) {
	o, err := a.desk.DecideOrder(ctx, who, in.ID, false, in.Body.Reason)
	return orderAnswer(o, err)
}
