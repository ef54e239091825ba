package api

import (
	"context"
	"net/http"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func (a *API) memberRoutes() []route {
	const all, one = "/api/v1/organizations/{id}/members", "/api/v1/organizations/{id}/members/{personId}"
	return []route{
		{method: http.MethodGet, path: all, id: "listMembers", summary: "List the members of an organization", right: connector.RightView, typed: typed(a.listMembers)},
		{
			method: http.MethodPost, path: all, id: "createMember", summary: "Let somebody in, by their e-mail address",
			right: connector.RightManage, typed: typed(a.createMember),
		},
		{method: http.MethodGet, path: one, id: "readMember", summary: "Read a member", right: connector.RightView, typed: typed(a.readMember)},
		{method: http.MethodPatch, path: one, id: "changeMember", summary: "Change a member's role", right: connector.RightManage, typed: typed(a.changeMember)},
		{
			method: http.MethodDelete, path: one, id: "removeMember", summary: "Take a member out of the organization; everybody may leave",
			right: connector.RightManage, typed: typed(a.removeMember),
		},
		{
			method: http.MethodPost, path: one + "/reset", id: "resetMember", summary: "Make a link by which a member chooses a new password",
			right: connector.RightManage, typed: typed(a.resetMember),
		},
	}
}

// member is a person of an organization.
type member struct {
	ID       connector.PersonID `json:"id"`
	Email    string             `json:"email"`
	Name     string             `json:"name"`
	Role     string             `json:"role" enum:"member,admin"`
	Since    string             `json:"since" format:"date-time"`
	LastSeen *string            `json:"lastSeen" format:"date-time" doc:"null: never"`
	// Link stands in the answers to their invitation and to a reset only.
	Link string `json:"link,omitempty" doc:"where they choose a password, once within seven days; shown once. Absent for somebody who has an account of their own"`
}

func memberItem(m admin.Member) member {
	return member{ID: m.ID, Email: m.Email, Name: m.Name, Role: m.Role.String(), Since: stamp(m.Since), LastSeen: optional(m.LastSeen)}
}

type listMembersInput struct {
	OrganizationPath
	Paging
}

func (a *API) listMembers(ctx context.Context, who connector.Actor, in *listMembersInput) (*listed[member], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	list, err := a.desk.Members(ctx, who, in.ID, page)
	if err != nil {
		return nil, err
	}
	return asList(list, memberItem), nil
}

type createMemberInput struct {
	OrganizationPath

	Body struct {
		Email string  `json:"email"`
		Name  *string `json:"name,omitempty"`
		Role  *string `json:"role,omitempty" enum:"member,admin" doc:"member when left out"`
		Again bool    `json:"again,omitempty" doc:"operators: let in whose access was ended, too, with nothing of what they had"`
	}
}

func (a *API) createMember(ctx context.Context, who connector.Actor, in *createMemberInput) (*made[member], error) {
	role, _ := connector.ParseRole(given(in.Body.Role)) // zero is the desk's to fill
	invited, err := a.desk.AddPerson(ctx, who, admin.PersonRequest{
		Email: in.Body.Email, Name: given(in.Body.Name), Organization: in.ID, Role: role, Again: in.Body.Again,
	})
	if err != nil {
		return nil, err
	}
	item := memberItem(invited.Member)
	item.Link = link(ctx, invited.Link)
	return &made[member]{Location: "/api/v1/organizations/" + string(in.ID) + "/members/" + string(invited.ID), Body: item}, nil
}

// MemberPath names the member.
type MemberPath struct {
	OrganizationPath

	Person connector.PersonID `path:"personId"`
}

func (a *API) readMember(ctx context.Context, who connector.Actor, in *MemberPath) (*one[member], error) {
	m, err := a.desk.Member(ctx, who, in.ID, in.Person)
	if err != nil {
		return nil, err
	}
	return &one[member]{Body: memberItem(m)}, nil
}

type changeMemberInput struct {
	MemberPath

	Body struct {
		Role string `json:"role" enum:"member,admin"`
	}
}

func (a *API) changeMember(ctx context.Context, who connector.Actor, in *changeMemberInput) (*one[member], error) {
	role, _ := connector.ParseRole(in.Body.Role)
	m, err := a.desk.ChangeMember(ctx, who, admin.MemberChange{Organization: in.ID, Person: in.Person, Role: role})
	if err != nil {
		return nil, err
	}
	return &one[member]{Body: memberItem(m)}, nil
}

func (a *API) resetMember(ctx context.Context, who connector.Actor, in *MemberPath) (*one[member], error) {
	m, err := a.desk.ResetPassword(ctx, who, in.ID, in.Person)
	if err != nil {
		return nil, err
	}
	item := memberItem(m.Member)
	item.Link = link(ctx, m.Link)
	return &one[member]{Body: item}, nil
}

func (a *API) removeMember(ctx context.Context, who connector.Actor, in *MemberPath) (*done, error) {
	return &done{}, a.desk.RemoveMember(ctx, who, in.ID, in.Person)
}
