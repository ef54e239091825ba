// Package snippet is what a developer copies: a call in each language, and the
// one-file client for Python.
package snippet

import (
	"embed"
	"fmt"
	"regexp"
	"strings"
)

//go:embed files
var files embed.FS

// PythonFile is the name of the client for Python.
const PythonFile = "teamsconnector.py"

// Language is one in which a call is shown.
type Language struct {
	ID   string // in addresses and for Render
	Name string // for people
	file string
}

// Languages returns all of them, in the order in which people read them.
func Languages() []Language {
	return []Language{
		{"curl", "curl", "curl.sh"},
		{"go", "Go", "go.go.txt"},
		{"python", "Python", "python.py"},
		{"javascript", "JavaScript", "javascript.mjs"},
		{"csharp", "C#", "csharp.cs"},
		{"powershell", "PowerShell", "powershell.ps1"},
	}
}

// What may stand in a snippet as it is: no language reads more into it than a text.
var (
	plainURL = regexp.MustCompile(`^https?://[A-Za-z0-9.:\[\]_-]+(/[A-Za-z0-9._~/-]*)?$`)
	plainID  = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
)

// exampleURL stands for a service whose address is not known.
const exampleURL = "https://connector.example.com"

// Render writes the call of a language for a service and a webhook. What is not
// known, or could break out of its quotes, is replaced by an example. The
// license is always read from the environment.
func Render(language, url, webhook string) (string, error) {
	if !plainURL.MatchString(url) {
		url = exampleURL
	}
	if !plainID.MatchString(webhook) {
		webhook = "wh_..."
	}
	for _, l := range Languages() {
		if l.ID == language {
			text, err := files.ReadFile("files/" + l.file)
			return strings.NewReplacer("{{url}}", strings.TrimRight(url, "/"), "{{webhook}}", webhook).Replace(string(text)), err
		}
	}
	return "", fmt.Errorf("there is no snippet for %q", language)
}

// Python returns the client for Python.
func Python() ([]byte, error) { return files.ReadFile("files/" + PythonFile) }
