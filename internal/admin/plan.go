package admin

import (
	"context"
	"slices"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// maxPlanNumber bounds quotas and terms.
const maxPlanNumber = 1_000_000_000

// Plan is what an organization may subscribe to.
type Plan = store.Plan

// Plans lists the plans; everybody who is known may see them.
func (a *Admin) Plans(ctx context.Context, _ connector.Actor, page connector.Page) (connector.List[Plan], error) {
	all, err := a.store.Plans(ctx)
	if err != nil {
		return connector.List[Plan]{}, err
	}
	id := func(p Plan) string { return string(p.ID) }
	if page.After != "" {
		all = all[slices.IndexFunc(all, func(p Plan) bool { return id(p) == page.After })+1:]
	}
	return connector.Cut(all, page.Limit, id), nil
}

// Plan returns one plan.
func (a *Admin) Plan(ctx context.Context, _ connector.Actor, id connector.PlanID) (Plan, error) {
	all, err := a.store.Plans(ctx)
	if err != nil {
		return Plan{}, err
	}
	i := slices.IndexFunc(all, func(p Plan) bool { return p.ID == id })
	if i < 0 {
		return Plan{}, connector.NoSuch("plan", string(id))
	}
	return all[i], nil
}

// PlanRequest is what is to stand in a plan; nil: as it is, or at first zero.
type PlanRequest struct {
	Name, Price                            *string
	Trial                                  *bool
	WebhookQuota, MessageQuota, TermMonths *int
}

// apply changes a plan, or says which field is wrong.
func (r *PlanRequest) apply(p *Plan) error {
	set(&p.Name, r.Name)
	set(&p.Price, r.Price)
	set(&p.Trial, r.Trial)
	set(&p.WebhookQuota, r.WebhookQuota)
	set(&p.MessageQuota, r.MessageQuota)
	set(&p.TermMonths, r.TermMonths)
	if err := connector.CheckName("/name", p.Name); err != nil {
		return err
	}
	if p.Price != "" {
		if err := connector.CheckName("/price", p.Price); err != nil {
			return err
		}
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"webhookQuota", p.WebhookQuota}, {"messageQuota", p.MessageQuota}, {"termMonths", p.TermMonths}} {
		if n.value < 0 || n.value > maxPlanNumber {
			return connector.Invalid("/"+n.name, "%s must be between 0 (no limit) and %d.", n.name, maxPlanNumber)
		}
	}
	return nil
}

// set takes a new value over where there is one.
func set[T any](into, value *T) {
	if value != nil {
		*into = *value
	}
}

// CreatePlan makes a plan that organizations may subscribe to.
func (a *Admin) CreatePlan(ctx context.Context, who connector.Actor, r PlanRequest) (Plan, error) {
	if !who.May(connector.RightOperate, "", "") {
		return Plan{}, connector.Refused(connector.RightOperate)
	}
	var p Plan
	if err := r.apply(&p); err != nil {
		return Plan{}, err
	}
	return a.store.CreatePlan(ctx, p, who.Name)
}

// ChangePlan changes a plan for those who subscribe from now on. version must stand; 0: any.
func (a *Admin) ChangePlan(ctx context.Context, who connector.Actor, id connector.PlanID, version int64, r PlanRequest) (Plan, error) {
	if !who.May(connector.RightOperate, "", "") {
		return Plan{}, connector.Refused(connector.RightOperate)
	}
	return a.store.ChangePlan(ctx, store.PlanChange{Plan: id, Version: version, By: who.Name, Edit: r.apply})
}
