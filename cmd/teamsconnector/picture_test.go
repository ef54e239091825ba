//go:build picture

package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestPictureOfTheDemo makes the README's picture anew:
// go test -tags picture -run TestPictureOfTheDemo ./cmd/teamsconnector
func TestPictureOfTheDemo(t *testing.T) {
	_, printed := startDemo(t)
	page := regexp.MustCompile(`arrive +(http://\S+)/`).FindStringSubmatch(printed)
	pasteCurl(t, line(t, printed, "curl "))
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.WindowSize(1280, 800))
	alloc, stop := chromedp.NewExecAllocator(t.Context(), opts...)
	defer stop()
	ctx, cancel := chromedp.NewContext(alloc)
	defer cancel()
	if !eventually(func() bool { return postedTimes(page[1], "Hello from curl") == 1 }) {
		t.Fatal("the message does not appear")
	}
	bounded, end := context.WithTimeout(ctx, 30*time.Second)
	defer end()
	if err := chromedp.Do(bounded, chromedp.Navigate(page[1]+"/")); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Run(bounded, chromedp.Poll[bool](`document.querySelectorAll('[data-card]').length === 0`)); err != nil {
		t.Fatal(err)
	}
	picture, err := chromedp.Run(bounded, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("..", "..", "docs", "demo.png"), picture, 0o644); err != nil {
		t.Fatal(err)
	}
}
