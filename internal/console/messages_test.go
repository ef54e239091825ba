package console_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

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
	ctx := chromium(t)
	b, sub, hook, _ := full(t)
	must(t, signIn(ctx, b))

	for text, content := range contents(t) {
		must(t, chromedp.Do(ctx, chromedp.Navigate(b.url+"/messages/"+b.accept(sub, hook, content))))
		arrive(ctx, t, "As Teams shows it")
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
