package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"github.com/teamsconnector/teamsconnector/internal/browsertest"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/console"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// full is a console with something on every page: keys, members, a token, webhooks in
// several states, messages that wait.
func full(t *testing.T) (b *browser, sub, hook, message string) {
	t.Helper()
	b, sub, hook = withWebhook(t)
	hook = "wh_" + hook
	b.post("/subscriptions/"+sub+"/keys", url.Values{"name": {"Invoice app"}})
	org := between(b.get("/members").body, `action="/organizations/`, "/")
	b.post("/organizations/"+org+"/members", url.Values{"email": {"jan@contoso.example"}, "role": {"member"}})
	b.post("/organizations/"+org+"/tokens", url.Values{"name": {"CI"}, "role": {"member"}, "expires": {"90"}})
	b.post("/console/webhooks", url.Values{"instance": {sub}, "name": {"Alerts"}, "url": {strings.Replace(flowURL, "0112b6e0", "0112b6e1", 1)}})
	b.post("/webhooks/"+hook+"/pause", url.Values{})
	for range 3 {
		message = b.accept(sub, hook, connector.Content{Kind: connector.KindText, Body: []byte("Order 4711 was shipped")})
	}
	return b, sub, hook, message
}

// accept has a message wait under the first keys of a subscription.
func (b *browser) accept(sub, hook string, content connector.Content) string {
	b.t.Helper()
	keys, err := b.store.KeysOf(b.t.Context(), connector.SubscriptionID(sub))
	must(b.t, err)
	row, err := b.store.KeysByLicense(b.t.Context(), keys[0].LicenseKey)
	must(b.t, err)
	id := connector.MessageID(connector.PublicID(connector.MessagePrefix, uuid.Must(uuid.NewV7())))
	_, err = b.store.Accept(b.t.Context(), store.AcceptRequest{
		License: row.License, Message: connector.Message{ID: id, Webhook: connector.WebhookID(hook), Content: content},
		Sealed: b.ring.Seal(store.BodyPlace(row.License.Subscription, id), time.Now(), content.Body),
		Size:   len(content.Body), MAC: keyring.ContentMAC(b.store.MACKey(), []byte(hook), content.Body),
	})
	must(b.t, err)
	return string(id)
}

// look is a way in which pages are seen.
type look struct {
	name   string
	width  int64
	height int64
	theme  string
}

func looks() []look {
	return []look{{"light", 1280, 900, "light"}, {"dark", 1280, 900, "dark"}, {"phone", 390, 844, "light"}}
}

// set has the page that is open be seen so.
func (l look) set(ctx context.Context, t *testing.T) {
	t.Helper()
	must(t, chromedp.Do(ctx, chromedp.EmulateViewport(l.width, l.height)))
	// The buttons' colours change softly: what is seen is how they end.
	browsertest.Ask[bool](ctx, t, fmt.Sprintf(`document.documentElement.dataset.theme = %q; getComputedStyle(document.body).color;
		document.getAnimations().forEach(a => a.finish()); true`, l.theme))
}

// worlds are what the pages are seen in, made when first asked for.
type worlds map[content]*world

func (all worlds) of(t *testing.T, s sight) *world {
	t.Helper()
	in := s.content
	if in == wrong || in == empty && strings.Contains(s.address, "{unused}") {
		in = rich
	}
	if all[in] == nil {
		switch in {
		case fresh:
			p := open(t, console.Options{})
			all[in] = &world{browser: p.browser(), names: map[string]string{"setup": p.setup}}
		case empty:
			all[in] = newWorld(t)
		default:
			all[in] = lively(t)
		}
	}
	return all[in]
}

// visit opens a page in the browser as somebody would: by its address, or by sending a form.
func (w *world) visit(ctx context.Context, t *testing.T, s sight) {
	t.Helper()
	path, typed := fields(w.at(s.address))
	if in := !s.open(); in != w.shown {
		w.signIn(ctx, t, in)
	}
	if strings.HasPrefix(s.pattern, http.MethodGet) {
		browsertest.Open(ctx, t, w.url+w.at(s.address))
		return
	}
	if browsertest.Ask[string](ctx, t, "location.origin") != w.url {
		browsertest.Open(ctx, t, w.url+"/static/none")
	}
	script := "const f = document.createElement('form'); f.method = 'post'; f.action = " + strconv.Quote(path) + ";"
	for name, values := range typed {
		script += fmt.Sprintf("f.append(Object.assign(document.createElement('input'), {name: %q, value: %q}));", name, values[0])
	}
	browsertest.Ask[bool](ctx, t, "(() => {"+script+" document.body.append(f); window.before = true; f.submit(); return true })()")
	browsertest.Arrive(ctx, t, "window.before === undefined")
}

// signIn gives the browser the session of the world's person, or takes it away.
func (w *world) signIn(ctx context.Context, t *testing.T, in bool) {
	t.Helper()
	browsertest.Open(ctx, t, w.url+"/static/none") // a page without a script that could ask meanwhile
	at, err := url.Parse(w.url)
	must(t, err)
	value := "session=; max-age=0"
	for _, cookie := range w.Jar.Cookies(at) {
		if cookie.Name == "session" && in {
			value = "session=" + cookie.Value // a script can't set one that is HttpOnly; without the mark it is the same session
		}
	}
	browsertest.Ask[string](ctx, t, fmt.Sprintf("document.cookie = %q", value+"; path=/"))
	w.shown = in
}

// TestPagesHaveNoAccessibilityFindings looks at every page, empty, rich and after bad input, light,
// dark and on a phone, with axe-core: half of the pages in one browser, half in another.
func TestPagesHaveNoAccessibilityFindings(t *testing.T) {
	axe, err := os.ReadFile(filepath.Join("testdata", "axe.min.js"))
	must(t, err)
	var seen atomic.Int64
	all := sights()
	t.Run("all", func(t *testing.T) {
		for _, half := range [][]sight{all[:len(all)/2], all[len(all)/2:]} {
			t.Run(half[0].pattern, func(t *testing.T) {
				t.Parallel()
				seen.Add(inspect(t, string(axe), half))
			})
		}
	})
	if !t.Failed() {
		t.Logf("proof: axe-core found nothing on %d combinations of page, content and look", seen.Load())
	}
}

// inspect has axe look at pages in a browser of their own, and says how often it did.
func inspect(t *testing.T, axe string, pages []sight) (seen int64) {
	t.Helper()
	ctx := browsertest.Start(t)
	all := worlds{}
	for _, s := range pages {
		all.of(t, s).visit(ctx, t, s)
		browsertest.Ask[bool](ctx, t, axe+"; true")
		for _, how := range looks() {
			how.set(ctx, t)
			for _, finding := range findings(ctx, t, how) {
				t.Errorf("%s %s, %s: %s", s.pattern, s.address, how.name, finding)
			}
			seen++
		}
	}
	return seen
}

func findings(ctx context.Context, t *testing.T, how look) []string {
	t.Helper()
	rules := "{}"
	if how.theme == "dark" { // the same page in other colours
		rules = "{runOnly: ['color-contrast', 'link-in-text-block']}"
	}
	browsertest.Ask[bool](ctx, t, `delete window.found; axe.run(`+rules+`).then(r => { window.found = r.violations.map(v => v.id + ': ' + v.help + ' at ' + v.nodes.map(n => n.target.join(' ')).join(', ')) }, e => { window.found = ['axe broke: ' + e] }); true`)
	browsertest.Arrive(ctx, t, "window.found")
	return browsertest.Ask[[]string](ctx, t, "window.found")
}
