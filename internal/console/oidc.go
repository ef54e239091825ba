package console

import (
	"time"

	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

const (
	flowCookie   = "oidc"
	callbackPath = "/signin/oidc/callback"
)

func noProvider() error {
	return connector.Errorf(connector.NotFound, "There is no identity provider here. Sign in with your password.")
}

// startOIDC leads to the identity provider.
func (c *Console) startOIDC(v *visit) error {
	if c.oidc == nil {
		return noProvider()
	}
	to, cookie, err := c.oidc.Start(v.r.Context(), local(v.r.FormValue("next"), "/"))
	if err != nil {
		return err
	}
	v.setCookie(c.cookieName(flowCookie), cookie, auth.FlowLife)
	return v.redirect(to)
}

// endOIDC is where the identity provider sends people back to.
func (c *Console) endOIDC(v *visit) error {
	if c.oidc == nil {
		return noProvider()
	}
	answer := auth.OIDCAnswer{Query: v.r.URL.Query(), Address: auth.AddressOf(v.r, c.proxies).String(), Browser: v.r.UserAgent()}
	if cookie, err := v.r.Cookie(c.cookieName(flowCookie)); err == nil {
		answer.Cookie = cookie.Value
	}
	v.setCookie(c.cookieName(flowCookie), "", -time.Second)
	secret, next, err := c.oidc.Finish(v.r.Context(), answer)
	if err != nil {
		return err
	}
	v.setCookie(c.cookieName(sessionCookie), secret, auth.SessionLife)
	return v.redirect(local(next, "/"))
}
