package main

import (
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/teamsconnector/teamsconnector/client"
	"github.com/teamsconnector/teamsconnector/internal/browsertest"
	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

// TestNewcomerWalksByKeyboardFromTheSetUpLinkToAMessagesPage goes through an empty installation as
// a person without a mouse would: keys, webhook, test message, a send of an app, the message's page.
func TestNewcomerWalksByKeyboardFromTheSetUpLinkToAMessagesPage(t *testing.T) {
	ctx := browsertest.Start(t)
	sim, err := simulator.New(simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	teams := httptest.NewServer(sim)
	t.Cleanup(teams.Close)
	_, flow := sim.AddFlow(simulator.Flow{Channel: "Orders", Owner: "Mira Kaya"})
	n := startNode(t, t.TempDir(), "--trust-target", teams.URL)
	link := regexp.MustCompile(`http://\S+`).FindString(n.out.next(t, "/setup/"))

	browsertest.Open(ctx, t, link)
	for _, typed := range [][2]string{{"organization", "Contoso"}, {"name", "Mira Kaya"}, {"email", "mira@contoso.example"}, {"password", "correct horse battery"}} {
		browsertest.Enter(ctx, t, typed[0], typed[1])
	}
	browsertest.Keys(ctx, t, kb.Enter)

	browsertest.Read(ctx, t, "Create Binding Keys")
	browsertest.Enter(ctx, t, "name", "Invoice app"+kb.Enter)
	browsertest.Read(ctx, t, "LicenseSecret")
	keys := browsertest.Ask[[]string](ctx, t, `[...document.querySelectorAll('.secret code')].map(e => e.textContent)`)
	if len(keys) != 2 {
		t.Fatalf("the page shows %d texts to copy, want the secret and the key", len(keys))
	}
	browsertest.Reach(ctx, t, ".secret a.primary")
	browsertest.Keys(ctx, t, kb.Enter)

	browsertest.Read(ctx, t, "Webhook Adder")
	browsertest.Enter(ctx, t, "name", "Orders")
	browsertest.Enter(ctx, t, "url", teams.URL+flow)
	browsertest.Enter(ctx, t, "owner", "Mira Kaya")
	browsertest.Reach(ctx, t, "button[name=test]")
	browsertest.Keys(ctx, t, kb.Enter)
	browsertest.Read(ctx, t, "Teams accepted the test")
	browsertest.Read(ctx, t, "Handed to Teams")
	browsertest.Reach(ctx, t, "a[href^='/webhooks/']")
	browsertest.Keys(ctx, t, kb.Enter)
	browsertest.Read(ctx, t, "How its messages go out")
	hook := regexp.MustCompile(`wh_\w{26}`).FindString(browsertest.Ask[string](ctx, t, "document.querySelector('.facts').textContent"))

	app := client.New("http://"+n.api, keys[1], keys[0])
	sent, err := app.Send(t.Context(), client.Message{WebhookID: hook, Text: "Order 4711 was paid", Wait: 30 * time.Second})
	if err != nil || !sent.Sent {
		t.Fatalf("an app sends with what the pages showed: %+v, %v", sent, err)
	}

	browsertest.Open(ctx, t, sent.URL)
	browsertest.Arrive(ctx, t, `document.querySelector('.ac .ac-adaptiveCard')?.innerText.includes('Order 4711 was paid')`)
	page := browsertest.Ask[string](ctx, t, "document.querySelector('main').innerText")
	for _, want := range []string{"Handed to Teams", "the keys “Invoice app”", "HTTP 202", sent.MessageID} {
		if !strings.Contains(page, want) {
			t.Errorf("the message's page lacks %q:\n%s", want, page)
		}
	}
}
