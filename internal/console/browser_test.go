package console_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
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

// TestPagesHaveNoAccessibilityFindings looks at every page, empty and full, light, dark
// and on a phone, with axe-core.
func TestPagesHaveNoAccessibilityFindings(t *testing.T) {
	axe, err := os.ReadFile(filepath.Join("testdata", "axe.min.js"))
	must(t, err)
	ctx := browsertest.Start(t)
	empty, path := furnished(t)
	emptyPages := []string{"/console", "/messages", "/subscriptions", path, "/members", "/account", "/subscriptions/sub_none", "/notices", "/operate/outbox"}
	b, sub, hook, message := full(t)
	row, err := b.store.Subscription(t.Context(), connector.SubscriptionID(sub))
	must(t, err)
	must(t, b.store.Notify(t.Context(), store.NewNotice{Event: "x", Kind: connector.NoticeQuotaUsed, Organization: row.Organization, Subscription: row.ID}))
	typed := filled(b)
	typed.Set("subscription", sub)
	order := b.post("/marketplace/subscribe", typed).location
	fullPages := []string{
		"/console", "/console?add=1", "/console?edit=" + hook, "/console?delete=" + hook, "/console?resume=" + hook, "/console?q=none",
		"/webhooks/" + hook, "/messages", "/messages?webhook=" + hook, "/messages/" + message, "/compose", "/compose?webhook=" + hook, "/subscriptions", "/subscriptions/" + sub,
		"/subscriptions/" + sub + "?create=keys", "/subscriptions/" + sub + "?rename=1", "/subscriptions/" + sub + "?cancel=1", "/marketplace", "/marketplace/trial", "/marketplace/subscribe", order, "/members", "/members?dialog=invite", "/members?dialog=token", "/members?dialog=directory", "/account", "/notices", "/operate/outbox", b.mail(row.Organization),
	}
	fresh := open(t, console.Options{})
	openPages := []string{"/signin", "/forgot", "/forgot?asked=1", "/setup/" + fresh.setup, "/setup/none"}

	seen := 0
	for _, of := range []struct {
		place *browser
		pages []string
	}{{fresh.browser(), openPages}, {empty, emptyPages}, {b, fullPages}, {b.operator(), operatorPages(b, sub)}} {
		must(t, signIn(ctx, of.place))
		for _, how := range []look{{"light", 1280, 900, "light"}, {"dark", 1280, 900, "dark"}, {"phone", 390, 844, "light"}} {
			must(t, chromedp.Do(ctx, chromedp.EmulateViewport(how.width, how.height)))
			for _, page := range of.pages {
				for _, finding := range findings(ctx, t, string(axe), of.place.url+page, how.theme) {
					t.Errorf("%s, %s: %s", page, how.name, finding)
				}
				seen++
			}
		}
	}
	t.Logf("proof: axe-core found nothing on %d combinations of page, content and look", seen)
}

// signIn gives the browser the session of a person.
func signIn(ctx context.Context, b *browser) error {
	if err := chromedp.Do(ctx, chromedp.Navigate(b.url+"/signin")); err != nil {
		return err
	}
	at, err := url.Parse(b.url)
	if err != nil {
		return err
	}
	for _, cookie := range b.Jar.Cookies(at) {
		// A script can't set a cookie that is HttpOnly; without the mark it is the same session.
		set := fmt.Sprintf("document.cookie = %q; 1", cookie.Name+"="+cookie.Value+"; path=/")
		if _, err := chromedp.Run(ctx, chromedp.Evaluate[int](set)); err != nil {
			return err
		}
	}
	return nil
}

func findings(ctx context.Context, t *testing.T, axe, page, theme string) []string {
	t.Helper()
	set := fmt.Sprintf("document.cookie = 'theme=%s; path=/'; 1", theme)
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[int](set)); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(page)); err != nil {
		t.Fatalf("%s: %v", page, err)
	}
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[int](axe+"; 1")); err != nil {
		t.Fatalf("%s: %v", page, err)
	}
	start := `axe.run().then(r => { window.found = r.violations.map(v => v.id + ': ' + v.help + ' at ' + v.nodes.map(n => n.target.join(' ')).join(', ')) }, e => { window.found = ['axe broke: ' + e] }); 1`
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[int](start)); err != nil {
		t.Fatalf("%s: %v", page, err)
	}
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool]("window.found !== undefined")); err != nil {
		t.Fatalf("%s: %v", page, err)
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string]("window.found"))
	if err != nil {
		t.Fatalf("%s: %v", page, err)
	}
	return found
}
