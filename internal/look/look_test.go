package look_test

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/teamsconnector/teamsconnector/internal/look"
)

func newAssets(t *testing.T, extra ...fs.FS) *look.Assets {
	t.Helper()
	a, err := look.New("/static/", extra...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func get(a *look.Assets, target, encoding string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

func TestFilesAreServedForGoodUnderTheHashOfTheirContent(t *testing.T) {
	a := newAssets(t)
	entries, err := os.ReadDir("static")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join("static", e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		target := a.URL(e.Name())

		plain, zipped := get(a, target, ""), get(a, target, "br, gzip")

		if plain.Code != 200 || plain.Body.String() != string(content) {
			t.Errorf("%s: %d with %d bytes, want 200 with %d", target, plain.Code, plain.Body.Len(), len(content))
		}
		if !strings.Contains(plain.Header().Get("Cache-Control"), "immutable") || strings.HasSuffix(target, "/"+e.Name()) {
			t.Errorf("%s: cache %q, want immutable and a hash in the name", target, plain.Header().Get("Cache-Control"))
		}
		zip, err := gzip.NewReader(zipped.Body)
		if err != nil {
			t.Fatalf("%s: %v", target, err)
		}
		if got, err := io.ReadAll(zip); err != nil || string(got) != string(content) {
			t.Errorf("%s: zipped it is something else (%v)", target, err)
		}
		if get(a, "/static/"+e.Name(), "").Code != 404 {
			t.Errorf("%s is served without its hash: browsers would keep an old one", e.Name())
		}
	}
}

func TestAnotherContentHasAnotherName(t *testing.T) {
	one := newAssets(t, fstest.MapFS{"page.js": {Data: []byte("one")}}).URL("page.js")
	two := newAssets(t, fstest.MapFS{"page.js": {Data: []byte("two")}}).URL("page.js")

	if one == two {
		t.Errorf("both are %s", one)
	}
}

// sources are the files whose tokens and icons must exist.
func sources(t *testing.T, kinds ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range kinds {
		for _, dir := range []string{"static", "../simulator", "../simulator/static", "../console"} {
			files, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				b, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				all[f] = string(b)
			}
		}
	}
	return all
}

func TestTokensAreThoseThatTheStylesUse(t *testing.T) {
	tokens, err := os.ReadFile("static/tokens.css")
	if err != nil {
		t.Fatal(err)
	}
	defined := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^  (--\w+):`).FindAllStringSubmatch(string(tokens), -1) {
		defined[m[1]] = true
	}
	used := map[string]bool{}
	for name, text := range sources(t, "*.css", "*.js") {
		found := regexp.MustCompile(`var\((--\w+)\)`).FindAllStringSubmatch(text, -1)
		if filepath.Base(name) == "cards.js" {
			for _, m := range regexp.MustCompile(`'((?:color|fontFamily)[A-Z]\w+)'`).FindAllStringSubmatch(text, -1) {
				found = append(found, []string{"", "--" + m[1]})
			}
		}
		for _, m := range found {
			used[m[1]] = true
			if !defined[m[1]] {
				t.Errorf("%s uses %s, which tokens.css does not define", name, m[1])
			}
		}
	}

	for name := range defined {
		if !used[name] {
			t.Errorf("tokens.css defines %s, which nothing uses", name)
		}
	}
	if len(defined) < 20 {
		t.Errorf("only %d tokens found", len(defined))
	}
}

func TestIconsThatPagesNameExist(t *testing.T) {
	sprite, err := os.ReadFile("static/icons.svg")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for name, text := range sources(t, "*.gohtml", "*.templ", "buttons.go") {
		pattern := `{{icon "(\w+)"}}|@icon\(v, "(\w+)"\)`
		if filepath.Base(name) == "buttons.go" {
			pattern = `", "([a-z]\w*)"()\)`
		}
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			icon := m[1] + m[2]
			named++
			if !strings.Contains(string(sprite), `<symbol id="`+icon+`"`) {
				t.Errorf("%s names the icon %s, which icons.svg lacks", name, icon)
			}
		}
	}
	if named < 10 {
		t.Errorf("only %d icons found in the pages", named)
	}
}

func TestThirdPartyFilesNameTheirLicence(t *testing.T) {
	list, err := os.ReadFile("static/LICENSES.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"adaptivecards.min.js", "icons.svg", "tokens.css"} {
		row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(file) + ` \|.*\d+\.\d+\.\d+.*\| MIT`)
		if _, err := os.Stat(filepath.Join("static", file)); err != nil || !row.Match(list) {
			t.Errorf("LICENSES.md has no row with version and licence for %s (%v)", file, err)
		}
	}
}
