package console_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/console"
	"github.com/teamsconnector/teamsconnector/internal/ingest"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// place is a console on a real listener, over a real store.
type place struct {
	t     *testing.T
	store *store.Store
	ring  *keyring.Ring
	who   *auth.Auth
	url   string
	log   *record
	// setup is the secret of the set-up link.
	setup string
}

func open(t *testing.T, o console.Options) *place {
	t.Helper()
	return openBy(t, func(*auth.Auth) console.Options { return o })
}

func openBy(t *testing.T, furnish func(who *auth.Auth) console.Options) *place {
	t.Helper()
	return openUnder(t, admin.Options{}, furnish)
}

func openUnder(t *testing.T, rules admin.Options, furnish func(who *auth.Auth) console.Options) *place {
	t.Helper()
	return openOn(t, store.Options{Dir: t.TempDir()}, rules, furnish)
}

func openOn(t *testing.T, data store.Options, rules admin.Options, furnish func(who *auth.Auth) console.Options) *place {
	t.Helper()
	p := newPlace(t, data)
	rules.Send = ingest.New(p.store, p.ring, idle{}, ingest.Options{}).Send
	p.serve(http.NewServeMux(), admin.New(p.store, rules), furnish(p.who))
	return p
}

// newPlace is the cellar of a console.
func newPlace(t *testing.T, data store.Options) *place {
	t.Helper()
	master, err := keyring.NewKey()
	must(t, err)
	ring, err := keyring.New(master)
	must(t, err)
	data.Ring = ring
	st, err := store.Open(t.Context(), data)
	must(t, err)
	t.Cleanup(func() { must(t, st.Close()) })
	p := &place{t: t, store: st, ring: ring, log: &record{}}
	p.who = auth.New(st, auth.Options{Logger: p.logger()})
	return p
}

func (p *place) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// serve answers people at the desk, beside what the mux holds already.
func (p *place) serve(mux *http.ServeMux, desk *admin.Admin, o console.Options) {
	p.t.Helper()
	assets, err := console.Assets()
	must(p.t, err)
	o.Logger = p.logger()
	console.New(desk, p.who, assets, o).Mount(mux)
	server := httptest.NewServer(mux)
	p.t.Cleanup(server.Close)
	p.url = server.URL
	p.setup, err = p.who.OfferSetup(p.t.Context())
	must(p.t, err)
}

// record keeps what is logged.
type record struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// idle is an engine that sends nothing: messages wait.
type idle struct{}

func (idle) Wake(connector.LaneID, int) {}

func (idle) Forecast(connector.LaneID) connector.Forecast { return connector.Forecast{Waiting: 1} }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// browser is one person's browser: it keeps cookies and follows no redirect by itself.
type browser struct {
	*place
	http.Client
}

