package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/teamsconnector/teamsconnector/internal/browsertest"
)

// draft is the composer's form for a webhook, as the page holds it, with a text.
func draft(b *browser, hook, text string) url.Values {
	b.t.Helper()
	page := b.get("/compose?webhook=" + hook).body
	return url.Values{
		"form": {between(page, `name="form" value="`, `"`)}, "instance": {between(page, `name="instance" value="`, `"`)},
		"webhook": {hook}, "kind": {"text"}, "textMessage": {text}, "do": {"send"},
	}
}

// written counts the messages of a webhook.
func written(b *browser, hook string) int {
	b.t.Helper()
	return strings.Count(b.get("/messages?webhook="+hook).body, `<a href="/messages/msg_`)
}

func TestAMessageWrittenInTheConsoleIsSentOnceHoweverOftenItIsClicked(t *testing.T) {
	b, _, hook, _ := full(t)
	typed := draft(b, hook, "Order 4712 *was*\r\nshipped")

	first, again := b.post("/compose", typed), b.post("/compose", typed)
	typed.Set("textMessage", "Order 4713")
	other := b.post("/compose", typed)

	if first.status != http.StatusSeeOther || first.location != again.location {
		t.Fatalf("sent: %d to %q, sent again: %d to %q; want one message", first.status, first.location, again.status, again.location)
	}
	if other.status != http.StatusSeeOther || other.location == first.location {
		t.Errorf("another text in the same form: %d to %q, want a message of its own", other.status, other.location)
	}
	if got := written(b, hook); got != 5 {
		t.Errorf("%d messages, want the 3 of before and 2", got)
	}
	page := b.get(first.location).body
	if words := between(page, `class="ac ac-text`, "</div>"); !strings.Contains(words, "<p>Order 4712 *was*</p><p>shipped</p>") {
		t.Errorf("the message says %q", words)
	}
}

func TestThePreviewNeedsNoScriptAndSendsNothing(t *testing.T) {
	b, _, hook, _ := full(t)
	for name, of := range map[string]struct{ field, text, want string }{
		"text":    {"textMessage", "App_Pool_01 is up", "<p>App_Pool_01 is up</p>"},
		"size":    {"textMessage", "up", "of 28,672 bytes"},
		"parts":   {"textMessage", strings.Repeat("hello ", 9000), "Post 3 of 3"},
		"rich":    {"facts", "Server: srv_02", "srv_02"},
		"warning": {"card", card, "Teams draws cards up to version 1.5"},
		"blank":   {"textMessage", "", "Write something"},
	} {
		typed := draft(b, hook, "up")
		typed.Set("do", "preview")
		typed.Set("kind", map[string]string{"textMessage": "text", "facts": "rich", "card": "card"}[of.field])
		typed.Set(of.field, of.text)

		got := b.post("/compose", typed)

		if shown := between(got.body, `id="composed"`, "</section>"); got.status != http.StatusOK || !strings.Contains(shown, of.want) {
			t.Errorf("%s: %d, %q lacks %q", name, got.status, shown, of.want)
		}
	}
	if got := written(b, hook); got != 3 {
		t.Errorf("%d messages, want the 3 of before: a preview sends nothing", got)
	}
}

