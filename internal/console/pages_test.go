package console_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxPage is how many bytes a page and all that it loads may have on their way, apart from what draws cards.
const maxPage = 40 << 10

func TestPagesAreLight(t *testing.T) {
	w := lively(t)
	for i := range 45 { // the list fills its page
		w.webhook("", fmt.Sprintf("Site %d, deliveries", i), fmt.Sprintf("Owner %d", i%7))
	}
	heaviest, of := 0, ""
	for _, s := range sights() {
		if s.content != rich || strings.HasPrefix(s.pattern, "POST") {
			continue
		}
		page, size := w.weigh(w.at(s.address), s.open())
		for _, path := range files(page) {
			if !strings.Contains(path, "cards") { // the preview of cards is counted apart
				_, n := w.weigh(path, true)
				size += n
			}
		}
		if size > maxPage {
			t.Errorf("%s weighs %d bytes, want at most %d", s.address, size, maxPage)
		}
		if size > heaviest {
			heaviest, of = size, s.address
		}
	}
	t.Logf("proof: the heaviest page is %s with %.1f KB on their way, styles, scripts and icons with it", of, float64(heaviest)/1024)
}

// files are the paths of what a page loads.
func files(page string) (all []string) {
	for _, found := range regexp.MustCompile(`(?:href|src)="(/static/[^"#]+)`).FindAllStringSubmatch(page, -1) {
		if !slices.Contains(all, found[1]) {
			all = append(all, found[1])
		}
	}
	return all
}

// weigh gets something as browsers do, and says how many bytes came.
func (w *world) weigh(path string, stranger bool) (text string, size int) {
	w.t.Helper()
	by := w.browser
	if stranger {
		by = w.browser.browser()
	}
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+path, nil)
	must(w.t, err)
	r.Header.Set("Accept-Encoding", "gzip")
	res, err := by.Do(r)
	must(w.t, err)
	defer func() { must(w.t, res.Body.Close()) }()
	raw, err := io.ReadAll(res.Body)
	must(w.t, err)
	if res.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %d", path, res.StatusCode)
	}
	if res.Header.Get("Content-Encoding") == "gzip" {
		zip, err := gzip.NewReader(strings.NewReader(string(raw)))
		must(w.t, err)
		plain, err := io.ReadAll(zip)
		must(w.t, err)
		return string(plain), len(raw)
	}
	return string(raw), len(raw)
}

// fields are what is after the question mark of an address.
func fields(address string) (path string, typed url.Values) {
	path, query, _ := strings.Cut(address, "?")
	typed, _ = url.ParseQuery(query) // the addresses are this file's own
	return path, typed
}
