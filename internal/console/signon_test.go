package console_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/console"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

const here = "http://here.example"

// withProvider is a console whose people come by a provider.
func withProvider(t *testing.T, idp *provider, change ...func(o *auth.SignOnOptions)) *place {
	t.Helper()
	return openBy(t, func(who *auth.Auth) console.Options {
		o := auth.SignOnOptions{
			Issuer: idp.URL, ClientID: clientID, ClientSecret: connector.NewSecret(clientSecret), Name: "Sign in with Contoso", PublicURL: here,
		}
		for _, c := range change {
			c(&o)
		}
		return console.Options{SignOn: auth.NewSignOn(who, o)}
	})
}

// visitProvider follows the links from a path of the console to the provider and
// returns where the provider sends the browser back to, as a path of the console.
func (b *browser) visitProvider(path string) string {
	b.t.Helper()
	start := b.get(path)
	if start.status != http.StatusSeeOther {
		b.t.Fatalf("%s answers %d: %s", path, start.status, start.body)
	}
	return b.atProvider(start.location)
}

func (b *browser) atProvider(to string) string {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, to, nil)
	must(b.t, err)
	res, err := b.Do(r)
	must(b.t, err)
	must(b.t, res.Body.Close())
	back, found := strings.CutPrefix(res.Header.Get("Location"), here)
	if !found {
		b.t.Fatalf("the provider answers %d and leads to %q", res.StatusCode, res.Header.Get("Location"))
	}
	return back
}

func (b *browser) signedIn() bool { b.t.Helper(); return b.get("/account").status == http.StatusOK }

// silent holds that nothing which only the provider and the browser may know was written to the log.
func (p *place) silent(idp *provider) {
	p.t.Helper()
	log := p.log.String()
	for _, secret := range append([]string{"canary", "ines@"}, idp.secrets...) {
		if secret != "" && strings.Contains(log, secret) {
			p.t.Errorf("the log has %.40q:\n%s", secret, log)
		}
	}
}

func TestHostileIdentityProviderGetsNowhere(t *testing.T) {
	const untrusted, begun, unknown = "can&#39;t be trusted", "was not begun in this browser", "no account here yet"
	set := func(name string, value any) func(*provider) {
		return func(p *provider) { p.spoil = func(c map[string]any) { c[name] = value } }
	}
	brings := func(name, value string) func(*provider) {
		return func(p *provider) { p.answer = func(q url.Values) { q.Set(name, value) } }
	}
	for name, c := range map[string]struct {
		idp  func(p *provider)
		want int
		says string
	}{
		"wrong issuer":            {set("iss", "https://other.example"), 403, untrusted},
		"wrong audience":          {set("aud", "them"), 403, untrusted},
		"two audiences, no party": {set("aud", []string{clientID, "them"}), 403, untrusted},
		"made for another party":  {set("azp", "them"), 403, untrusted},
		"wrong nonce":             {set("nonce", "n"), 403, untrusted},
		"no nonce":                {func(p *provider) { p.spoil = func(c map[string]any) { delete(c, "nonce") } }, 403, untrusted},
		"expired":                 {set("exp", 1), 403, untrusted},
		"not valid yet":           {set("nbf", 1<<40), 403, untrusted},
		"no subject":              {set("sub", ""), 403, untrusted},
		"claims of odd kinds":     {set("email", []int{1}), 403, untrusted},
		"alg none":                {func(p *provider) { p.sign = unsigned }, 403, untrusted},
		"HS256 by the public key": {func(p *provider) { p.sign = p.confused }, 403, untrusted},
		"unknown key": {func(p *provider) {
			p.sign = func(c []byte) string {
				return signed(p.t, jose.ES256, jose.JSONWebKey{Key: newKey(p.t), KeyID: "2"}, c)
			}
		}, 403, untrusted},
		"another key under the known id": {func(p *provider) {
			p.sign = func(c []byte) string {
				return signed(p.t, jose.ES256, jose.JSONWebKey{Key: newKey(p.t), KeyID: "1"}, c)
			}
		}, 403, untrusted},
		"no token":                   {func(p *provider) { p.sign = func([]byte) string { return "" } }, 403, untrusted},
		"no JWT":                     {func(p *provider) { p.sign = func([]byte) string { return "canary.canary" } }, 403, untrusted},
		"answer of another provider": {brings("iss", "https://other.example"), 403, untrusted},
		"no issuer where it is promised": {
			func(p *provider) {
				p.says = map[string]any{"authorization_response_iss_parameter_supported": true}
			}, 403, untrusted,
		},
		"wrong state":   {brings("state", "x"), 422, begun},
		"no state":      {brings("state", ""), 422, begun},
		"unknown code":  {brings("code", "canary"), 403, untrusted},
		"refused there": {brings("error", "access_denied"), 403, "did not sign you in"},
		"userinfo about somebody else": {func(p *provider) {
			delete(p.claims, "email")
			p.info = map[string]any{"sub": "other", "email": "ines@fabrikam.example", "email_verified": true}
		}, 403, untrusted},
		"unverified address":      {set("email_verified", false), 403, "an address alone does not open"},
		"verified in words only":  {set("email_verified", "yes"), 403, "an address alone does not open"},
		"address of nobody":       {set("email", "eve@fabrikam.example"), 403, unknown},
		"address of the operator": {set("email", "mira@contoso.example"), 403, "an address alone does not open"},
		"no address":              {func(p *provider) { p.spoil = func(c map[string]any) { delete(c, "email") } }, 403, "does not say your e-mail address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := newProvider(t)
			p := withProvider(t, idp)
			p.browser().post("/setup/"+p.setup, founder())
			p.invite("ines@fabrikam.example")
			c.idp(idp)
			b := p.browser()

			got := b.get(b.visitProvider("/signin/oidc"))

			if got.status != c.want || !strings.Contains(got.body, c.says) {
				t.Errorf("answers %d, want %d and %q: %s", got.status, c.want, c.says, between(got.body, "<main", "</main>"))
			}
			if strings.Contains(got.body, "canary") {
				t.Error("the page shows what the provider said")
			}
			if b.signedIn() {
				t.Error("somebody is signed in")
			}
			p.silent(idp)
		})
	}
}

