package api

import (
	"context"
	"net/http"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func (a *API) planRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/api/v1/plans", id: "listPlans", summary: "List the plans", typed: typed(a.listPlans)},
		{method: http.MethodPost, path: "/api/v1/plans", id: "createPlan", summary: "Make a plan", right: connector.RightOperate, typed: typed(a.createPlan)},
		{method: http.MethodGet, path: "/api/v1/plans/{id}", id: "readPlan", summary: "Read a plan", typed: typed(a.readPlan)},
		{method: http.MethodPatch, path: "/api/v1/plans/{id}", id: "changePlan", summary: "Change a plan for those who subscribe from now on", right: connector.RightOperate, typed: typed(a.changePlan)},
	}
}

// plan is what organizations subscribe to.
type plan struct {
	ID           connector.PlanID `json:"id"`
	Name         string           `json:"name"`
	Price        string           `json:"price" doc:"as people read it; nothing is charged"`
	Type         string           `json:"type" enum:"trial,paid"`
	WebhookQuota int              `json:"webhookQuota" doc:"webhooks that may exist; 0: no limit"`
	MessageQuota int              `json:"messageQuota" doc:"messages a month; 0: no limit"`
	TermMonths   int              `json:"termMonths" doc:"0: no end"`
}

func planItem(p admin.Plan) plan {
	kind := "paid"
	if p.Trial {
		kind = "trial"
	}
	return plan{
		ID: p.ID, Name: p.Name, Price: p.Price, Type: kind,
		WebhookQuota: p.WebhookQuota, MessageQuota: p.MessageQuota, TermMonths: p.TermMonths,
	}
}

func (a *API) listPlans(ctx context.Context, who connector.Actor, in *Paging) (*listed[plan], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	plans, err := a.desk.Plans(ctx, who, page)
	if err != nil {
		return nil, err
	}
	return asList(plans, planItem), nil
}

// PlanPath names the plan.
type PlanPath struct {
	ID connector.PlanID `path:"id"`
}

func (a *API) readPlan(ctx context.Context, who connector.Actor, in *PlanPath) (*one[plan], error) {
	p, err := a.desk.Plan(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	return &one[plan]{ETag: etag(p.Version), Body: planItem(p)}, nil
}

// planFields is what may be set in a plan.
type planFields struct {
	Name         *string `json:"name,omitempty" doc:"unique"`
	Price        *string `json:"price,omitempty" doc:"as people read it; nothing is charged"`
	Type         *string `json:"type,omitempty" enum:"trial,paid"`
	WebhookQuota *int    `json:"webhookQuota,omitempty" minimum:"0" doc:"webhooks that may exist; 0: no limit"`
	MessageQuota *int    `json:"messageQuota,omitempty" minimum:"0" doc:"messages a month; 0: no limit"`
	TermMonths   *int    `json:"termMonths,omitempty" minimum:"0" doc:"0: no end"`
}

func (f *planFields) request() admin.PlanRequest {
	r := admin.PlanRequest{Name: f.Name, Price: f.Price, WebhookQuota: f.WebhookQuota, MessageQuota: f.MessageQuota, TermMonths: f.TermMonths}
	if f.Type != nil {
		trial := *f.Type == "trial"
		r.Trial = &trial
	}
	return r
}

type createPlanInput struct{ Body planFields }

func (a *API) createPlan(ctx context.Context, who connector.Actor, in *createPlanInput) (*made[plan], error) {
	p, err := a.desk.CreatePlan(ctx, who, in.Body.request())
	if err != nil {
		return nil, err
	}
	return &made[plan]{ETag: etag(p.Version), Location: "/api/v1/plans/" + string(p.ID), Body: planItem(p)}, nil
}

type changePlanInput struct {
	PlanPath
	Match

	Body planFields
}

func (a *API) changePlan(ctx context.Context, who connector.Actor, in *changePlanInput) (*one[plan], error) {
	p, err := a.desk.ChangePlan(ctx, who, in.ID, in.version(), in.Body.request())
	if err != nil {
		return nil, err
	}
	return &one[plan]{ETag: etag(p.Version), Body: planItem(p)}, nil
}
