package console_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	clientID     = "this-installation"
	clientSecret = "canary-client-secret"
)

// provider is an OpenID Connect provider that can be told to misbehave. What it
// says of somebody holds the word canary, to be found where it should not be.
type provider struct {
	*httptest.Server

	t   *testing.T
	key *ecdsa.PrivateKey
	// claims are what it says in its tokens; spoil changes that at the last moment.
	claims map[string]any
	spoil  func(claims map[string]any)
	// sign makes the token; nil: as a good provider does.
	sign func(claims []byte) string
	// info is what userinfo says; nil: it has no such endpoint.
	info map[string]any
	// answer changes what the browser brings back.
	answer func(q url.Values)
	// says is added to the provider's description.
	says map[string]any
	down bool

	mu      sync.Mutex
	grants  map[string]url.Values // by code: with what it was asked for
	secrets []string              // that went over the wire
}

// newProvider starts one that says of ines@fabrikam.example that the address is verified.
func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{t: t, key: newKey(t), grants: map[string]url.Values{}, spoil: func(map[string]any) {}, answer: func(url.Values) {}}
	p.claims = map[string]any{"sub": "canary-subject", "email": "ines@fabrikam.example", "email_verified": true, "name": "Ines", "given_name": "canary-name"}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.describe)
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.reply(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &p.key.PublicKey, KeyID: "1", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, _ *http.Request) { p.reply(w, http.StatusOK, p.info) })
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.down {
			http.Error(w, "canary-page", http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

func (p *provider) reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	must(p.t, json.NewEncoder(w).Encode(body))
}

func (p *provider) describe(w http.ResponseWriter, _ *http.Request) {
	d := map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"},
	}
	if p.info != nil {
		d["userinfo_endpoint"] = p.URL + "/userinfo"
	}
	maps.Copy(d, p.says)
	p.reply(w, http.StatusOK, d)
}

// authorize lets whoever comes in without asking, and sends them back with a code.
func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	asked := r.URL.Query()
	if asked.Get("client_id") != clientID || asked.Get("code_challenge_method") != "S256" || asked.Get("nonce") == "" || asked.Get("response_type") != "code" {
		http.Error(w, "not asked as it should be", http.StatusBadRequest)
		return
	}
	code := "canary-code-" + rand.Text()
	p.mu.Lock()
	p.grants[code] = asked
	p.secrets = append(p.secrets, code, asked.Get("nonce"), asked.Get("state"))
	p.mu.Unlock()
	back, err := url.Parse(asked.Get("redirect_uri"))
	must(p.t, err)
	q := url.Values{"code": {code}, "state": {asked.Get("state")}}
	p.answer(q)
	back.RawQuery = q.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// token trades a code, once, for tokens: with the client's secret, the verifier and the same address to come back to.
func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	asked, ok := p.grants[r.PostFormValue("code")]
	delete(p.grants, r.PostFormValue("code"))
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	id, secret, basic := r.BasicAuth()
	switch {
	case !basic || id != clientID || secret != clientSecret:
		p.reply(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client", "error_description": "canary-description"})
		return
	case !ok || r.PostFormValue("redirect_uri") != asked.Get("redirect_uri") || base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge"):
		p.reply(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant", "error_description": "canary-description"})
		return
	}
	now := time.Now()
	claims := map[string]any{"iss": p.URL, "aud": clientID, "nonce": asked.Get("nonce"), "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	maps.Copy(claims, p.claims)
	p.spoil(claims)
	raw, err := json.Marshal(claims)
	must(p.t, err)
	var token string
	if p.sign == nil {
		token = signed(p.t, jose.ES256, jose.JSONWebKey{Key: p.key, KeyID: "1"}, raw)
	} else {
		token = p.sign(raw)
	}
	p.mu.Lock()
	p.secrets = append(p.secrets, token)
	p.mu.Unlock()
	p.reply(w, http.StatusOK, map[string]any{"access_token": "canary-access", "token_type": "Bearer", "id_token": token})
}

func signed(t *testing.T, alg jose.SignatureAlgorithm, key any, claims []byte) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, nil)
	must(t, err)
	made, err := signer.Sign(claims)
	must(t, err)
	token, err := made.CompactSerialize()
	must(t, err)
	return token
}

// unsigned is a token of the algorithm none.
func unsigned(claims []byte) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"none","kid":"1"}`)) + "." + part(claims) + "."
}

// confused is a token signed with the public key as if it were a shared secret.
func (p *provider) confused(claims []byte) string {
	public, err := x509.MarshalPKIXPublicKey(&p.key.PublicKey)
	must(p.t, err)
	return signed(p.t, jose.HS256, jose.JSONWebKey{Key: public, KeyID: "1"}, claims)
}
