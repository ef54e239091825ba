package console_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/console"
)

// picture is a PNG of one pixel.
func picture() []byte {
	b, _ := base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
	return b
}

// send posts a form with a file, as a browser does.
func (b *browser) send(path string, typed url.Values, file []byte) answer {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for name := range typed {
		must(b.t, w.WriteField(name, typed.Get(name)))
	}
	part, err := w.CreateFormFile("logo", "logo.png")
	must(b.t, err)
	_, err = part.Write(file)
	must(b.t, err)
	must(b.t, w.Close())
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.url+path, &body)
	must(b.t, err)
	r.Header.Set("Content-Type", w.FormDataContentType())
	res, err := b.Do(r)
	must(b.t, err)
	defer func() { must(b.t, res.Body.Close()) }()
	text, err := io.ReadAll(res.Body)
	must(b.t, err)
	return answer{res.StatusCode, res.Header.Get("Location"), string(text), res.Header}
}

func settled() url.Values {
	return url.Values{"productName": {"Contoso <Notify>"}, "support": {"help@contoso.example"}, "terms": {"# Rules\r\n\r\n- Be kind.\r\n- Be <b>short</b>.\r\n\r\nThe end."}}
}

func TestEveryPageShowsWhatTheOperatorCallsTheInstallation(t *testing.T) {
	b, _ := furnished(t)
	before := b.get("/nothing-here-at-all").body + b.get("/signin").body

	saved := b.send("/operate/settings", settled(), picture())

	if saved.status != http.StatusSeeOther {
		t.Fatalf("saved: %d %s", saved.status, saved.body)
	}
	stranger := b.browser()
	for _, page := range []string{"/signin", "/terms", "/forgot", "/setup/none"} {
		got := stranger.get(page).body
		for _, want := range []string{"– Contoso &lt;Notify&gt;</title>", `href="mailto:help@contoso.example"`, `href="/terms"`, `<img src="/logo?v=`} {
			if !strings.Contains(got, want) {
				t.Errorf("%s lacks %q", page, want)
			}
		}
	}
	if strings.Contains(before, "foot") || strings.Contains(before, "/logo") || strings.Contains(before, "Questions?") {
		t.Error("a page differed before anything was set")
	}
	if got := stranger.get("/setup/none").body; !strings.Contains(got, "Questions? Ask") {
		t.Error("an error page does not say whom to ask")
	}
	terms := stranger.get("/terms").body
	for _, want := range []string{"<h2>Rules</h2>", "<li>Be kind.</li>", "<li>Be &lt;b&gt;short&lt;/b&gt;.</li>", "The end.</p>"} {
		if !strings.Contains(terms, want) {
			t.Errorf("the terms lack %q", want)
		}
	}
	if got := b.get("/marketplace/subscribe").body; !strings.Contains(got, `href="/terms" target="_blank"`) || strings.Contains(got, "may add terms of their own") {
		t.Error("Place Order does not lead to the operator's terms")
	}
}

func TestTheLogoIsServedAsAPictureAndNothingElse(t *testing.T) {
	b, _ := furnished(t)
	none := b.get("/logo")
	b.send("/operate/settings", settled(), picture())

	got := b.browser().get("/logo")
	again := b.browser().do(http.MethodGet, "/logo", nil, "If-None-Match", got.header.Get("ETag"))

	if none.status != http.StatusNotFound || got.status != http.StatusOK || got.body != string(picture()) || again.status != http.StatusNotModified || again.body != "" {
		t.Errorf("without one %d, then %d with %d bytes, then %d", none.status, got.status, len(got.body), again.status)
	}
	for name, want := range map[string]string{"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"} {
		if got.header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.header.Get(name), want)
		}
	}
	for name, file := range map[string][]byte{
		"a script in a picture": []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`),
		"a page":                []byte("<!DOCTYPE html><script>alert(1)</script>"),
		"a large picture":       append(picture(), make([]byte, admin.MaxLogo)...),
		"a very large file":     make([]byte, 9<<20),
	} {
		refused := b.send("/operate/settings", settled(), file)
		if refused.status != http.StatusUnprocessableEntity || !strings.Contains(refused.body, `id="logo-err"`) {
			t.Errorf("%s: %d, want the form with the error beside the file", name, refused.status)
		}
	}
	if kept := b.send("/operate/settings", settled(), nil); kept.status != http.StatusSeeOther || b.get("/logo").status != http.StatusOK {
		t.Error("saving without a file took the logo away")
	}
	typed := settled()
	typed.Set("shipped", "1")
	b.send("/operate/settings", typed, nil)
	if got := b.get("/logo").status; got != http.StatusNotFound {
		t.Errorf("the shipped logo again: %d, want 404", got)
	}
}

func TestSettingsKeepWhatWasTypedAndRefuseWhatIsWrong(t *testing.T) {
	b, _ := furnished(t)
	eve := b.stranger()
	typed := settled()

	for field, wrong := range map[string]string{
		"productName": strings.Repeat("n", 81), "support": "javascript:alert(1)", "terms": strings.Repeat("t", admin.MaxTerms+1),
	} {
		typed := settled()
		typed.Set(field, wrong)
		got := b.send("/operate/settings", typed, nil)
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, `id="`+field+`-err"`) || !strings.Contains(got.body, wrong) {
			t.Errorf("%s: %d, or not the form with what was typed", field, got.status)
		}
	}
	typed.Set("support", "https://help.contoso.example/?a=1&b=2")
	typed.Set("version", "1")
	first, second := b.send("/operate/settings", typed, nil), b.send("/operate/settings", typed, nil)
	if first.status != http.StatusSeeOther || second.status != http.StatusConflict {
		t.Errorf("two operators at once: %d and %d, want 303 and 409", first.status, second.status)
	}
	if got := b.browser().get("/signin").body; !strings.Contains(got, `href="https://help.contoso.example/?a=1&amp;b=2"`) {
		t.Error("the support page is not linked")
	}
	if got := eve.send("/operate/settings", typed, nil).status; got != http.StatusNotFound {
		t.Errorf("an admin of an organization: %d, want 404", got)
	}
}

// Two desks over one store are what two nodes are.
func TestAnotherNodeShowsAChangedNameSoon(t *testing.T) {
	p := open(t, console.Options{})
	mine, other := admin.New(p.store, admin.Options{}), admin.New(p.store, admin.Options{})
	if name := other.Shown(t.Context()).ProductName; name != "" {
		t.Fatalf("it is called %q before", name)
	}

	_, err := mine.ChangeSettings(t.Context(), connector.Actor{Name: "test", Shell: true}, admin.SettingsRequest{ProductName: new("Contoso Notify")})
	must(t, err)

	if got := mine.Shown(t.Context()).ProductName; got != "Contoso Notify" {
		t.Errorf("the node that changed it shows %q", got)
	}
	for begun := time.Now(); other.Shown(t.Context()).ProductName != "Contoso Notify"; <-time.After(20 * time.Millisecond) {
		if time.Since(begun) > 5*time.Second {
			t.Fatal("the other node does not show it after five seconds")
		}
	}
}
