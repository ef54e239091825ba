package api

import (
	"context"
	"net/http"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func (a *API) organizationRoutes() []route {
	const all, one = "/api/v1/organizations", "/api/v1/organizations/{id}"
	return []route{
		{method: http.MethodGet, path: all, id: "listOrganizations", summary: "List the organizations that you may see", typed: typed(a.listOrganizations)},
		{method: http.MethodPost, path: all, id: "createOrganization", summary: "Make an organization", right: connector.RightOperate, typed: typed(a.createOrganization)},
		{method: http.MethodGet, path: one, id: "readOrganization", summary: "Read an organization", right: connector.RightView, typed: typed(a.readOrganization)},
		{
			method: http.MethodPatch, path: one, id: "changeOrganization", summary: "Rename or suspend an organization",
			right: connector.RightOperate, typed: typed(a.changeOrganization),
		},
		{
			method: http.MethodDelete, path: one, id: "eraseOrganization", summary: "Erase an organization for good: keys, people, webhooks, texts",
			right: connector.RightOperate, typed: typed(a.eraseOrganization),
		},
		{
			method: http.MethodGet, path: one + "/audit", id: "listAudit", summary: "List who changed what, the newest first",
			right: connector.RightManage, typed: typed(a.listAudit),
		},
		{
			method: http.MethodGet, path: "/api/v1/audit", id: "listWholeAudit", summary: "List who changed what in the whole installation",
			right: connector.RightOperate, typed: typed(a.listWholeAudit),
		},
	}
}

// organization is a company.
type organization struct {
	ID        connector.OrganizationID `json:"id"`
	Name      string                   `json:"name"`
	Suspended bool                     `json:"suspended" doc:"its apps may not send"`
	CreatedAt string                   `json:"createdAt" format:"date-time"`
	// AdminLink stands in the answer to its creation only.
	AdminLink string `json:"adminLink,omitempty" doc:"where the first admin chooses a password, once within seven days; shown once"`
}

func organizationItem(o admin.OrganizationRow) organization {
	return organization{ID: o.ID, Name: o.Name, Suspended: !o.Suspended.IsZero(), CreatedAt: stamp(o.Created)}
}

func (a *API) listOrganizations(ctx context.Context, who connector.Actor, in *Paging) (*listed[organization], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	list, err := a.desk.Organizations(ctx, who, page)
	if err != nil {
		return nil, err
	}
	return asList(list, organizationItem), nil
}

type createOrganizationInput struct {
	Body struct {
		Name       string  `json:"name"`
		AdminEmail *string `json:"adminEmail,omitempty" doc:"of its first admin, who gets a link to choose a password by"`
	}
}

func (a *API) createOrganization(ctx context.Context, who connector.Actor, in *createOrganizationInput) (*made[organization], error) {
	o, err := a.desk.CreateOrganization(ctx, who, admin.OrganizationRequest{Name: in.Body.Name, AdminEmail: given(in.Body.AdminEmail)})
	if err != nil {
		return nil, err
	}
	item := organizationItem(o.OrganizationRow)
	item.AdminLink = link(ctx, o.AdminLink)
	return &made[organization]{ETag: etag(o.Version), Location: "/api/v1/organizations/" + string(o.ID), Body: item}, nil
}

// link is where a person chooses a password; empty: no link was made.
func link(ctx context.Context, secret connector.Secret) string {
	if secret.Empty() {
		return ""
	}
	return callOf(ctx).base + "/link/" + secret.Reveal()
}

// given is an optional text; absent: empty.
func given(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// OrganizationPath names the organization.
type OrganizationPath struct {
	ID connector.OrganizationID `path:"id"`
}

func (a *API) readOrganization(ctx context.Context, who connector.Actor, in *OrganizationPath) (*one[organization], error) {
	o, err := a.desk.Organization(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	return &one[organization]{ETag: etag(o.Version), Body: organizationItem(o)}, nil
}

type changeOrganizationInput struct {
	OrganizationPath
	Match

	Body struct {
		Name      *string `json:"name,omitempty"`
		Suspended *bool   `json:"suspended,omitempty" doc:"its apps may not send; reading goes on"`
	}
}

func (a *API) changeOrganization(ctx context.Context, who connector.Actor, in *changeOrganizationInput) (*one[organization], error) {
	o, err := a.desk.ChangeOrganization(ctx, who, admin.OrganizationChange{
		Organization: in.ID, Version: in.version(), Name: in.Body.Name, Suspended: in.Body.Suspended,
	})
	if err != nil {
		return nil, err
	}
	return &one[organization]{ETag: etag(o.Version), Body: organizationItem(o)}, nil
}

type eraseOrganizationInput struct {
	OrganizationPath

	Confirm string `query:"confirm" doc:"the organization's name again, because nothing brings it back"`
}

func (a *API) eraseOrganization(ctx context.Context, who connector.Actor, in *eraseOrganizationInput) (*done, error) {
	return &done{}, a.desk.EraseOrganization(ctx, who, in.ID, in.Confirm)
}

// AuditQuery chooses entries.
type AuditQuery struct {
	Paging

	Actor  string `query:"actor" maxLength:"300" doc:"only of those whose name holds this, whatever its case"`
	Action string `query:"action" maxLength:"64" doc:"only this, e.g. webhook.create, or all of a kind: webhook"`
	Object string `query:"object" maxLength:"64" doc:"only of the thing with this id"`
	From   string `query:"from" maxLength:"64" doc:"then or later; RFC 3339"`
	To     string `query:"to" maxLength:"64" doc:"before; RFC 3339"`
}

// auditEntry is one change.
type auditEntry struct {
	At           string                   `json:"at" format:"date-time"`
	Actor        string                   `json:"actor"`
	Action       string                   `json:"action" example:"webhook.create"`
	Object       string                   `json:"object" doc:"id of the thing"`
	Detail       string                   `json:"detail"`
	Organization connector.OrganizationID `json:"organization,omitempty"`
}

type listAuditInput struct {
	OrganizationPath
	AuditQuery
}

func (a *API) listAudit(ctx context.Context, who connector.Actor, in *listAuditInput) (*listed[auditEntry], error) {
	return a.audit(ctx, who, in.ID, &in.AuditQuery)
}

func (a *API) listWholeAudit(ctx context.Context, who connector.Actor, in *AuditQuery) (*listed[auditEntry], error) {
	return a.audit(ctx, who, "", in)
}

func (a *API) audit(ctx context.Context, who connector.Actor, of connector.OrganizationID, in *AuditQuery) (*listed[auditEntry], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	r := admin.AuditRequest{Organization: of, Actor: in.Actor, Action: in.Action, Object: in.Object}
	if r.From, err = timeField("from", in.From); err != nil {
		return nil, err
	}
	if r.To, err = timeField("to", in.To); err != nil {
		return nil, err
	}
	list, err := a.desk.Audit(ctx, who, r, page)
	if err != nil {
		return nil, err
	}
	return asList(list, auditItem), nil
}

func auditItem(e admin.AuditEntry) auditEntry {
	return auditEntry{At: stamp(e.At), Actor: e.Actor, Action: e.Action, Object: e.Object, Detail: e.Detail, Organization: e.Organization}
}

// optional writes a time that there may not be.
func optional(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return new(stamp(t))
}
