package console

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

const plansPath = "/operate/plans"

// plansView is what the operator's page of plans shows.
type plansView struct {
	all  []admin.Plan
	edit *admin.Plan // whose form is open; nil: none
	add  bool        // the form for a new one is open
	form form
}

func (c *Console) plans(v *visit) error {
	query := v.r.URL.Query()
	p, err := c.plansOf(v, connector.PlanID(query.Get("edit")))
	if err != nil {
		return err
	}
	p.add = query.Get("add") != ""
	switch plan := p.edit; {
	case p.add:
		p.form.values = map[string]string{"type": "paid", "webhookQuota": "0", "messageQuota": "0", "termMonths": "12"}
	case plan != nil:
		p.form.values = map[string]string{
			"name": plan.Name, "price": plan.Price, "type": planKind(plan.Trial), "webhookQuota": strconv.Itoa(plan.WebhookQuota),
			"messageQuota": strconv.Itoa(plan.MessageQuota), "termMonths": strconv.Itoa(plan.TermMonths), "version": strconv.FormatInt(plan.Version, 10),
		}
	}
	return v.plans(http.StatusOK, p)
}

func (v *visit) plans(status int, p plansView) error {
	return v.show(status, page{title: "Plans", tab: "operate", part: "plans"}, plansPage(v, p))
}

func (c *Console) plansOf(v *visit, edited connector.PlanID) (p plansView, err error) {
	p.form = v.typed("name", "price", "type", "webhookQuota", "messageQuota", "termMonths", "version")
	list, err := c.desk.Plans(v.r.Context(), v.session.Actor, connector.Page{Limit: maxListed})
	if err != nil || edited == "" {
		p.all = list.Items
		return p, err
	}
	plan, err := c.desk.Plan(v.r.Context(), v.session.Actor, edited)
	p.all, p.edit = list.Items, &plan
	return p, err
}

// savePlan changes the plan that the path names, or makes a new one.
func (c *Console) savePlan(v *visit) error {
	id := connector.PlanID(v.r.PathValue("id"))
	saved, failed := c.planSaved(v, id)
	if failed == nil {
		return v.done(plansPath, "The plan “"+saved.Name+"” is saved.")
	}
	p, err := c.plansOf(v, id)
	if err != nil {
		return err
	}
	if err := p.form.take(failed); err != nil {
		return err
	}
	p.add = id == ""
	return v.plans(http.StatusUnprocessableEntity, p)
}

func (c *Console) planSaved(v *visit, id connector.PlanID) (admin.Plan, error) {
	ctx, who := v.r.Context(), v.session.Actor
	name, price, trial := v.field("name"), strings.TrimSpace(v.field("price")), v.field("type") == planKind(true)
	r := admin.PlanRequest{Name: &name, Price: &price, Trial: &trial}
	for _, quota := range []struct {
		field string
		into  **int
	}{{"webhookQuota", &r.WebhookQuota}, {"messageQuota", &r.MessageQuota}, {"termMonths", &r.TermMonths}} {
		n, err := strconv.Atoi(strings.TrimSpace(v.field(quota.field)))
		if err != nil {
			return admin.Plan{}, connector.Invalid("/"+quota.field, "Write a whole number; 0 means no limit.")
		}
		*quota.into = &n
	}
	if id == "" {
		return c.desk.CreatePlan(ctx, who, r)
	}
	version, err := strconv.ParseInt(v.field("version"), 10, 64)
	if err != nil {
		return admin.Plan{}, connector.Invalid("", "The form is not whole. Open it again.")
	}
	return c.desk.ChangePlan(ctx, who, id, version, r)
}

// planKind is whether a plan is tried or paid for, as the form says it.
func planKind(trial bool) string {
	if trial {
		return "trial"
	}
	return "paid"
}

// term is how long a plan runs.
func term(months int) string {
	if months == 0 {
		return "no end"
	}
	return many(months, "month", "months")
}