func TestIdentityProviderSignsInWhoWasInvitedByTheirAddress(t *testing.T) {
	idp := newProvider(t)
	p := withProvider(t, idp)
	p.invite("ines@fabrikam.example")
	b := p.browser()
	back := b.visitProvider("/signin/oidc?next=%2Fmembers")

	got := b.get(back)

	if got.status != http.StatusSeeOther || got.location != "/members" || !b.signedIn() {
		t.Fatalf("answers %d to %q: %s", got.status, got.location, got.body)
	}
	idp.claims["email"] = "ines.new@fabrikam.example" // bound to the subject, whatever the address is now
	again := p.browser()
	again.get(again.visitProvider("/signin/oidc"))
	if !strings.Contains(again.get("/account").body, "ines@fabrikam.example") {
		t.Error("after a change of the address somebody else is signed in")
	}
	idp.claims["sub"] = "canary-other"
	idp.claims["email"] = "ines@fabrikam.example" // a second one claims the address
	eve := p.browser()
	if got := eve.get(eve.visitProvider("/signin/oidc")); got.status != http.StatusForbidden || eve.signedIn() {
		t.Errorf("another subject with the same address: %d", got.status)
	}
	p.silent(idp)
}

func TestALinkOfAMailLeadsOnByAProviderToo(t *testing.T) {
	idp := newProvider(t)
	p := withProvider(t, idp)
	for next, want := range map[string]string{
		"/members?dialog=invite": "/members?dialog=invite", "//evil.example": "/", `/\evil.example`: "/", "https://evil.example/": "/", "javascript:alert(1)": "/", "": "/",
	} {
		link := "/link/" + p.invite(fmt.Sprintf("p%x@fabrikam.example", next)) + "?next=" + url.QueryEscape(next)
		idp.claims["sub"] = "canary " + next
		b := p.browser()
		way := html.UnescapeString(between(b.get(link).body, `class="btn" href="`, `"`))

		got := b.get(b.visitProvider(way))

		if got.status != http.StatusSeeOther || got.location != want {
			t.Errorf("next=%q by %q: %d to %q, want %q", next, way, got.status, got.location, want)
		}
	}
}

func TestAnAnswerIsTakenOnceAndInItsOwnBrowserOnly(t *testing.T) {
	idp := newProvider(t)
	p := withProvider(t, idp)
	p.invite("ines@fabrikam.example")
	b, thief := p.browser(), p.browser()
	back := b.visitProvider("/signin/oidc")
	cookies := b.Jar.Cookies(mustURL(t, p.url))

	if got := thief.get(back); got.status != http.StatusUnprocessableEntity || thief.signedIn() {
		t.Errorf("in another browser: %d", got.status)
	}
	thief.visitProvider("/signin/oidc")
	if got := thief.get(back); got.status != http.StatusUnprocessableEntity || thief.signedIn() {
		t.Errorf("in another browser with a sign-in of its own: %d", got.status)
	}
	if got := b.get(back); got.status != http.StatusSeeOther {
		t.Fatalf("in its own: %d %s", got.status, got.body)
	}
	if got := b.get(back); got.status != http.StatusUnprocessableEntity {
		t.Errorf("again: %d", got.status)
	}
	thief.Jar.SetCookies(mustURL(t, p.url), cookies) // even with a stolen cookie the code is spent
	if got := thief.get(back); got.status != http.StatusForbidden || thief.signedIn() {
		t.Errorf("again with the cookie: %d", got.status)
	}
	p.silent(idp)
}

func mustURL(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	must(t, err)
	return u
}

