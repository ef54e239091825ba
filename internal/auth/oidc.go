package auth

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/outbound"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// FlowLife is how long somebody may take at the identity provider.
const FlowLife = 10 * time.Minute

// maxProviderBody is far above discovery, keys and tokens of any provider.
const maxProviderBody = 1 << 20

// OIDCOptions describes an OpenID Connect provider.
type OIDCOptions struct {
	// Issuer is the provider's URL. Of Entra ID's common and organizations endpoints
	// the issuer differs by tenant; then Tenants are needed.
	Issuer, ClientID string
	ClientSecret     connector.Secret
	// Name is what people call the provider.
	Name string
	// Callback is the URL to which the provider sends people back.
	Callback string
	// Tenants are the Entra tenant ids that may come; nil: any that the issuer speaks for.
	Tenants []string
	// Organizations says by tenant id or issuer which organization it stands for.
	Organizations map[string]connector.OrganizationID
	// AdminGroups and MemberGroups are groups or roles of the provider that give a
	// role in the organization; where any are named, who is in none of them is refused.
	AdminGroups, MemberGroups []string
	// Signup says who may come the first time; zero: who is invited.
	Signup store.Signup
	// Trusted are origins that are called although they are not https or not public.
	Trusted []string
}

// OIDC signs people in by an OpenID Connect provider.
type OIDC struct {
	auth   *Auth
	o      OIDCOptions
	client *http.Client
	// templated is the issuer with {tenantid} in it; empty: the issuer is one.
	templated string

	mu       sync.Mutex
	provider *oidc.Provider // nil until it was reached
}

// tenantID stands for the tenant in the issuer of Entra ID's shared endpoints.
const tenantID = "{tenantid}"

// NewOIDC makes a provider's desk; it calls nobody yet.
func NewOIDC(a *Auth, o OIDCOptions) *OIDC {
	if o.Signup == 0 {
		o.Signup = store.SignupInvited
	}
	out := outbound.New(outbound.Options{Trusted: o.Trusted, Total: 10 * time.Second, MaxBody: maxProviderBody})
	p := &OIDC{auth: a, o: o, client: &http.Client{
		Transport:     wire{out},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	for _, shared := range []string{"/common/", "/organizations/"} {
		if before, after, ok := strings.Cut(o.Issuer, shared); ok {
			p.templated = before + "/" + tenantID + "/" + after
		}
	}
	return p
}

// wire lets go-oidc and oauth2 call by the guarded client.
type wire struct{ *outbound.Client }

// RoundTrip makes one call.
func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	got, failure := w.Do(r.Context(), r)
	if failure != nil {
		return nil, failure.Err
	}
	return &http.Response{
		Status: http.StatusText(got.Status), StatusCode: got.Status, Header: got.Header, Request: r, ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(got.Body)), ContentLength: int64(len(got.Body)),
	}, nil
}

// Name is what people call the provider.
func (p *OIDC) Name() string { return p.o.Name }

// Check reads the provider's description, as every sign-in needs it.
func (p *OIDC) Check(ctx context.Context) error {
	_, err := p.reach(ctx)
	return err
}

// reach returns the provider, whose description is read once.
func (p *OIDC) reach(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	known := p.provider
	p.mu.Unlock()
	if known != nil {
		return known, nil
	}
	ctx = oidc.ClientContext(ctx, p.client)
	if p.templated != "" {
		ctx = oidc.InsecureIssuerURLContext(ctx, p.templated) // each token's issuer is checked with its tenant
	}
	found, err := oidc.NewProvider(ctx, p.o.Issuer)
	if err != nil {
		p.auth.log.WarnContext(ctx, "identity provider not reached", "error", err)
		return nil, p.away()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.provider = found
	return found, nil
}

func (p *OIDC) away() error {
	return connector.Errorf(connector.NotAccepted,
		"%s does not answer as it should right now. Try again in a minute; who has a password here can sign in with it.", p.o.Name)
}

// flow is one sign-in under way. It is kept by the browser that began it, so
// that no other can end it.
type flow struct {
	State, Nonce, Verifier, Next string
	Until                        time.Time

	issuer string // as the answer names it; empty: it does not
}

func (p *OIDC) config(at *oidc.Provider) oauth2.Config {
	return oauth2.Config{
		ClientID: p.o.ClientID, ClientSecret: p.o.ClientSecret.Reveal(), RedirectURL: p.o.Callback, Endpoint: at.Endpoint(),
		Scopes: []string{oidc.ScopeOpenID, "email", "profile"},
	}
}

// Start returns the URL of the provider to lead somebody to, and the cookie
// that Finish wants back; next is where they then go.
func (p *OIDC) Start(ctx context.Context, next string) (to, cookie string, err error) {
	at, err := p.reach(ctx)
	if err != nil {
		return "", "", err
	}
	f := flow{Verifier: oauth2.GenerateVerifier(), Next: next, Until: p.auth.store.Now().Add(FlowLife)}
	for _, into := range []*string{&f.State, &f.Nonce} {
		if *into, err = keyring.NewToken(); err != nil {
			return "", "", err
		}
	}
	kept, err := json.Marshal(f)
	if err != nil {
		return "", "", fmt.Errorf("keep a sign-in: %w", err)
	}
	config := p.config(at)
	to = config.AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier))
	return to, base64.RawURLEncoding.EncodeToString(kept), nil
}

