package snippet

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"text/template"
)

// Call is a management call, with a token from the environment.
type Call struct {
	Service string // where it is; what could break out of its quotes is replaced by an example
	Method  string
	Path    string
	Body    string // JSON, without a single quote or backtick in it; empty: none
}

var calls = template.Must(template.New("").Funcs(template.FuncMap{
	"title": func(s string) string { return s[:1] + strings.ToLower(s[1:]) },
}).ParseFS(files, "files/call.tmpl"))

// RenderCall writes a call in a language.
func RenderCall(language string, c Call) (string, error) {
	if !plainURL.MatchString(c.Service) {
		c.Service = exampleURL
	}
	c.Service = strings.TrimRight(c.Service, "/")
	if strings.ContainsAny(c.Body, "'`") || !plainURL.MatchString(c.Service+c.Path) {
		return "", errors.New("a call with quotes in it can't be shown")
	}
	var out bytes.Buffer
	if err := calls.ExecuteTemplate(&out, language, c); err != nil {
		return "", fmt.Errorf("write a snippet in %s: %w", language, err)
	}
	return strings.TrimSpace(out.String()) + "\n", nil
}
