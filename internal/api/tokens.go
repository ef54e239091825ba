package api

import (
	"context"
	"net/http"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func (a *API) tokenRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/api/v1/tokens", id: "listTokens", summary: "List your own tokens, or the operators'", typed: typed(a.listTokens)},
		{
			method: http.MethodGet, path: "/api/v1/organizations/{id}/tokens", id: "listOrganizationTokens", summary: "List the tokens of an organization",
			right: connector.RightManage, typed: typed(a.listOrganizationTokens),
		},
		{method: http.MethodDelete, path: "/api/v1/tokens/{id}", id: "revokeToken", summary: "Revoke a token; it is refused within one second", typed: typed(a.revokeToken)},
	}
}

// token is a token without its text. Tokens are made on the console and by the command line only.
type token struct {
	ID           connector.TokenID        `json:"id"`
	Name         string                   `json:"name"`
	Organization connector.OrganizationID `json:"organization,omitempty" doc:"whose it is; absent: a person's or an operator's"`
	Person       connector.PersonID       `json:"person,omitempty" doc:"whose it is"`
	Role         string                   `json:"role,omitempty" doc:"in its organization"`
	Scopes       []string                 `json:"scopes" doc:"all that it may do; null: all that its owner may"`
	CreatedBy    string                   `json:"createdBy"`
	CreatedAt    string                   `json:"createdAt" format:"date-time"`
	Expires      *string                  `json:"expires" format:"date-time" doc:"null: never"`
}

func tokenItem(t admin.TokenRow) token {
	item := token{
		ID: t.ID, Name: t.Name, Organization: t.Organization, Person: t.Person,
		CreatedBy: t.CreatedBy, CreatedAt: stamp(t.Created), Expires: optional(t.Expires),
	}
	if t.Role != 0 {
		item.Role = t.Role.String()
	}
	for _, right := range t.Scopes {
		item.Scopes = append(item.Scopes, right.String())
	}
	return item
}

func (a *API) listTokens(ctx context.Context, who connector.Actor, in *Paging) (*listed[token], error) {
	return a.tokensOf(ctx, who, admin.TokenOwner{Person: who.Person}, in)
}

type listOrganizationTokensInput struct {
	OrganizationPath
	Paging
}

func (a *API) listOrganizationTokens(ctx context.Context, who connector.Actor, in *listOrganizationTokensInput) (*listed[token], error) {
	return a.tokensOf(ctx, who, admin.TokenOwner{Organization: in.ID}, &in.Paging)
}

func (a *API) tokensOf(ctx context.Context, who connector.Actor, of admin.TokenOwner, in *Paging) (*listed[token], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	list, err := a.desk.Tokens(ctx, who, of, page)
	if err != nil {
		return nil, err
	}
	return asList(list, tokenItem), nil
}

// TokenPath names the token.
type TokenPath struct {
	ID connector.TokenID `path:"id"`
}

func (a *API) revokeToken(ctx context.Context, who connector.Actor, in *TokenPath) (*done, error) {
	return &done{}, a.desk.RevokeToken(ctx, who, in.ID)
}
