package auth

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/time/rate"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

const (
	// FlowLife is how long somebody may take at the identity provider.
	FlowLife = 10 * time.Minute
	// IdentityLife is how long somebody stays signed in by an identity provider: who loses
	// the account there, loses it here within that time.
	IdentityLife = 24 * time.Hour
)

// SignOnOptions describes the identity provider of an installation.
type SignOnOptions struct {
	// Issuer is the provider's URL; empty: the installation has none, and only organizations may have one of
	// their own. Of Entra ID's common and organizations endpoints the issuer differs by tenant: then
	// the tenants come for which an organization has a directory.
	Issuer, ClientID string
	ClientSecret     connector.Secret
	// Name is what people read on the button.
	Name string
	// Scopes are asked for beside openid, email and profile.
	Scopes []string
	// AdminGroups and MemberGroups are groups or roles of the provider that give a
	// role in an organization whose directory names none itself.
	AdminGroups, MemberGroups []string
	// Signup says who may come the first time; zero: who is invited.
	Signup store.Signup
	// PublicURL is where people reach this installation: the provider sends them back there.
	PublicURL string
	// Trusted are origins that are called although they are not https or not public.
	Trusted []string
}

// SignOn signs people in by OpenID Connect: by the installation's provider, and by
// those of organizations.
type SignOn struct {
	auth   *Auth
	o      SignOnOptions
	client *http.Client
	fresh  limit // new accounts, by address

	mu    sync.Mutex
	known map[string]described // by issuer
}

// NewSignOn makes the desk; it calls nobody yet.
func NewSignOn(a *Auth, o SignOnOptions) *SignOn {
	if o.Signup == 0 {
		o.Signup = store.SignupInvited
	}
	s := &SignOn{auth: a, o: o, client: providerClient(o), known: make(map[string]described)}
	s.fresh.rate, s.fresh.burst = rate.Every(time.Hour/maxNewAccounts), maxNewAccounts
	return s
}

// Open reports whether everybody may make an account.
func (s *SignOn) Open() bool { return s.o.Signup == store.SignupOpen }

// Name is what people read on the button of the installation's provider; empty: there is none.
func (s *SignOn) Name() string {
	if s.o.Issuer == "" {
		return ""
	}
	return s.o.Name
}

// NameOf is what people read on the button of an organization's own provider.
func (s *SignOn) NameOf(ctx context.Context, id connector.DirectoryID) (string, error) {
	p, err := s.provider(ctx, id)
	return p.name, err
}

// provider is who vouches for people: the installation's, or an organization's own.
type provider struct {
	directory store.Directory // without an id: it is the installation's
	issuer    string
	client    string
	secret    connector.Secret
	name      string
}

func noProvider() error {
	return connector.Errorf(connector.NotFound, "There is no such identity provider here. Sign in with your password, or ask an admin of your organization for its address.")
}

func (s *SignOn) provider(ctx context.Context, id connector.DirectoryID) (p provider, err error) {
	if id == "" {
		if s.o.Issuer == "" {
			return p, noProvider()
		}
		return provider{issuer: s.o.Issuer, client: s.o.ClientID, secret: s.o.ClientSecret, name: s.o.Name}, nil
	}
	d, err := s.auth.store.Directory(ctx, id)
	var known *connector.Error
	if err == nil && d.ClientID == "" || errors.As(err, &known) {
		return p, noProvider()
	}
	if err != nil {
		return p, err
	}
	p = provider{directory: d, issuer: d.Issuer, client: d.ClientID, name: d.Name}
	p.secret, err = s.auth.store.DirectorySecret(ctx, d)
	return p, err
}

// Callback is the URL to which a provider sends people back. Each has its own,
// so that the answer of one is not taken for that of another. Empty id: the installation's.
func Callback(o SignOnOptions, id connector.DirectoryID) string {
	path := "/signin/oidc"
	if id != "" {
		path += "/" + string(id)
	}
	return o.PublicURL + path + "/callback"
}

// flow is one sign-in under way. It is kept by the browser that began it, so
// that no other can end it.
type flow struct {
	State, Nonce, Verifier, Next string
	Directory                    connector.DirectoryID // empty: by the installation's provider
	Link                         string                // a one-time link they came with; empty: none
	Person                       connector.PersonID    // who connects the provider to their account; empty: nobody does
	Until                        time.Time
}