func (p *place) browser() *browser {
	jar, err := cookiejar.New(nil)
	must(p.t, err)
	return &browser{p, http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// answer is a page as it came.
type answer struct {
	status   int
	location string
	body     string
	header   http.Header
}

func (b *browser) do(method, path string, typed url.Values, header ...string) answer {
	b.t.Helper()
	var body io.Reader
	if typed != nil {
		body = strings.NewReader(typed.Encode())
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, body)
	must(b.t, err)
	if typed != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := b.Do(r)
	must(b.t, err)
	defer func() { must(b.t, res.Body.Close()) }()
	text, err := io.ReadAll(res.Body)
	must(b.t, err)
	return answer{res.StatusCode, res.Header.Get("Location"), string(text), res.Header}
}

func (b *browser) get(path string) answer { b.t.Helper(); return b.do(http.MethodGet, path, nil) }

func (b *browser) post(path string, typed url.Values) answer {
	b.t.Helper()
	return b.do(http.MethodPost, path, typed)
}

// invite makes somebody of an organization of their own, and returns the secret of their link.
func (p *place) invite(email string) string {
	p.t.Helper()
	shell := connector.Actor{Name: "test", Shell: true}
	made, err := admin.New(p.store, admin.Options{}).CreateOrganization(p.t.Context(), shell, admin.OrganizationRequest{Name: "Fabrikam", AdminEmail: email})
	must(p.t, err)
	return made.AdminLink.Reveal()
}

const goodPassword = "correct horse battery"

func founder() url.Values {
	return url.Values{"organization": {"Contoso"}, "name": {"Mira Kaya"}, "email": {"mira@contoso.example"}, "password": {goodPassword}}
}

func TestSetupLinkWorksOnceAndSignsIn(t *testing.T) {
	p := open(t, console.Options{})
	mira, other := p.browser(), p.browser()

	if got := mira.get("/setup/" + p.setup); got.status != http.StatusOK {
		t.Fatalf("the set-up page: %d", got.status)
	}
	made := mira.post("/setup/"+p.setup, founder())

	if made.status != http.StatusSeeOther || !strings.HasPrefix(made.location, "/subscriptions/sub_") {
		t.Fatalf("set up: %d to %q, want 303 to the subscription", made.status, made.location)
	}
	if got := mira.get("/account"); got.status != http.StatusOK {
		t.Errorf("the account page after it: %d, want to be signed in", got.status)
	}
	if got := other.post("/setup/"+p.setup, founder()); got.status != http.StatusNotFound {
		t.Errorf("the link used again: %d, want 404", got.status)
	}
	if again, err := p.who.OfferSetup(t.Context()); err != nil || again != "" {
		t.Errorf("another link is offered (%v), although there is a person", err)
	}
}

func TestSetupShowsWhatWasTypedAndTheErrorBesideItsField(t *testing.T) {
	p := open(t, console.Options{})
	typed := founder()
	typed.Set("password", "short")

	got := p.browser().post("/setup/"+p.setup, typed)

	if got.status != http.StatusUnprocessableEntity {
		t.Errorf("status %d, want 422", got.status)
	}
	for _, want := range []string{`value="Mira Kaya"`, `id="password-err"`, "needs at least 10"} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(got.body, "short") {
		t.Error("the page shows the password")
	}
}

func TestSigningInNeedsTheRightPassword(t *testing.T) {
	p := open(t, console.Options{})
	p.browser().post("/setup/"+p.setup, founder())
	b := p.browser()

	wrong := b.post("/signin", url.Values{"email": {"mira@contoso.example"}, "password": {"correct horse batterx"}})
	nobody := b.post("/signin", url.Values{"email": {"jan@contoso.example"}, "password": {goodPassword}})
	right := b.post("/signin", url.Values{"email": {"Mira@Contoso.example"}, "password": {goodPassword}, "next": {"/account"}})

	if wrong.status != http.StatusUnprocessableEntity || nobody.status != wrong.status {
		t.Errorf("wrong password %d, unknown address %d, want 422 for both", wrong.status, nobody.status)
	}
	if strings.ReplaceAll(wrong.body, "mira@", "") != strings.ReplaceAll(nobody.body, "jan@", "") {
		t.Error("the pages differ: they tell which addresses have an account")
	}
	if right.status != http.StatusSeeOther || right.location != "/account" {
		t.Errorf("right password: %d to %q, want 303 to /account", right.status, right.location)
	}
}

func TestWhoIsNotSignedInSeesOnlyTheSignInPage(t *testing.T) {
	p := open(t, console.Options{})

	got := p.browser().get("/account")

	if got.status != http.StatusSeeOther || got.location != "/signin?next=%2Faccount" {
		t.Errorf("%d to %q, want 303 to the sign-in page that leads back", got.status, got.location)
	}
}

func TestSessionEndsForTheBrowserThatIsSignedOut(t *testing.T) {
	p := open(t, console.Options{})
	first, second := p.browser(), p.browser()
	first.post("/setup/"+p.setup, founder())
	second.post("/signin", url.Values{"email": {"mira@contoso.example"}, "password": {goodPassword}})
	other := ""
	for row := range strings.SplitSeq(first.get("/account").body, "<tr>") {
		if _, rest, found := strings.Cut(row, "/account/sessions/"); found && !strings.Contains(row, "this browser") {
			other, _, _ = strings.Cut(rest, "/")
		}
	}

	first.post("/account/sessions/"+other+"/end", url.Values{})

	if got := second.get("/account").status; got != http.StatusSeeOther {
		t.Errorf("the session that was ended: %d, want 303 to the sign-in page", got)
	}
	if got := first.get("/account").status; got != http.StatusOK {
		t.Errorf("the other session: %d, want 200", got)
	}
	first.post("/signout", url.Values{})
	if got := first.get("/account").status; got != http.StatusSeeOther {
		t.Errorf("signed out: %d, want 303", got)
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	p := open(t, console.Options{})
	b := p.browser()
	b.post("/setup/"+p.setup, founder())

	got := b.do(http.MethodPost, "/signout", url.Values{}, "Sec-Fetch-Site", "cross-site")

	if got.status != http.StatusForbidden {
		t.Errorf("a form of another site: %d, want 403", got.status)
	}
	if still := b.get("/account").status; still != http.StatusOK {
		t.Errorf("afterwards: %d, want to be signed in still", still)
	}
}

func TestReturnPathsStayHere(t *testing.T) {
	p := open(t, console.Options{})
	p.browser().post("/setup/"+p.setup, founder())

	for _, next := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "\\/evil.example", "javascript:alert(1)", "/%0d%0aLocation:x\r\n", ""} {
		got := p.browser().post("/signin", url.Values{"email": {"mira@contoso.example"}, "password": {goodPassword}, "next": {next}})
		if got.location != "/" {
			t.Errorf("next=%q leads to %q, want /", next, got.location)
		}
	}
}

func TestPagesForbidScriptsOfOthersAndAreNotKept(t *testing.T) {
	p := open(t, console.Options{})

	got := p.browser().get("/signin")

	policy := got.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	if strings.Contains(got.body, "style=") || strings.Contains(got.body, "onclick") || strings.Contains(got.body, "<script>") {
		t.Error("the page has something inline")
	}
	if keep := got.header.Get("Cache-Control"); keep != "no-store" {
		t.Errorf("Cache-Control %q, want no-store", keep)
	}
}

func TestCookiesAreBoundToTheHostByHTTPS(t *testing.T) {
	p := open(t, console.Options{Secure: true})

	got := p.browser().post("/setup/"+p.setup, founder())

	cookie := strings.Join(got.header.Values("Set-Cookie"), "\n")
	for _, want := range []string{"__Host-session=", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie %q lacks %q", cookie, want)
		}
	}
}
