package main

import (
	"errors"
	"net/url"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// signInConfig is who may come, and by which identity provider.
type signInConfig struct {
	signup                    store.Signup
	issuer, clientID, name    string // without an issuer: there is no provider
	clientSecret              connector.Secret
	scopes                    []string
	adminGroups, memberGroups []string
}

func signInSettings() []setting {
	many := func(into func(c *config) *[]string) func(c *config, v []string) error {
		return func(c *config, v []string) error { *into(c) = v; return nil }
	}
	return []setting{
		{
			name: "signup", of: faceServe, value: "invited",
			usage: "who gets an account: closed (whom the operator lets in), invited (also whom an admin invites, or who is in a group that an organization's directory names), open (everybody)",
			apply: applySignup,
		},
		{
			name: "oidc-issuer", of: faceServe,
			usage: "URL of the OpenID Connect provider that people sign in by: https://login.microsoftonline.com/organizations/v2.0; see docs/operate/sign-in.md",
			apply: applyIssuer,
		},
		{
			name: "oidc-client-id", of: faceServe, usage: "what the provider knows this installation by; needs oidc-issuer",
			apply: applyClientID,
		},
		{
			name: "oidc-client-secret", of: faceServe, secret: true, usage: "the secret that the provider gave this installation",
			apply: func(c *config, v []string) error { c.signIn.clientSecret = connector.NewSecret(one(v)); return nil },
		},
		{
			name: "oidc-name", of: faceServe, value: "Sign in with Microsoft", usage: "what people read on the button of the provider",
			apply: func(c *config, v []string) error { return buttonText(&c.signIn.name, v) },
		},
		{
			name: "oidc-scopes", of: faceServe, many: true, usage: "a scope to ask for beside openid, email and profile; may be repeated",
			apply: many(func(c *config) *[]string { return &c.signIn.scopes }),
		},
		{
			name: "oidc-admin-groups", of: faceServe, many: true,
			usage: "a group or app role whose people are admins of the organization that their directory belongs to; may be repeated. Where any group is named, who is in none is refused",
			apply: many(func(c *config) *[]string { return &c.signIn.adminGroups }),
		},
		{
			name: "oidc-member-groups", of: faceServe, many: true, usage: "the same for members; may be repeated",
			apply: many(func(c *config) *[]string { return &c.signIn.memberGroups }),
		},
	}
}

func applySignup(c *config, v []string) error {
	var ok bool
	if c.signIn.signup, ok = store.ParseSignup(one(v)); !ok {
		return errors.New("it is closed, invited or open")
	}
	return nil
}

func applyIssuer(c *config, v []string) error {
	raw := one(v)
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Host)) {
		return errors.New("it should be an https URL without a query, such as https://login.microsoftonline.com/organizations/v2.0; the provider's page /.well-known/openid-configuration names it")
	}
	if c.net.publicURL == "" {
		return errors.New("it needs public-url, because the provider sends people back there")
	}
	c.signIn.issuer = raw
	return nil
}

// applyClientID stands after oidc-issuer in the table, so it can see both.
func applyClientID(c *config, v []string) error {
	c.signIn.clientID = one(v)
	if (c.signIn.clientID == "") != (c.signIn.issuer == "") {
		return errors.New("oidc-issuer and oidc-client-id belong together: set both, or neither")
	}
	return nil
}

func buttonText(into *string, v []string) error {
	if err := connector.CheckName("/name", one(v)); err != nil {
		return errors.New(err.Message)
	}
	*into = one(v)
	return nil
}

// signOnOptions is the configured provider as the desk wants it.
func (c *config) signOnOptions() auth.SignOnOptions {
	s := c.signIn
	return auth.SignOnOptions{
		Issuer: s.issuer, ClientID: s.clientID, ClientSecret: s.clientSecret, Name: s.name, Scopes: s.scopes,
		AdminGroups: s.adminGroups, MemberGroups: s.memberGroups, Signup: s.signup,
		PublicURL: strings.TrimSuffix(c.net.publicURL, "/"), Trusted: c.net.trustTargets,
	}
}
