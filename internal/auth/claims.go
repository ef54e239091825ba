package auth

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// claims are what a provider says about somebody.
type claims struct {
	Email    string   `json:"email"`
	Verified truth    `json:"email_verified"`
	Name     string   `json:"name"`
	Party    string   `json:"azp"`
	Tenant   string   `json:"tid"`
	Groups   []string `json:"groups"`
	Roles    []string `json:"roles"`
	// DomainOwned is Entra ID's word that the tenant owns the address's domain; it has no email_verified.
	DomainOwned truth `json:"xms_edov"`
}

// truth is a claim that providers write as true, "true", 1 or "1".
type truth bool

// UnmarshalJSON takes everything else for untrue.
func (t *truth) UnmarshalJSON(raw []byte) error {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return err
	}
	switch value {
	case true, "true", "1", 1.0:
		*t = true
	default:
		*t = false
	}
	return nil
}

// wrong says what is not right with a token whose signature is; empty: nothing.
func (p *OIDC) wrong(at *oidc.Provider, id *oidc.IDToken, c claims, f flow) string {
	var says struct {
		NamesIssuer bool `json:"authorization_response_iss_parameter_supported"`
	}
	if err := at.Claims(&says); err != nil {
		return "description not readable"
	}
	named := f.issuer // RFC 9207, against mixing providers up
	switch {
	case !same(id.Nonce, f.Nonce):
		return "other nonce"
	case id.Subject == "":
		return "no subject"
	case c.Party != "" && c.Party != p.o.ClientID, len(id.Audience) > 1 && c.Party == "":
		return "made for another party"
	case p.templated != "" && (c.Tenant == "" || id.Issuer != strings.Replace(p.templated, tenantID, c.Tenant, 1)):
		return "other issuer"
	case named != "" && named != id.Issuer, says.NamesIssuer && named == "":
		return "answer of another issuer"
	case (p.templated != "" || len(p.o.Tenants) > 0) && !slices.Contains(p.o.Tenants, c.Tenant):
		return "tenant not allowed"
	}
	return ""
}

// ask completes the claims by the provider's userinfo endpoint, if it has one.
func (p *OIDC) ask(ctx context.Context, at *oidc.Provider, token *oauth2.Token, subject string, c *claims) error {
	if at.UserInfoEndpoint() == "" {
		return nil
	}
	info, err := at.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		p.auth.log.WarnContext(ctx, "identity provider gave no userinfo")
		return p.away()
	}
	if info.Subject != subject { // OpenID Connect Core, 5.3.2
		return p.refuse(ctx, "userinfo about somebody else")
	}
	var more claims
	if err := info.Claims(&more); err != nil {
		return p.refuse(ctx, "userinfo not readable")
	}
	c.Email, c.Verified = more.Email, more.Verified
	if c.Name == "" {
		c.Name = more.Name
	}
	c.DomainOwned = false // it was about the token's address
	return nil
}

func (p *OIDC) person(id *oidc.IDToken, c claims) (store.Identity, error) {
	who := store.Identity{Issuer: id.Issuer, Subject: id.Subject, Signup: p.o.Signup}
	if (c.Verified || c.DomainOwned) && connector.CheckEmail("/email", c.Email) == nil {
		who.Email = c.Email
	}
	if connector.CheckName("/name", c.Name) == nil {
		who.Name = c.Name
	}
	who.Organization = p.o.Organizations[c.Tenant]
	if who.Organization == "" {
		who.Organization = p.o.Organizations[id.Issuer]
	}
	in := func(wanted []string) bool {
		return slices.ContainsFunc(wanted, func(g string) bool { return slices.Contains(c.Groups, g) || slices.Contains(c.Roles, g) })
	}
	switch {
	case in(p.o.AdminGroups):
		who.Role = connector.RoleAdmin
	case in(p.o.MemberGroups):
		who.Role = connector.RoleMember
	case len(p.o.AdminGroups)+len(p.o.MemberGroups) > 0:
		return who, connector.Errorf(connector.Forbidden, "You are in none of the groups that may use this service. Ask who runs it to put you into one.")
	}
	return who, nil
}
