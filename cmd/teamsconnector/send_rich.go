package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/teamsconnector/teamsconnector/client"
)

func levels() []string {
	return []string{client.LevelInfo, client.LevelGood, client.LevelWarning, client.LevelError}
}

// beside reports whether there is something beside the text.
func (f sendFlags) beside() bool {
	return f.title != "" || f.level != "" || len(f.facts) > 0 || f.link != ""
}

// addRich puts what stands beside the text into m.
func (f sendFlags) addRich(m *client.Message) error {
	if f.level != "" && !slices.Contains(levels(), f.level) {
		return fmt.Errorf("--level %q is not known: it is one of %s", f.level, strings.Join(levels(), ", "))
	}
	m.Title, m.Level = f.title, f.level
	for _, fact := range f.facts {
		name, value, ok := strings.Cut(fact, "=")
		if !ok {
			return errors.New("a --fact has no =: give it as NAME=VALUE")
		}
		m.Facts = append(m.Facts, client.Fact{Name: name, Value: value})
	}
	if f.link != "" {
		m.Link = readLink(f.link)
	}
	return nil
}

// linkBegin is where the URL of a --link begins.
var linkBegin = regexp.MustCompile(`(?i)(^|=)https?://`)

// readLink parts TEXT=URL where the URL begins: both may hold a =.
func readLink(s string) *client.Link {
	at := strings.Index(s, "=")
	if begin := linkBegin.FindStringIndex(s); begin != nil {
		at = begin[0]
	}
	if at < 0 || s[at] != '=' {
		return &client.Link{URL: s}
	}
	return &client.Link{Text: s[:at], URL: s[at+1:]}
}
