package console

import (
	"net/http"
	"net/url"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// shownTenants is how many organizations or other rows one of the operator's pages shows.
const shownTenants = 50

// operatorParts are the operator's pages, in the order of their navigation.
var operatorParts = [...]struct{ name, path, label string }{
	{"organizations", "/operate/organizations", "Organizations"},
	{"subscriptions", usesPath, "Subscriptions"},
	{"orders", ordersPath, "Orders"},
	{"plans", plansPath, "Plans"},
	{"health", "/operate/health", "Health"},
	{"nodes", "/nodes", "Nodes"},
	{"outbox", "/operate/outbox", "Outbox"},
	{"audit", "/audit", "Audit log"},
	{"settings", "/operate/settings", "Settings"},
}

// tenantsView is what the list of organizations shows.
type tenantsView struct {
	list  connector.List[admin.Tenant]
	query url.Values
	add   bool // the form for a new one is open
	form  form
	// link is where the first admin of one made just now chooses a password: shown once.
	link, about string
}

// path leads to the same part of the list.
func (t *tenantsView) path(change ...string) string {
	return withQuery("/operate/organizations", t.query, []string{"q", "cursor"}, change...)
}

// withQuery is a path with those parameters of a query that are kept; change
// holds names and new values, of which an empty one takes the parameter out.
func withQuery(path string, query url.Values, keep []string, change ...string) string {
	q := url.Values{}
	for _, name := range keep {
		if v := query.Get(name); v != "" {
			q.Set(name, v)
		}
	}
	for i := 0; i+1 < len(change); i += 2 {
		q.Del(change[i])
		if change[i+1] != "" {
			q.Set(change[i], change[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

func (c *Console) operate(v *visit) error { return v.redirect("/operate/organizations") }

func (c *Console) tenants(v *visit) error {
	t, err := c.tenantsOf(v)
	if err != nil {
		return err
	}
	t.add = t.query.Get("add") != ""
	return v.tenants(http.StatusOK, t)
}

func (c *Console) tenantsOf(v *visit) (t tenantsView, err error) {
	t = tenantsView{query: v.r.URL.Query(), form: v.typed("name", "adminEmail")}
	t.list, err = c.desk.Tenants(v.r.Context(), v.session.Actor, t.query.Get("q"), connector.Page{After: t.query.Get("cursor"), Limit: shownTenants})
	return t, err
}

func (v *visit) tenants(status int, t tenantsView) error {
	return v.show(status, page{title: "Organizations", tab: "operate", part: "organizations"}, tenantsPage(v, t))
}

func (c *Console) createTenant(v *visit) error {
	made, failed := c.desk.CreateOrganization(v.r.Context(), v.session.Actor, admin.OrganizationRequest{Name: v.field("name"), AdminEmail: v.field("adminEmail")})
	if failed == nil && made.AdminLink.Empty() {
		return v.done("/operate/organizations/"+string(made.ID), "The organization “"+made.Name+"” is made.")
	}
	t, err := c.tenantsOf(v)
	if err != nil {
		return err
	}
	if failed != nil {
		if err := t.form.take(failed); err != nil {
			return err
		}
		t.add = true
		return v.tenants(http.StatusUnprocessableEntity, t)
	}
	t.link, t.about = v.absolute("/link/"+made.AdminLink.Reveal()), v.field("adminEmail")
	return v.tenants(http.StatusOK, t)
}

// findView is what the search for an id shows.
type findView struct {
	found admin.Found
	form  form
}

func findingPage() page { return page{title: "Find", tab: "operate", part: "find"} }

// foundPath leads to the page of what was found; empty: it has none.
func foundPath(f admin.Found) string {
	switch f.Kind {
	case "organization":
		return "/operate/organizations/" + f.ID
	case "subscription":
		return "/subscriptions/" + f.ID
	case "webhook":
		return "/webhooks/" + f.ID
	case "message":
		return "/messages/" + f.ID
	}
	return ""
}

// find leads to the page of what an id names, or says what it is and whose. It
// is asked by POST: what is pasted may be a secret, and no address should hold it.
func (c *Console) find(v *visit) error {
	found, err := c.desk.Find(v.r.Context(), v.session.Actor, v.field("q"))
	if err != nil {
		view := findView{form: v.typed()}
		if err := view.form.take(err); err != nil {
			return err
		}
		return v.show(http.StatusUnprocessableEntity, findingPage(), findPage(v, view))
	}
	if path := foundPath(found); path != "" && found.Ended.IsZero() {
		return v.redirect(path)
	}
	return v.redirect("/operate/find?id=" + url.QueryEscape(found.ID))
}

func (c *Console) found(v *visit) error {
	view := findView{form: v.typed()}
	if id := v.r.URL.Query().Get("id"); id != "" {
		var err error
		if view.found, err = c.desk.Find(v.r.Context(), v.session.Actor, id); err != nil {
			return err
		}
	}
	return v.show(http.StatusOK, findingPage(), findPage(v, view))
}

func (c *Console) health(v *visit) error {
	h, err := c.desk.Health(v.r.Context(), v.session.Actor)
	if err != nil {
		return err
	}
	var free uint64
	if c.free != nil {
		if free, err = c.free(); err != nil {
			return err
		}
	}
	return v.show(http.StatusOK, page{title: "Health", tab: "operate", part: "health"}, healthPage(v, h, free))
}

// span is a length of time as people read it: its two largest units.
func span(d time.Duration) string {
	day := 24 * time.Hour
	switch {
	case d < time.Minute:
		return many(int(d.Seconds()), "second", "seconds")
	case d < time.Hour:
		return many(int(d.Minutes()), "minute", "minutes")
	case d < day:
		return many(int(d.Hours()), "hour", "hours") + " " + many(int(d.Minutes())%60, "minute", "minutes")
	}
	return many(int(d/day), "day", "days") + " " + many(int(d%day/time.Hour), "hour", "hours")
}

// bytesWord is a size as people read it.
func bytesWord(n uint64) string {
	for _, unit := range []struct {
		size uint64
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= unit.size {
			return count(int(n/unit.size)) + " " + unit.name
		}
	}
	return count(int(n)) + " bytes"
}

// foundWord is the kind of what was found as people read it.
func foundWord(kind string) string {
	switch kind {
	case "organization":
		return "Organization"
	case "subscription":
		return "Subscription"
	case "keys":
		return "Binding keys"
	case "webhook":
		return "Webhook"
	case "message":
		return "Message"
	case "person":
		return "Person"
	case "token":
		return "Token"
	}
	return "Plan"
}

// foundEnd is how a kind of thing ends.
func foundEnd(kind string) string {
	switch kind {
	case "organization":
		return "Erased"
	case "person":
		return "Removed"
	case "token":
		return "Revoked"
	}
	return "Deleted"
}