// SignOnRequest begins a sign-in.
type SignOnRequest struct {
	Directory connector.DirectoryID // empty: by the installation's provider
	Next      string                // where they go afterwards
	Link      string                // the secret of a one-time link they hold; empty: they hold none
	Person    connector.PersonID    // who is signed in and connects the provider to their account
}

func (s *SignOn) config(at *oidc.Provider, p provider) oauth2.Config {
	endpoint := at.Endpoint()
	var says struct {
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	endpoint.AuthStyle = oauth2.AuthStyleInHeader // what holds where nothing is said; a trial would spend the code
	if err := at.Claims(&says); err == nil && slices.Contains(says.Methods, "client_secret_post") || p.secret.Empty() {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return oauth2.Config{
		ClientID: p.client, ClientSecret: p.secret.Reveal(), RedirectURL: Callback(s.o, p.directory.ID), Endpoint: endpoint,
		Scopes: append([]string{oidc.ScopeOpenID, "email", "profile"}, s.o.Scopes...),
	}
}

// Start returns the URL of the provider to lead somebody to, and the cookie that Finish wants back.
func (s *SignOn) Start(ctx context.Context, r SignOnRequest) (to, cookie string, err error) {
	p, err := s.provider(ctx, r.Directory)
	if err != nil {
		return "", "", err
	}
	at, err := s.reach(ctx, p)
	if err != nil {
		return "", "", err
	}
	f := flow{
		Verifier: oauth2.GenerateVerifier(), Next: r.Next, Directory: r.Directory, Link: r.Link, Person: r.Person,
		Until: s.auth.store.Now().Add(FlowLife),
	}
	for _, into := range []*string{&f.State, &f.Nonce} {
		if *into, err = keyring.NewToken(); err != nil {
			return "", "", err
		}
	}
	kept, err := json.Marshal(f)
	if err != nil {
		return "", "", fmt.Errorf("keep a sign-in: %w", err)
	}
	config := s.config(at, p)
	to = config.AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier))
	return to, base64.RawURLEncoding.EncodeToString(kept), nil
}

// SignOnAnswer is what somebody comes back with from a provider.
type SignOnAnswer struct {
	Directory        connector.DirectoryID // by whose callback they came
	Cookie           string
	Query            url.Values
	Person           connector.PersonID // who is signed in in this browser; empty: nobody
	Address, Browser string
}

// SignedOn is how a sign-in ended.
type SignedOn struct {
	Secret string // of a new session, for a cookie; empty: the one that stands goes on
	Next   string
}

// Finish ends a sign-in.
func (s *SignOn) Finish(ctx context.Context, r SignOnAnswer) (done SignedOn, err error) {
	f, err := s.flow(r)
	if err != nil {
		return done, err
	}
	p, err := s.provider(ctx, f.Directory)
	if err != nil {
		return done, err
	}
	if r.Query.Get("error") != "" {
		return done, connector.Errorf(connector.Forbidden, "%s did not sign you in: it was ended there, or you may not use this service. Try again, or ask who runs the provider.", p.name)
	}
	at, err := s.reach(ctx, p)
	if err != nil {
		return done, err
	}
	who, err := s.identity(ctx, exchange{p, at, f, r.Query})
	if err != nil {
		return done, err
	}
	who.Person = f.Person
	if f.Link != "" {
		who.Link = keyring.Hash(f.Link)
	}
	known, err := s.auth.store.Identify(ctx, who)
	if err != nil || f.Person != "" {
		return SignedOn{Next: f.Next}, err
	}
	if done.Secret, err = keyring.NewToken(); err != nil {
		return done, err
	}
	done.Next = f.Next
	_, err = s.auth.store.CreateSignIn(ctx, store.NewSignIn{
		Of: known, Hash: keyring.Hash(done.Secret), Life: IdentityLife, Address: r.Address, Browser: r.Browser,
	})
	return done, err
}

