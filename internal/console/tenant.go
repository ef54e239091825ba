package console

import (
	"net/http"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// tenantView is what the operator's page of an organization shows.
type tenantView struct {
	admin.Tenant
	subs   []admin.SubscriptionRow
	plans  []admin.Plan
	dialog string // which is open: rename, suspend, erase, subscribe
	form   form
}

func (t *tenantView) path() string { return "/operate/organizations/" + string(t.ID) }

func (c *Console) tenant(v *visit) error {
	t, err := c.tenantOf(v)
	if err != nil {
		return err
	}
	t.dialog = v.r.URL.Query().Get("dialog")
	t.form.values["name"] = t.Name
	return v.tenant(http.StatusOK, t)
}

func (v *visit) tenant(status int, t tenantView) error {
	return v.show(status, page{title: t.Name, tab: "operate", part: "organizations"}, tenantPage(v, t))
}

func (c *Console) tenantOf(v *visit) (t tenantView, err error) {
	ctx, who := v.r.Context(), v.session.Actor
	t.form = v.typed("name", "confirm", "plan", "instanceName", "technicalContact.firstName", "technicalContact.lastName", "technicalContact.email")
	if t.Tenant, err = c.desk.Tenant(ctx, who, v.organization()); err != nil {
		return t, err
	}
	page := connector.Page{Limit: maxListed}
	subs, err := c.desk.SubscriptionsOf(ctx, who, t.ID, page)
	if err != nil {
		return t, err
	}
	t.subs = subs.Items
	plans, err := c.desk.Plans(ctx, who, page)
	t.plans = plans.Items
	return t, err
}

// organization is the one that the path names.
func (v *visit) organization() connector.OrganizationID {
	return connector.OrganizationID(v.r.PathValue("id"))
}

// tenantFailed shows the dialog again, with the error beside its field.
func (c *Console) tenantFailed(v *visit, dialog string, failed error) error {
	t, err := c.tenantOf(v)
	if err != nil {
		return err
	}
	if err := t.form.take(failed); err != nil {
		return err
	}
	t.dialog = dialog
	return v.tenant(http.StatusUnprocessableEntity, t)
}

func (c *Console) renameTenant(v *visit) error {
	name := v.field("name")
	changed, err := c.desk.ChangeOrganization(v.r.Context(), v.session.Actor, admin.OrganizationChange{Organization: v.organization(), Name: &name})
	if err != nil {
		return c.tenantFailed(v, "rename", err)
	}
	return v.done("/operate/organizations/"+string(changed.ID), "It is called “"+changed.Name+"” now.")
}

// suspendTenant stops an organization from sending, or lets it go on.
func (c *Console) suspendTenant(v *visit) error {
	stop := v.field("suspend") != ""
	changed, err := c.desk.ChangeOrganization(v.r.Context(), v.session.Actor, admin.OrganizationChange{Organization: v.organization(), Suspended: &stop})
	if err != nil {
		return err
	}
	said := "“" + changed.Name + "” may send again."
	if stop {
		said = "“" + changed.Name + "” is suspended: its apps are refused within one second."
	}
	return v.done("/operate/organizations/"+string(changed.ID), said)
}

func (c *Console) eraseTenant(v *visit) error {
	if err := c.desk.EraseOrganization(v.r.Context(), v.session.Actor, v.organization(), v.field("confirm")); err != nil {
		return c.tenantFailed(v, "erase", err)
	}
	return v.done("/operate/organizations", "The organization is erased.")
}

func (c *Console) subscribeTenant(v *visit) error {
	sub, err := c.desk.CreateSubscription(v.r.Context(), v.session.Actor, admin.SubscriptionRequest{
		Organization: v.organization(), Plan: v.field("plan"), InstanceName: v.field("instanceName"),
		Contact: v.contact(),
	})
	if err != nil {
		return c.tenantFailed(v, "subscribe", err)
	}
	return v.done("/operate/organizations/"+string(sub.Organization), "The subscription “"+sub.InstanceName+"” is active.")
}

func (c *Console) exportTenant(v *visit) error {
	return c.export(v.r.Context(), v.session.Actor, v.organization(), v.w, func() {
		h := v.w.Header()
		h.Set("Content-Type", "application/x-ndjson")
		h.Set("Content-Disposition", `attachment; filename="`+string(v.organization())+`.ndjson"`)
	})
}

// contact is the Technical Contact that a form names.
func (v *visit) contact() admin.Contact {
	return admin.Contact{
		FirstName: v.field("technicalContact.firstName"), LastName: v.field("technicalContact.lastName"), Email: v.field("technicalContact.email"),
	}
}
