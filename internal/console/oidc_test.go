package console_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/console"
)

// provider is an OpenID Connect provider that can be told to misbehave.
type provider struct {
	url   string
	key   *rsa.PrivateKey
	nonce string
	spoil func(claims map[string]any)
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	p := &provider{key: key, spoil: func(map[string]any) {}}
	mux := http.NewServeMux()
	reply := func(w http.ResponseWriter, body any) {
		w.Header().Set("Content-Type", "application/json")
		must(t, json.NewEncoder(w).Encode(body))
	}
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"issuer": p.url, "authorization_endpoint": p.url + "/authorize", "token_endpoint": p.url + "/token", "jwks_uri": p.url + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "1", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, _ *http.Request) {
		claims := map[string]any{
			"iss": p.url, "aud": "us", "sub": "s1", "nonce": p.nonce, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
			"email": "ines@fabrikam.example", "email_verified": true,
		}
		p.spoil(claims)
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: p.key, KeyID: "1"}}, nil)
		must(t, err)
		raw, err := json.Marshal(claims)
		must(t, err)
		signed, err := signer.Sign(raw)
		must(t, err)
		token, err := signed.CompactSerialize()
		must(t, err)
		reply(w, map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": token})
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func TestIdentityProviderSignsInWhoWasInvitedAndNobodyElse(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(claims map[string]any)
		state string
		want  int
	}{
		"good":            {want: http.StatusSeeOther},
		"wrong issuer":    {spoil: func(c map[string]any) { c["iss"] = "https://other.example" }, want: http.StatusForbidden},
		"wrong audience":  {spoil: func(c map[string]any) { c["aud"] = "them" }, want: http.StatusForbidden},
		"wrong party":     {spoil: func(c map[string]any) { c["azp"] = "them" }, want: http.StatusForbidden},
		"wrong nonce":     {spoil: func(c map[string]any) { c["nonce"] = "n" }, want: http.StatusForbidden},
		"expired":         {spoil: func(c map[string]any) { c["exp"] = 1 }, want: http.StatusForbidden},
		"unverified":      {spoil: func(c map[string]any) { c["email_verified"] = false }, want: http.StatusForbidden},
		"somebody else's": {spoil: func(c map[string]any) { c["email"] = "eve@fabrikam.example" }, want: http.StatusForbidden},
		"wrong state":     {state: "x", want: http.StatusUnprocessableEntity},
	} {
		t.Run(name, func(t *testing.T) {
			idp := newProvider(t)
			if c.spoil != nil {
				idp.spoil = c.spoil
			}
			p := openWith(t, idp)
			p.invite("ines@fabrikam.example")
			b := p.browser()
			to, err := url.Parse(b.get("/signin/oidc?next=%2Fmembers").location)
			must(t, err)
			idp.nonce = to.Query().Get("nonce")
			state := to.Query().Get("state") + c.state
			back := "/signin/oidc/callback?code=c&state=" + url.QueryEscape(state)

			got := b.get(back)

			if got.status != c.want {
				t.Fatalf("status %d, want %d: %s", got.status, c.want, got.body)
			}
			if c.want == http.StatusSeeOther && got.location != "/members" {
				t.Errorf("led to %q, want /members", got.location)
			}
			if in := b.get("/account").status == http.StatusOK; in != (c.want == http.StatusSeeOther) {
				t.Errorf("signed in: %v", in)
			}
			if again := b.get(back); again.status != http.StatusUnprocessableEntity || strings.Contains(again.body, state) {
				t.Errorf("the same answer again: %d", again.status)
			}
		})
	}
}

func openWith(t *testing.T, idp *provider) *place {
	t.Helper()
	return openBy(t, func(who *auth.Auth) console.Options {
		return console.Options{OIDC: auth.NewOIDC(who, auth.OIDCOptions{
			Issuer: idp.url, ClientID: "us", Name: "Sign in with Contoso", Callback: "http://here.example/signin/oidc/callback", Trusted: []string{idp.url},
		})}
	})
}
