package snippet_test

import (
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/snippet"
)

// Each that has an interpreter here is run; the others are only looked at.
func TestManagementCallsInEveryLanguageAskWithTheirToken(t *testing.T) {
	programs := map[string][]string{"curl": {"sh"}, "python": {"python3"}, "javascript": {"node"}}
	for _, l := range snippet.Languages() {
		for _, body := range []string{"", `{"name":"gold"}`} {
			var got *http.Request
			var text strings.Builder
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = r
				_ = r.Body.Close()
				_, _ = w.Write([]byte("the answer"))
			}))
			t.Cleanup(s.Close)
			method := map[bool]string{true: http.MethodGet, false: http.MethodPatch}[body == ""]
			program, err := snippet.RenderCall(l.ID, snippet.Call{Service: s.URL, Method: method, Path: "/api/v1/plans/ID", Body: body})
			if err != nil || !strings.Contains(program, s.URL+"/api/v1/plans/ID") || strings.Contains(program, "{{") {
				t.Fatalf("%s: %v\n%s", l.Name, err, program)
			}
			if l.ID == "go" {
				if _, err := parser.ParseFile(token.NewFileSet(), "main.go", program, 0); err != nil {
					t.Errorf("%v\n%s", err, program)
				}
			}
			run, ok := programs[l.ID]
			if !ok {
				continue
			}
			if _, err := exec.LookPath(run[0]); err != nil {
				t.Logf("%s is not run: there is no %s here", l.Name, run[0])
				continue
			}
			file := filepath.Join(t.TempDir(), "call.mjs")
			if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), run[0], file)
			cmd.Env = append(os.Environ(), "TEAMSCONNECTOR_TOKEN=tct_test", "no_proxy=*")
			cmd.Stdout, cmd.Stderr = &text, &text
			if err := cmd.Run(); err != nil || !strings.Contains(text.String(), "the answer") {
				t.Fatalf("%s: %v\n%s\n%s", l.Name, err, text.String(), program)
			}
			if got.Method != method || got.Header.Get("Authorization") != "Bearer tct_test" || body != "" && got.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s sends %s with %v", l.Name, got.Method, got.Header)
			}
		}
	}
}

func TestACallThatCouldBreakOutIsNotShown(t *testing.T) {
	text, err := snippet.RenderCall("curl", snippet.Call{Service: "http://x'; rm -rf /", Method: "GET", Path: "/api"})
	if err != nil || strings.Contains(text, "rm") {
		t.Errorf("%s %v", text, err)
	}
	if text, err := snippet.RenderCall("curl", snippet.Call{Service: "http://x", Method: "GET", Path: "/api", Body: "'"}); err == nil {
		t.Errorf("shown: %s", text)
	}
}
