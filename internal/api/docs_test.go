package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/api"
	"github.com/teamsconnector/teamsconnector/internal/look"
)

func TestTheDocumentationShowsEveryCallWithoutCredentialsOrScripts(t *testing.T) {
	assets, err := look.New("/static/")
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, api.Options{Assets: assets, PublicURL: "https://teams.example.com"})

	page := h.call(http.MethodGet, "/api/docs", "", "Authorization", "-")

	if page.code != http.StatusOK || !strings.Contains(page.raw, assets.URL("docs.css")) || !strings.Contains(page.raw, "https://teams.example.com/api/v1/messages") {
		t.Fatalf("answers %d, %.300s", page.code, page.raw)
	}
	if csp := page.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "script-src") {
		t.Errorf("policy is %s", csp)
	}
	for _, bad := range []string{"<script", " style=", "<style"} {
		if strings.Contains(page.raw, bad) {
			t.Errorf("the page has %s, which its policy forbids", bad)
		}
	}
	for key, id := range h.api.Routes() {
		_, section, found := strings.Cut(page.raw, `id="`+id+`">`)
		section, _, _ = strings.Cut(section, "</section>")
		_, path, _ := strings.Cut(key, " ")
		if !found || !strings.Contains(section, "<code>"+path+"</code>") {
			t.Errorf("the page does not show %s", key)
		}
		security := h.described.ops[key].Security
		if len(security) > 0 && security[0]["token"] != nil && strings.Count(section, "<pre") != 6 {
			t.Errorf("%s has %d snippets, want 6", key, strings.Count(section, "<pre"))
		}
	}
}

func TestAForgedHostIsNoPartOfASnippet(t *testing.T) {
	h := newHouse(t, api.Options{})
	page := h.call(http.MethodGet, "/api/docs", "", "Authorization", "-", "Host", "a'b$(id).example")
	if page.code != http.StatusOK || strings.Contains(page.raw, "http://a&#39;b$(id).example/api") {
		t.Errorf("answers %d", page.code)
	}
}