func TestWhatCantBeSentIsSaidBesideItsFieldAndStaysTyped(t *testing.T) {
	b, _, hook, _ := full(t)
	for name, of := range map[string]struct{ field, kind, text, at, want string }{
		"blank":         {"textMessage", "text", " \n", "textMessage", "blank"},
		"too long":      {"textMessage", "text", strings.Repeat("x", 120_000), "textMessage", "120000 bytes; the limit is 100000"},
		"no JSON":       {"card", "card", `{"type": "AdaptiveCard",`, "card", "not JSON"},
		"no card":       {"card", "card", `{"type": "Card"}`, "card", "AdaptiveCard"},
		"no colon":      {"facts", "rich", "Server: a\nno value", "facts", "Line 2 has no colon"},
		"nameless fact": {"facts", "rich", "Server: a\n: b", "facts", "Fact 2"},
		"link":          {"linkUrl", "rich", "ftp://contoso.example", "linkUrl", "http"},
		"no webhook":    {"webhook", "text", "", "webhook", "Choose a webhook"},
	} {
		typed := draft(b, hook, "up")
		typed.Set("kind", of.kind)
		typed.Set("linkText", map[bool]string{true: "Open"}[of.field == "linkUrl"])
		typed.Set(of.field, of.text)

		got := b.post("/compose", typed)

		if said := between(got.body, `id="`+of.at+`-err"`, "</p>"); got.status != http.StatusUnprocessableEntity || !strings.Contains(said, of.want) {
			t.Errorf("%s: %d, beside its field stands %q, want %q", name, got.status, said, of.want)
		}
		if kept := strings.ReplaceAll(got.body, "&#34;", `"`); !strings.Contains(kept, of.text) {
			t.Errorf("%s: what was typed is gone", name)
		}
	}
	typed := draft(b, hook, strings.Repeat("x", 600_000))
	if got := b.post("/compose", typed); got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, "512 KiB") {
		t.Errorf("a form of 600,000 bytes: %d", got.status)
	}
}

func TestOnlyThoseWhoMaySendWriteMessages(t *testing.T) {
	b, _, hook, _ := full(t)
	typed := draft(b, hook, "hello")
	ops, eve := b.operator(), b.stranger()

	for who, of := range map[string]struct {
		*browser
		want int
	}{"an admin of another organization": {eve, http.StatusNotFound}, "an operator": {ops, http.StatusForbidden}} {
		if got := of.get("/compose?webhook=" + hook).status; got != of.want {
			t.Errorf("%s opens the composer: %d, want %d", who, got, of.want)
		}
		if got := of.post("/compose", typed).status; got != of.want {
			t.Errorf("%s sends: %d, want %d", who, got, of.want)
		}
	}
	if page := ops.get("/webhooks/" + hook).body; strings.Contains(page, "/compose") {
		t.Error("the webhook's page offers an operator what they may not do")
	}
	for _, page := range []string{"/webhooks/" + hook, "/console", "/messages?webhook=" + hook} {
		if !strings.Contains(b.get(page).body, "/compose?webhook="+hook) {
			t.Errorf("%s does not lead to the composer", page)
		}
	}
}

// TestTheComposerDrawsWhileSomebodyTypes holds under the policy that the pages are served with.
func TestTheComposerDrawsWhileSomebodyTypes(t *testing.T) {
	ctx := browsertest.Start(t)
	b, _, hook, _ := full(t)
	(&world{browser: b}).signIn(ctx, t, true)
	must(t, chromedp.Do(ctx, chromedp.Navigate(b.url+"/compose?webhook="+hook)))
	browsertest.Read(ctx, t, "Write something")

	for _, typed := range []struct{ field, text, want string }{
		{"textMessage", "Disk **space**", "Disk **space**"}, {"textMessage", "Done", "Done"},
	} {
		set := `{ const f = document.getElementById('` + typed.field + `'); f.value = '` + typed.text + `'; f.dispatchEvent(new Event('input', {bubbles: true})); } 1`
		if _, err := chromedp.Run(ctx, chromedp.Evaluate[int](set)); err != nil {
			t.Fatal(err)
		}
		if _, err := chromedp.Run(ctx, chromedp.Poll[bool](`document.querySelector('#composed .ac .ac-adaptiveCard')?.innerText === '`+typed.want+`'`)); err != nil {
			t.Errorf("%q is not drawn: %v", typed.text, err)
		}
	}
	if got := written(b, hook); got != 3 {
		t.Errorf("%d messages, want the 3 of before: typing sends nothing", got)
	}
}