// Two providers: an answer to one is never taken for that of the other.
func TestProvidersAreNotMixedUp(t *testing.T) {
	idp, own := newProvider(t), newProvider(t)
	p := withProvider(t, idp, func(o *auth.SignOnOptions) { o.Trusted = []string{own.URL} })
	p.invite("ines@fabrikam.example")
	desk := admin.New(p.store, admin.Options{})
	org, err := desk.CreateOrganization(t.Context(), shell(), admin.OrganizationRequest{Name: "Northwind", AdminEmail: "ada@northwind.example"})
	must(t, err)
	d, err := p.store.CreateDirectory(t.Context(), store.NewDirectory{
		Directory: store.Directory{Organization: org.ID, Issuer: own.URL, ClientID: clientID, Name: "Northwind"}, Secret: connector.NewSecret(clientSecret),
	})
	must(t, err)
	b := p.browser()

	first := b.visitProvider("/signin/oidc")
	if got := b.get(strings.Replace(first, "/oidc/", "/oidc/"+string(d.ID)+"/", 1)); got.status != http.StatusUnprocessableEntity || b.signedIn() {
		t.Errorf("the answer of one at the door of the other: %d", got.status)
	}
	// The other's answer, brought to the sign-in that was begun at the first.
	stranger := p.browser()
	code := mustURL(t, stranger.visitProvider("/signin/oidc/"+string(d.ID))).Query().Get("code")
	back := mustURL(t, b.visitProvider("/signin/oidc"))
	q := back.Query()
	q.Set("code", code)
	if got := b.get(back.Path + "?" + q.Encode()); got.status != http.StatusForbidden || b.signedIn() {
		t.Errorf("the code of the other: %d", got.status)
	}
	// The same subject of two issuers is two people.
	own.claims["email"] = "ada@northwind.example"
	ada, ines := p.browser(), p.browser()
	ada.get(ada.visitProvider("/signin/oidc/" + string(d.ID)))
	ines.get(ines.visitProvider("/signin/oidc"))
	if a, i := ada.get("/account").body, ines.get("/account").body; !strings.Contains(a, "ada@northwind") || !strings.Contains(i, "ines@fabrikam") {
		t.Error("the same subject of two issuers is not two people")
	}
	if page := ada.get("/signin?out=1"); ada.post("/signout", url.Values{}).status != http.StatusSeeOther || !strings.Contains(ada.get("/signin").body, "/signin/oidc/"+string(d.ID)) {
		t.Errorf("the sign-in page does not remember the own provider: %s", page.body)
	}
	p.silent(idp)
	p.silent(own)
}

func shell() connector.Actor { return connector.Actor{Name: "test", Shell: true} }

func TestReturnPathsOfAnIdentityProviderStayHere(t *testing.T) {
	idp := newProvider(t)
	p := withProvider(t, idp)
	p.invite("ines@fabrikam.example")
	for _, next := range []string{
		"https://evil.example/", "//evil.example", `/\evil.example`, `\\evil.example`, `\/evil.example`, "/%2f%2fevil.example/..//", "///evil.example",
		"/%09/evil.example", "/\t/evil.example", "javascript:alert(1)", "http:evil.example", "%2f%2fevil.example", "/%0d%0aLocation:x\r\n", "",
	} {
		b := p.browser()
		got := b.get(b.visitProvider("/signin/oidc?next=" + url.QueryEscape(next)))
		at, err := url.Parse(got.location)
		if err != nil || got.status != http.StatusSeeOther || at.Host != "" || at.Scheme != "" || strings.HasPrefix(got.location, "//") || strings.ContainsAny(got.location, "\\\t\r\n") {
			t.Errorf("next=%q leads to %q", next, got.location)
		}
	}
}

func TestWithTheProviderDownPeopleSignInByPassword(t *testing.T) {
	idp := newProvider(t)
	p := withProvider(t, idp)
	p.browser().post("/setup/"+p.setup, founder())
	idp.down = true
	b := p.browser()

	page := b.get("/signin")
	start := b.get("/signin/oidc?next=%2Fmembers")
	in := b.post("/signin", url.Values{"email": {"mira@contoso.example"}, "password": {goodPassword}, "next": {"/members"}})

	if page.status != http.StatusOK || !strings.Contains(page.body, `href="/signin/oidc?next=`) {
		t.Errorf("the sign-in page: %d", page.status)
	}
	if start.status != http.StatusServiceUnavailable || !strings.Contains(start.body, "does not answer") || !strings.Contains(start.body, `name="password"`) || !strings.Contains(start.body, `value="/members"`) {
		t.Errorf("the way to the provider answers %d: %s", start.status, start.body)
	}
	if in.status != http.StatusSeeOther || in.location != "/members" || !b.signedIn() {
		t.Errorf("with the password: %d to %q", in.status, in.location)
	}
	idp.down = false
	back := b.visitProvider("/signin/oidc")
	idp.down = true // between the two calls
	if got := b.get(back); got.status != http.StatusServiceUnavailable {
		t.Errorf("the provider went away on the way: %d", got.status)
	}
	p.silent(idp)
}
