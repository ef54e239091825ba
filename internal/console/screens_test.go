//go:build picture

package console_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/teamsconnector/teamsconnector/internal/browsertest"
)

// TestScreens makes the pictures of all pages anew, from the table of sights:
// go test -tags picture -run TestScreens -timeout 20m ./internal/console
func TestScreens(t *testing.T) {
	ctx := browsertest.Start(t)
	dir := filepath.Join("..", "..", "docs", "screens")
	must(t, os.RemoveAll(dir))
	must(t, os.MkdirAll(dir, 0o755))
	index := "# Every page\n\nMade by `go test -tags picture -run TestScreens -timeout 20m ./internal/console` from an installation at work, with the simulated Teams behind it.\n"
	all := worlds{}
	for _, s := range sights() {
		if s.picture == "" {
			continue
		}
		w := all.of(t, s)
		index += fmt.Sprintf("\n## %s\n\n`%s` · [dark](%s-dark.webp) · [390 px](%s-phone.webp)\n\n![%s](%s-light.webp)\n",
			strings.ReplaceAll(s.picture, "-", " "), s.pattern, s.picture, s.picture, strings.ReplaceAll(s.picture, "-", " "), s.picture)
		for _, how := range looks() {
			must(t, chromedp.Do(ctx, chromedp.EmulateViewport(how.width, 400)))
			w.names["look"] = how.name // no two pairs of keys have one name
			w.visit(ctx, t, s)         // anew for each look: a dialog measures the window when it opens
			how.set(ctx, t)
			if strings.HasPrefix(s.pattern, "GET /messages/{id}") {
				browsertest.Arrive(ctx, t, "document.querySelector('.ac .ac-adaptiveCard')")
			}
			tall := browsertest.Ask[int64](ctx, t, "Math.max(document.body.scrollHeight, ...[...document.querySelectorAll('dialog[open]')].map(d => d.scrollHeight + 96), 480)")
			must(t, chromedp.Do(ctx, chromedp.EmulateViewport(how.width, min(tall, 1200))))
			picture := browsertest.Picture(ctx, t)
			must(t, os.WriteFile(filepath.Join(dir, s.picture+"-"+how.name+".webp"), picture, 0o644))
		}
	}
	must(t, os.WriteFile(filepath.Join(dir, "README.md"), []byte(index), 0o644))
}
