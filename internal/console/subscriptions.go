package console

import (
	"net/http"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// subscriptions lists what the person's organizations have subscribed to.
func (c *Console) subscriptions(v *visit) error {
	all, err := c.desk.SubscriptionsFor(v.r.Context(), v.session.Actor)
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, page{title: "Subscriptions", tab: "subscriptions"}, subscriptionsPage(v, all))
}

// shownWaiting is how many webhooks are named before a pair of keys is deleted.
const shownWaiting = 10

// dashboard is what the service management dashboard shows.
type dashboard struct {
	sub  admin.SubscriptionRow
	keys []admin.KeysRow
	// mayLicense: the person may make and delete keys, and name the instance.
	mayLicense bool
	// add: the form for new keys is open; rename: that for the instance's name; cancel: the question whether to end it all.
	add, rename, cancel bool
	form                form
	// made are keys that were made just now, with their secret; nil: none were.
	made *admin.Keys
	// deleting is the pair that the person is asked about; nil: none.
	deleting *admin.DeletedKeys
}

func (c *Console) subscription(v *visit) error {
	d, err := c.dashboard(v)
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	d.add, d.rename, d.cancel = q.Get("create") == "keys", q.Get("rename") != "", q.Get("cancel") != ""
	if id := connector.KeysID(q.Get("delete")); id != "" {
		if d.deleting, err = c.desk.DeletingKeys(v.r.Context(), v.session.Actor, d.sub.ID, id); err != nil {
			return err
		}
	}
	if d.rename {
		d.form.values["instanceName"] = d.sub.InstanceName
	}
	return v.dashboard(http.StatusOK, d)
}

func (v *visit) dashboard(status int, d dashboard) error {
	return v.show(status, page{title: d.sub.InstanceName, tab: "subscriptions"}, dashboardPage(v, d))
}

func (c *Console) dashboard(v *visit) (d dashboard, err error) {
	id := connector.SubscriptionID(v.r.PathValue("id"))
	if d.sub, err = c.desk.Subscription(v.r.Context(), v.session.Actor, id); err != nil {
		return d, err
	}
	d.form = v.typed("name", "instanceName")
	d.form.values["notify"] = strings.Join(d.sub.Notify, "\n")
	d.mayLicense = v.session.Actor.May(connector.RightLicense, d.sub.Organization, d.sub.ID)
	if d.mayLicense {
		d.keys, err = c.desk.KeysOf(v.r.Context(), v.session.Actor, id)
	}
	return d, err
}

// createKeys answers with the page itself and not with a redirect: the secret is shown once, and nowhere kept.
func (c *Console) createKeys(v *visit) error {
	id := connector.SubscriptionID(v.r.PathValue("id"))
	made, failed := c.desk.CreateKeys(v.r.Context(), v.session.Actor, admin.KeysRequest{Subscription: id, Name: v.field("name")})
	d, err := c.dashboard(v)
	if err != nil {
		return err
	}
	if failed != nil {
		if err := d.form.take(failed); err != nil {
			return err
		}
		d.add = true
		return v.dashboard(http.StatusUnprocessableEntity, d)
	}
	d.made = &made
	return v.dashboard(http.StatusOK, d)
}

func (c *Console) deleteKeys(v *visit) error {
	sub := connector.SubscriptionID(v.r.PathValue("id"))
	gone, err := c.desk.DeleteKeysByID(v.r.Context(), v.session.Actor, sub, connector.KeysID(v.r.PathValue("keys")))
	if err != nil {
		return err
	}
	waiting := 0
	for _, w := range gone.Waiting {
		waiting += w.Waiting
	}
	said := "The keys “" + gone.Name + "” are deleted: they are refused from now on."
	if waiting > 0 {
		said += " " + many(waiting, "message that was", "messages that were") + " accepted under them still go out."
	}
	return v.done("/subscriptions/"+string(sub), said)
}

func (c *Console) renameInstance(v *visit) error {
	id := connector.SubscriptionID(v.r.PathValue("id"))
	name := v.field("instanceName")
	_, failed := c.desk.ChangeSubscription(v.r.Context(), v.session.Actor, admin.SubscriptionChange{Subscription: id, InstanceName: &name})
	if failed == nil {
		return v.done("/subscriptions/"+string(id), "The instance is called “"+name+"” now.")
	}
	d, err := c.dashboard(v)
	if err != nil {
		return err
	}
	if err := d.form.take(failed); err != nil {
		return err
	}
	d.rename = true
	return v.dashboard(http.StatusUnprocessableEntity, d)
}

// statusClass is the colour of a subscription's status.
func statusClass(s admin.SubscriptionRow) string {
	switch s.StatusNow(time.Now()).String() {
	case "active":
		return "ok"
	case "requested":
		return "throttled"
	}
	return "failing"
}

// contactName is the Technical Contact as people read it.
func contactName(c admin.Contact) string {
	switch {
	case c == admin.Contact{}:
		return "nobody yet"
	case c.FirstName == "" && c.LastName == "":
		return c.Email
	}
	return c.FirstName + " " + c.LastName
}

// planWord says whether a plan is tried or paid for.
func planWord(trial bool) string {
	if trial {
		return "Trial"
	}
	return "Paid"
}

// administers is the organization if the person is its admin; else empty.
func (v *visit) administers(id connector.OrganizationID) connector.OrganizationID {
	if v.session.Actor.Roles[id] == connector.RoleAdmin {
		return id
	}
	return ""
}
