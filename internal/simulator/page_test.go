package simulator_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/teamsconnector/teamsconnector/internal/browsertest"
	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

// poll waits until an expression of the page holds.
func poll(ctx context.Context, expression string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression))
	return err
}

// complaints collects what the page's console says until the function is called.
func complaints(ctx context.Context) func() []string {
	ctx, stop := context.WithCancel(ctx)
	messages := chromedp.Console(ctx)
	collected := make(chan []string)
	go func() {
		var all []string
		for m, err := range messages {
			if err != nil {
				break
			}
			all = append(all, m.String())
		}
		collected <- all
	}()
	return func() []string {
		stop()
		return <-collected
	}
}

func TestPageShowsAPostWithoutReload(t *testing.T) {
	ctx := browsertest.Start(t)
	s := newTeams(t, open())
	_, target := s.AddFlow(simulator.Flow{Channel: "Alerts", Owner: "Mira Kaya"})
	server := httptest.NewServer(s)
	defer server.Close()
	defer s.Close()
	said := complaints(ctx)
	if err := chromedp.Do(ctx, chromedp.Navigate(server.URL)); err != nil {
		t.Fatal(err)
	}
	if err := poll(ctx, `document.querySelector('.live.on') !== null`); err != nil {
		t.Fatalf("the page never went live: %v", err)
	}
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[int](`window.sameDocument = 1`)); err != nil {
		t.Fatal(err)
	}

	got := call(t, plainClient(), server.URL+target, envelope(`**Ticket 4711** of App\_Pool\_01, [open](https://example.com/4711)`))
	call(t, plainClient(), server.URL+target, `{}`)

	if got.status != http.StatusAccepted {
		t.Fatalf("answered %d (%v), want 202", got.status, got.err)
	}
	for claim, expression := range map[string]string{
		"the card is drawn, with its Markdown": `document.querySelector('.post .ac-adaptiveCard strong')?.textContent === 'Ticket 4711'`,
		"escaped underscores stay":             `document.querySelector('.post .ac-textBlock')?.textContent.includes('App_Pool_01')`,
		"its link leads out":                   `document.querySelector('.post a.ac-anchor')?.rel === 'noopener noreferrer'`,
		"the numbers follow":                   `document.querySelector('.figures [data-n=posts]').textContent === '1'`,
		"the failed run is told":               `document.querySelector('.note.failed .told')?.textContent === 'Told: 202 Accepted'`,
		"the empty state is gone":              `document.getElementById('empty').hidden`,
		"it is the same document":              `window.sameDocument === 1`,
	} {
		if err := poll(ctx, expression); err != nil {
			t.Errorf("%s: not so (%v)", claim, err)
		}
	}
	if all := said(); len(all) > 0 {
		t.Errorf("the console says %q, want nothing: no violation of the policy, no error", all)
	}
}

func TestPageDrawsHostileTextsHarmlessly(t *testing.T) {
	texts := naughty(t)
	ctx := browsertest.Start(t)
	o := open()
	o.Limits.RunPosts = -1
	s := newTeams(t, o)
	_, target := s.AddFlow(simulator.Flow{})
	for _, text := range texts {
		send(s, target, envelope(escapeMarkdown(strings.ReplaceAll(text, "\n", " "))))
		send(s, target, envelope(text)) // its Markdown may turn to styles, but never to code
	}
	send(s, target, envelope("[click](javascript:alert(1)) <img src=x onerror=alert(1)> [x](https://example.com/\"onclick=\"alert(1))"))
	server := httptest.NewServer(s)
	defer server.Close()
	defer s.Close()
	said := complaints(ctx)

	if err := chromedp.Do(ctx, chromedp.Navigate(server.URL+"/?all=1")); err != nil {
		t.Fatal(err)
	}
	if err := poll(ctx, `document.querySelectorAll('.ac-adaptiveCard').length > 0 && document.querySelectorAll('[data-card]').length === 0`); err != nil {
		t.Fatalf("the cards were not drawn: %v", err)
	}

	for claim, expression := range map[string]string{
		"no element of a text came to life": `document.querySelectorAll('.post :is(script, img, iframe, object, embed, form, input, video, audio, marquee, style, link, meta)').length`,
		"no handler came along":             `[...document.querySelectorAll('.post *')].filter(e => [...e.attributes].some(a => /^on/i.test(a.name))).length`,
		"no link leads to code":             `[...document.querySelectorAll('.post a')].filter(a => !/^(https?|mailto|tel):/.test(a.href)).length`,
	} {
		n, err := chromedp.Run(ctx, chromedp.Evaluate[int](expression))
		if err != nil || n != 0 {
			t.Errorf("%s: %d do (%v)", claim, n, err)
		}
	}
	shown, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll('.post')].map(p => p.querySelector('.ac-textBlock')?.textContent ?? '')`))
	if err != nil {
		t.Fatal(err)
	}
	missing := 0
	all := "\x01" + strings.Join(shown, "\x01") + "\x01"
	for i, text := range texts[len(texts)-200:] {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "\n", " "), "\r", "")
		if !strings.Contains(all, text) {
			missing++
			t.Logf("text %d is not shown as it is: %q", i, text)
		}
	}
	if missing > 0 {
		t.Errorf("%d of the newest 200 texts are not shown as they are", missing)
	}
	if said := said(); len(said) > 0 {
		t.Errorf("the console says %q, want nothing", fmt.Sprint(said))
	}
}
