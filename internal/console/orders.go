package console

import (
	"net/http"
	"net/url"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

const ordersPath = "/operate/orders"

// ordersView is what the operator's page of orders shows.
type ordersView struct {
	list  connector.List[admin.Order]
	query url.Values
	// decline is the order that the operator is asked about; nil: none.
	decline *admin.Order
	form    form
}

// path leads to the same part of the list.
func (o *ordersView) path(change ...string) string {
	return withQuery(ordersPath, o.query, []string{"state", "cursor"}, change...)
}

// orderStates are what the list can be narrowed to: the API's word, and what people read.
func orderStates() [][2]string {
	return [][2]string{{"requested", "Waiting"}, {"approved", "Approved"}, {"refused", "Declined"}, {"all", "All"}}
}

// state is the one that is shown.
func (o *ordersView) state() string { return nameOr(o.query.Get("state"), "requested") }

func (c *Console) orders(v *visit) error {
	o, err := c.ordersOf(v, connector.OrderID(v.r.URL.Query().Get("decline")))
	if err != nil {
		return err
	}
	return v.orders(http.StatusOK, o)
}

func (v *visit) orders(status int, o ordersView) error {
	return v.show(status, page{title: "Orders", tab: "operate", part: "orders"}, ordersPage(v, o))
}

func (c *Console) ordersOf(v *visit, declined connector.OrderID) (o ordersView, err error) {
	o = ordersView{query: v.r.URL.Query(), form: v.typed("reason")}
	state, _ := admin.ParseOrderState(o.state()) // what is no state chooses all
	o.list, err = c.desk.Orders(v.r.Context(), v.session.Actor, admin.OrderFilter{State: state}, connector.Page{After: o.query.Get("cursor"), Limit: shownTenants})
	if err != nil || declined == "" {
		return o, err
	}
	asked, err := c.desk.Order(v.r.Context(), v.session.Actor, declined)
	o.decline = &asked
	return o, err
}

func (c *Console) approveOrder(v *visit) error {
	o, err := c.decided(v, true)
	if err != nil {
		return settled(v, err)
	}
	return v.done(ordersPath, "Approved: “"+o.InstanceName+"” of "+o.OrganizationName+" is active under the plan "+o.Plan+". Its Technical Contact gets the confirmation.")
}

func (c *Console) declineOrder(v *visit) error {
	made, failed := c.decided(v, false)
	if failed == nil {
		return v.done(ordersPath, "Declined: those who ordered for "+made.OrganizationName+" are told why.")
	}
	if is(failed, connector.Conflict) {
		return settled(v, failed)
	}
	o, err := c.ordersOf(v, connector.OrderID(v.r.PathValue("id")))
	if err != nil {
		return err
	}
	if err := o.form.take(failed); err != nil {
		return err
	}
	return v.orders(http.StatusUnprocessableEntity, o)
}

func (c *Console) decided(v *visit, approve bool) (admin.Order, error) {
	return c.desk.DecideOrder(v.r.Context(), v.session.Actor, connector.OrderID(v.r.PathValue("id")), approve, v.field("reason"))
}

// settled says of an order that it was decided before: by a second click, or by a colleague.
func settled(v *visit, err error) error {
	if !is(err, connector.Conflict) {
		return err
	}
	return v.done(ordersPath, explain(err))
}

// orderKind is what an order asks for, as people read it.
func orderKind(o *admin.Order) string {
	return map[string]string{"trial": "Free trial", "new": "New subscription", "change": "Another plan", "renewal": "Renewal"}[o.Kind.String()]
}