// OIDCAnswer is what somebody comes back with from the provider.
type OIDCAnswer struct {
	Cookie           string
	Query            url.Values
	Address, Browser string
}

// Finish ends a sign-in: it returns the secret of a new session and where to go.
func (p *OIDC) Finish(ctx context.Context, r OIDCAnswer) (secret, next string, err error) {
	f, err := p.flow(r)
	if err != nil {
		return "", "", err
	}
	at, err := p.reach(ctx)
	if err != nil {
		return "", "", err
	}
	if r.Query.Get("error") != "" {
		return "", "", connector.Errorf(connector.Forbidden, "%s did not sign you in. Try again, or ask who runs it.", p.o.Name)
	}
	who, err := p.identity(ctx, at, f, r.Query.Get("code"))
	if err != nil {
		return "", "", err
	}
	known, err := p.auth.store.Identify(ctx, who)
	if err != nil {
		return "", "", err
	}
	if secret, err = keyring.NewToken(); err != nil {
		return "", "", err
	}
	_, err = p.auth.store.CreateSignIn(ctx, store.NewSignIn{
		Of: known, Hash: keyring.Hash(secret), Life: SessionLife, Address: r.Address, Browser: r.Browser,
	})
	return secret, f.Next, err
}

func (p *OIDC) flow(r OIDCAnswer) (f flow, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(r.Cookie)
	if err == nil {
		err = json.Unmarshal(raw, &f)
	}
	if err != nil || f.State == "" || !p.auth.store.Now().Before(f.Until) || !same(f.State, r.Query.Get("state")) {
		return f, connector.Errorf(connector.TokenInvalid,
			"This sign-in was not begun in this browser, was ended already, or took too long. Begin again on the sign-in page.")
	}
	f.issuer = r.Query.Get("iss")
	return f, nil
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// identity trades the code for a token and reads who it is about.
func (p *OIDC) identity(ctx context.Context, at *oidc.Provider, f flow, code string) (who store.Identity, err error) {
	ctx = oidc.ClientContext(ctx, p.client)
	config := p.config(at)
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) && refused.ErrorCode == "invalid_grant" {
			return who, p.refuse(ctx, "code refused")
		}
		p.auth.log.WarnContext(ctx, "identity provider gave no token", "reason", reasonOf(err))
		return who, p.away()
	}
	raw, _ := token.Extra("id_token").(string) // none: the check below fails
	verifier := at.VerifierContext(ctx, &oidc.Config{ClientID: p.o.ClientID, Now: p.auth.store.Now, SkipIssuerCheck: p.templated != ""})
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		return who, p.refuse(ctx, "token not valid")
	}
	var c claims
	if err := id.Claims(&c); err != nil {
		return who, p.refuse(ctx, "claims not readable")
	}
	if why := p.wrong(at, id, c, f); why != "" {
		return who, p.refuse(ctx, why)
	}
	if c.Email == "" {
		if err := p.ask(ctx, at, token, id.Subject, &c); err != nil {
			return who, err
		}
	}
	return p.person(id, c)
}

// reasonOf is an error without what the provider wrote, in which a token may be.
func reasonOf(err error) string {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil {
		return fmt.Sprintf("status %d", refused.Response.StatusCode)
	}
	return "no answer that can be read"
}

func (p *OIDC) refuse(ctx context.Context, why string) error {
	p.auth.log.WarnContext(ctx, "identity refused", "reason", why)
	return connector.Errorf(connector.Forbidden, "What %s says about you can't be trusted, so you are not signed in. Begin again on the sign-in page; if it stays so, tell who runs this service.", p.o.Name)
}
