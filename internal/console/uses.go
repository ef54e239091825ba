package console

import (
	"net/http"
	"net/url"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

const usesPath = "/operate/subscriptions"

// usesView is what the operator's list of subscriptions shows.
type usesView struct {
	list  connector.List[admin.SubscriptionUse]
	query url.Values
}

// path leads to the same part of the list.
func (u *usesView) path(change ...string) string {
	return withQuery(usesPath, u.query, []string{"q", "status", "cursor"}, change...)
}

// useStates are what the list can be narrowed to: the API's word, and what people read.
func useStates() [][2]string {
	return [][2]string{{"", "All"}, {"active", "Active"}, {"requested", "Requested"}, {"expired", "Expired"}, {"cancelled", "Cancelled"}}
}

func (c *Console) allSubscriptions(v *visit) (err error) {
	u := usesView{query: v.r.URL.Query()}
	u.list, err = c.desk.SubscriptionUses(v.r.Context(), v.session.Actor, u.query.Get("status"), u.query.Get("q"),
		connector.Page{After: u.query.Get("cursor"), Limit: shownTenants})
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, page{title: "Subscriptions of all organizations", tab: "operate", part: "subscriptions"}, usesPage(v, u))
}

// used writes what is used of a quota.
func used(n, quota int) string {
	if quota == 0 {
		return count(n)
	}
	return count(n) + " of " + count(quota)
}
