package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/teamsconnector/teamsconnector/internal/browsertest"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

const card = `{"type":"AdaptiveCard","version":"1.6","body":[{"type":"TextBlock","text":"Release **4.2**"},` +
	`{"type":"Image","url":"https://contoso.example/a.png","altText":"Rocket"}]}`

func contents(t *testing.T) map[string]connector.Content {
	t.Helper()
	title, level := "Disk space", connector.LevelWarning
	rich, err := connector.Rich{Text: "3 % free", Title: &title, Level: &level, Facts: []connector.Fact{{Name: "Server", Value: "srv_02"}}}.Encode()
	must(t, err)
	return map[string]connector.Content{
		"App_Pool_01 is up": {Kind: connector.KindText, Body: []byte("App_Pool_01 is up")},
		"Server":            {Kind: connector.KindRich, Body: rich},
		"Release 4.2":       {Kind: connector.KindCard, Body: []byte(card)},
	}
}

func TestMessageIsReadableWithoutAScript(t *testing.T) {
	b, sub, hook, _ := full(t)

	for text, content := range contents(t) {
		page := b.get("/messages/" + b.accept(sub, hook, content)).body
		words := between(page, `class="ac ac-text`, "</div>")
		if !strings.Contains(words, strings.Fields(text)[0]) {
			t.Errorf("the page of %q shows %q", text, words)
		}
		for _, want := range []string{"of 28,672 bytes", "JSON of the card", `"type": "AdaptiveCard"`} {
			if !strings.Contains(strings.ReplaceAll(page, "&#34;", `"`), want) {
				t.Errorf("the page of %q lacks %q", text, want)
			}
		}
		if warned := strings.Contains(page, "Teams draws cards up to version 1.5"); warned != (content.Kind == connector.KindCard) {
			t.Errorf("the page of %q warns of the version: %v", text, warned)
		}
	}
}

// TestMessageIsDrawnAsTeamsShowsIt holds under the policy that the pages are served with.
func TestMessageIsDrawnAsTeamsShowsIt(t *testing.T) {
	ctx := browsertest.Start(t)
	b, sub, hook, _ := full(t)
	(&world{browser: b}).signIn(ctx, t, true)

	for text, content := range contents(t) {
		must(t, chromedp.Do(ctx, chromedp.Navigate(b.url+"/messages/"+b.accept(sub, hook, content))))
		browsertest.Read(ctx, t, "As Teams shows it")
		if _, err := chromedp.Run(ctx, chromedp.Poll[bool](`document.querySelector('.ac .ac-adaptiveCard') !== null`)); err != nil {
			t.Fatalf("the message %q is not drawn: %v", text, err)
		}
		shown, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector('.ac').innerText`))
		must(t, err)
		if !strings.Contains(shown, text) {
			t.Errorf("drawn: %q, want %q in it", shown, text)
		}
		if content.Kind != connector.KindCard {
			continue
		}
		if _, err := chromedp.Run(ctx, chromedp.Poll[bool](`document.querySelector('.ac-missing')?.textContent === 'Rocket'`)); err != nil {
			t.Errorf("no words stand for the picture, which the policy keeps out: %v", err)
		}
	}
}

func TestMessageOfADeletedWebhookOffersNothingThatCantBeDone(t *testing.T) {
	b, sub, hook, _ := full(t)
	id := b.accept(sub, hook, connector.Content{Kind: connector.KindText, Body: []byte("up")})
	b.post("/webhooks/"+hook+"/delete", nil)

	page := b.get("/messages/" + id).body

	if !strings.Contains(page, "(deleted)") || strings.Contains(page, "/resend") || strings.Contains(page, "/webhooks/"+hook) {
		t.Error("the page leads to a webhook that is gone, or offers to send to it")
	}
}

// ended has a message end so.
func (b *browser) ended(sub, hook string, end connector.State) string {
	b.t.Helper()
	return b.endedAt(sub, hook, end, time.Now())
}

func (b *browser) endedAt(sub, hook string, end connector.State, at time.Time) string {
	b.t.Helper()
	id := b.accept(sub, hook, connector.Content{Kind: connector.KindText, Body: []byte("Order 4712 was shipped")})
	m, err := b.store.Entry(b.t.Context(), connector.MessageID(id))
	must(b.t, err)
	loaded, err := b.store.Fetch(b.t.Context(), []connector.FetchRequest{{Lane: m.Lane}})
	must(b.t, err)
	reason := map[connector.State]connector.Reason{connector.StateFailed: connector.ReasonBadRequest, connector.StateExpired: connector.ReasonExpired}[end]
	must(b.t, b.store.Settle(b.t.Context(), []connector.Settlement{{Lane: loaded[0].Lane, Group: loaded[0].Group, Ends: []connector.End{
		{Seq: m.Seq, Message: m.ID, State: end, Reason: reason, Detail: "Teams refused it.", At: at},
	}}}))
	return id
}

func TestAllThatFailedIsSentAgainOnce(t *testing.T) {
	b, sub, hook, _ := full(t)
	b.post("/webhooks/"+hook+"/resume", url.Values{"send": {"none"}}) // what people cancelled is not sent again
	failed := []string{b.ended(sub, hook, connector.StateFailed), b.ended(sub, hook, connector.StateExpired)}
	b.ended(sub, hook, connector.StateSent)
	log := b.get("/messages?webhook=" + hook).body

	asked := b.get("/messages?webhook=" + hook + "&resend=failed")
	done := b.post("/messages/resend", url.Values{"webhook": {hook}})
	said := b.get(done.location)
	again := b.post("/messages/resend", url.Values{"webhook": {hook}})

	if !strings.Contains(log, "Send failed again") || !strings.Contains(asked.body, "Send 2 failed messages again?") {
		t.Errorf("the log offers %q", between(asked.body, `id="resend-title">`, "<"))
	}
	if done.status != http.StatusSeeOther || !strings.Contains(said.body, "2 messages were sent again") {
		t.Errorf("%d, and the page says %q", done.status, between(said.body, `class="toast">`, "<"))
	}
	if text := between(b.get(again.location).body, `class="toast">`, "<"); text != "0 messages were sent again." {
		t.Errorf("once more: %q", text)
	}
	for _, id := range failed {
		if log := b.get("/messages?webhook=" + hook + "&q=" + id).body; !strings.Contains(log, id) {
			t.Errorf("%s is not in the log any more", id)
		}
	}
}

func TestTheLogActsOnOneMessage(t *testing.T) {
	b, sub, hook, waiting := full(t)
	failed := b.ended(sub, hook, connector.StateFailed)
	back := "/messages?webhook=" + hook

	cancelled := b.post("/messages/"+waiting+"/cancel", url.Values{"back": {back}})
	resent := b.post("/messages/"+failed+"/resend", url.Values{"back": {back}})

	if cancelled.location != back || resent.location != back {
		t.Errorf("they lead to %q and %q, want back to the log", cancelled.location, resent.location)
	}
	if m, err := b.store.Entry(t.Context(), connector.MessageID(waiting)); err != nil || m.Reason != connector.ReasonCancelled {
		t.Errorf("the one that waited is %s, %s (%v)", m.State, m.Reason, err)
	}
	if twice := b.post("/messages/"+waiting+"/cancel", url.Values{}); twice.status != http.StatusConflict || !strings.Contains(twice.body, "has ended already") {
		t.Errorf("cancelled in another tab meanwhile: %d", twice.status)
	}
}
