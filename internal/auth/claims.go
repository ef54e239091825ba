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
	Email    string `json:"email"`
	Verified truth  `json:"email_verified"`
	Name     string `json:"name"`
	Party    string `json:"azp"`
	Tenant   string `json:"tid"`
	Groups   words  `json:"groups"`
	Roles    words  `json:"roles"`
	// DomainOwned is Entra ID's word that the tenant owns the address's domain; it has no email_verified.
	DomainOwned truth `json:"xms_edov"`
	// Elsewhere names claims that are too large for a token: of groups, over 200 at Entra ID.
	Elsewhere map[string]any `json:"_claim_names"`
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

// words is a claim that providers write as a list or as one word.
type words []string

// UnmarshalJSON takes whatever is no word for none.
func (w *words) UnmarshalJSON(raw []byte) error {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return err
	}
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	*w = nil
	for _, one := range list {
		if word, ok := one.(string); ok && word != "" {
			*w = append(*w, word)
		}
	}
	return nil
}

// wrong says what is not right with a token whose signature is; empty: nothing.
func (x *exchange) wrong(id *oidc.IDToken, c claims) string {
	var says struct {
		NamesIssuer bool `json:"authorization_response_iss_parameter_supported"`
	}
	if err := x.at.Claims(&says); err != nil {
		return "description not readable"
	}
	named, template := x.query.Get("iss"), templated(x.issuer) // RFC 9207, against mixing providers up
	switch {
	case !same(id.Nonce, x.flow.Nonce):
		return "other nonce"
	case id.Subject == "":
		return "no subject"
	case c.Party != "" && c.Party != x.client, len(id.Audience) > 1 && c.Party == "":
		return "made for another party"
	case template != "" && (c.Tenant == "" || id.Issuer != strings.Replace(template, tenantID, c.Tenant, 1)):
		return "other issuer"
	case named != "" && named != id.Issuer, says.NamesIssuer && named == "":
		return "answer of another issuer"
	}
	return ""
}

// ask completes the claims by the provider's userinfo endpoint, if it has one.
func (s *SignOn) ask(ctx context.Context, x exchange, token *oauth2.Token, subject string, c *claims) error {
	if x.at.UserInfoEndpoint() == "" {
		return nil
	}
	info, err := x.at.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		s.auth.log.WarnContext(ctx, "identity provider gave no userinfo")
		return away(x.provider)
	}
	if info.Subject != subject { // OpenID Connect Core, 5.3.2
		return s.refuse(ctx, x.provider, "userinfo about somebody else")
	}
	var more claims
	if err := info.Claims(&more); err != nil {
		return s.refuse(ctx, x.provider, "userinfo not readable")
	}
	if c.Email == "" {
		c.Email, c.Verified, c.DomainOwned = more.Email, more.Verified, false // that was about no address
	}
	if c.Name == "" {
		c.Name = more.Name
	}
	if len(c.Groups)+len(c.Roles) == 0 {
		c.Groups, c.Roles = more.Groups, more.Roles
	}
	return nil
}

// identityOf is who the claims are about, for the organization of a directory.
func identityOf(id *oidc.IDToken, c claims, d store.Directory) (store.Identity, error) {
	who := store.Identity{Issuer: id.Issuer, Subject: id.Subject, Organization: d.Organization, Verified: bool(c.Verified || c.DomainOwned)}
	if connector.CheckEmail("/email", c.Email) == nil {
		who.Email = c.Email
	}
	if connector.CheckName("/name", c.Name) == nil {
		who.Name = c.Name
	}
	in := func(wanted []string) bool {
		return slices.ContainsFunc(wanted, func(g string) bool { return slices.Contains(c.Groups, g) || slices.Contains(c.Roles, g) })
	}
	_, hidden := c.Elsewhere["groups"]
	switch {
	case in(d.AdminGroups):
		who.Role = connector.RoleAdmin
	case in(d.MemberGroups):
		who.Role = connector.RoleMember
	case len(d.AdminGroups)+len(d.MemberGroups) == 0:
	case hidden:
		return who, connector.Errorf(connector.Forbidden, "You are in so many groups that your identity provider does not name them. Ask who runs it to use an app role instead.")
	default:
		return who, connector.Errorf(connector.Forbidden, "You are in none of the groups that may use this service. Ask who runs your identity provider to put you into one.")
	}
	return who, nil
}