func (s *SignOn) flow(r SignOnAnswer) (f flow, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(r.Cookie)
	if err == nil {
		err = json.Unmarshal(raw, &f)
	}
	if err != nil || f.State == "" || !s.auth.store.Now().Before(f.Until) || !same(f.State, r.Query.Get("state")) ||
		f.Directory != r.Directory || f.Person != "" && f.Person != r.Person {
		return f, connector.Errorf(connector.TokenInvalid,
			"This sign-in was not begun in this browser, was ended already, or took too long. Begin again on the sign-in page.")
	}
	return f, nil
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// exchange is what an answer is judged by.
type exchange struct {
	provider

	at    *oidc.Provider
	flow  flow
	query url.Values
}

// identity trades the code for a token and reads who it is about.
func (s *SignOn) identity(ctx context.Context, x exchange) (who store.Identity, err error) {
	ctx = oidc.ClientContext(ctx, s.client)
	config := s.config(x.at, x.provider)
	token, err := config.Exchange(ctx, x.query.Get("code"), oauth2.VerifierOption(x.flow.Verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) && refused.ErrorCode == "invalid_grant" {
			return who, s.refuse(ctx, x.provider, "code refused")
		}
		s.auth.log.WarnContext(ctx, "identity provider gave no token", "reason", reasonOf(err))
		return who, away(x.provider)
	}
	raw, _ := token.Extra("id_token").(string) // none: the check below fails
	verifier := x.at.VerifierContext(ctx, &oidc.Config{ClientID: x.client, Now: s.auth.store.Now, SkipIssuerCheck: templated(x.issuer) != ""})
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		return who, s.refuse(ctx, x.provider, "token not valid")
	}
	var c claims
	if err := id.Claims(&c); err != nil {
		return who, s.refuse(ctx, x.provider, "claims not readable")
	}
	if why := x.wrong(id, c); why != "" {
		return who, s.refuse(ctx, x.provider, why)
	}
	d, err := s.directoryOf(ctx, x.provider, id.Issuer)
	if err != nil {
		return who, err
	}
	if c.Email == "" || len(d.AdminGroups)+len(d.MemberGroups) > 0 && len(c.Groups)+len(c.Roles) == 0 {
		if err := s.ask(ctx, x, token, id.Subject, &c); err != nil {
			return who, err
		}
	}
	who, err = identityOf(id, c, d)
	who.Signup = s.o.Signup
	return who, err
}

// directoryOf is the directory that an issuer of people belongs to; without an id: it belongs to none.
func (s *SignOn) directoryOf(ctx context.Context, p provider, issuer string) (d store.Directory, err error) {
	if d = p.directory; d.ID == "" {
		d, err = s.auth.store.DirectoryOf(ctx, issuer)
		bound := err == nil && d.ClientID == ""
		switch {
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return d, err
		case !bound && templated(p.issuer) != "":
			return d, connector.Errorf(connector.Forbidden, "Your organization's directory is not known here. Ask who runs this service to add it to your organization.")
		case !bound:
			d = store.Directory{}
		}
	}
	if len(d.AdminGroups)+len(d.MemberGroups) == 0 {
		d.AdminGroups, d.MemberGroups = s.o.AdminGroups, s.o.MemberGroups
	}
	return d, nil
}

// reasonOf is an error without what the provider wrote, in which a token may be.
func reasonOf(err error) string {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil {
		return fmt.Sprintf("status %d", refused.Response.StatusCode)
	}
	return "no answer that can be read"
}

func (s *SignOn) refuse(ctx context.Context, p provider, why string) error {
	s.auth.log.WarnContext(ctx, "identity refused", "reason", why)
	return connector.Errorf(connector.Forbidden,
		"What %s says about you can't be trusted, so you are not signed in. Begin again on the sign-in page; if it stays so, tell who runs this service.", p.name)
}

func away(p provider) error {
	return connector.Errorf(connector.NotAccepted, "%s does not answer as it should right now. Try again in a minute; who has a password here signs in with it meanwhile.", p.name)
}

// tenantID stands for the tenant in the issuer of Entra ID's shared endpoints.
const tenantID = "{tenantid}"

// templated is the issuer of one of Entra ID's shared endpoints, with {tenantid} in it; empty: the issuer is one.
func templated(issuer string) string {
	for _, shared := range []string{"/common/", "/organizations/"} {
		if before, after, ok := strings.Cut(issuer, shared); ok {
			return before + "/" + tenantID + "/" + after
		}
	}
	return ""
}
