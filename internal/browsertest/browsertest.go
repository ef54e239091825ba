// Package browsertest drives a real browser for tests: shipped code never imports it.
package browsertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// maxRun is how long one test may use its browser.
const maxRun = 10 * time.Minute

// Start starts a browser for a test. Without one the test is skipped, and fails where CI is set.
func Start(t *testing.T) context.Context {
	t.Helper()
	var found string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "headless-shell"} {
		if path, err := exec.LookPath(name); err == nil {
			found = path
			break
		}
	}
	if found == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("no chromium on this machine, and CI is set: the pages are not tested")
		}
		t.Skip("no chromium on this machine: the pages are not tested in a browser")
	}
	// NoSandbox: Chromium refuses to run as root with it, and the pages are our own.
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(found), chromedp.NoSandbox, chromedp.WindowSize(1280, 900))
	alloc, stop := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	bounded, end := context.WithTimeout(ctx, maxRun)
	t.Cleanup(end)
	if err := chromedp.Do(bounded); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	return bounded
}

// Open goes to an address.
func Open(ctx context.Context, t *testing.T, address string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		t.Fatalf("open %s: %v", address, err)
	}
}

// Ask returns what an expression of JavaScript is on the page.
func Ask[T any](ctx context.Context, t *testing.T, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("ask %s: %v", expression, err)
	}
	return v
}

// Reach presses Tab until the focus is on what a selector names, as somebody without a mouse does.
func Reach(ctx context.Context, t *testing.T, selector string) {
	t.Helper()
	const enough = 100
	for range enough {
		if Ask[bool](ctx, t, fmt.Sprintf("document.activeElement.matches(%q)", selector)) {
			return
		}
		Keys(ctx, t, kb.Tab)
	}
	t.Fatalf("Tab does not reach %s on %s", selector, Ask[string](ctx, t, "location.pathname"))
}

// Keys presses keys, one after the other.
func Keys(ctx context.Context, t *testing.T, keys string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.KeyEvent(keys)); err != nil {
		t.Fatalf("press keys: %v", err)
	}
}

// Enter types into the field with a name, which Tab reaches.
func Enter(ctx context.Context, t *testing.T, name, text string) {
	t.Helper()
	Reach(ctx, t, "[name="+name+"]")
	Keys(ctx, t, text)
}

// Arrive waits for a page on which an expression of JavaScript holds. While one page gives way
// to the next, the browser can't be asked.
func Arrive(ctx context.Context, t *testing.T, expression string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for {
		select {
		case <-tick.C:
			there, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("document.readyState === 'complete' && !!("+expression+")"))
			if err == nil && there {
				return
			}
		case <-late:
			shown, err := chromedp.Run(ctx, chromedp.Evaluate[string]("location.pathname + ' ' + document.body.innerText.slice(0, 600)"))
			t.Fatalf("no page where %s, but %s (%v)", expression, shown, err)
		}
	}
}

// Read waits for a page with a text on it.
func Read(ctx context.Context, t *testing.T, text string) {
	t.Helper()
	Arrive(ctx, t, fmt.Sprintf("document.body.textContent.includes(%q)", text))
}

// Picture is what the window shows, as WebP.
func Picture(ctx context.Context, t *testing.T) []byte {
	t.Helper()
	const quality = 75
	shown, err := chromedp.Run(ctx, func(ctx context.Context, target *chromedp.Target) (page.CaptureScreenshotResult, error) {
		return cdp.Call(ctx, target, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatWebp, Quality: new(int64(quality))})
	})
	if err != nil {
		t.Fatalf("take a picture: %v", err)
	}
	return shown.Data
}
