package teams

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// Post is one post as it goes to Teams, for people to look at.
type Post struct {
	// Card is the Adaptive Card, as indented JSON; nil: it goes as plain text.
	Card []byte
	// Text is what it says, without its form.
	Text string
	// Size is what it takes of TeamsPostBytes.
	Size int
}

// Posts returns what goes to Teams for a message: one post, or one for each
// part of a long text.
func Posts(c connector.Content, p connector.Payload) (all []Post, err error) {
	parts := 1
	if c.Kind == connector.KindText {
		_, parts = Measure(c.Body)
	}
	for k := 1; k <= parts; k++ {
		parcel := connector.Parcel{Content: c, Target: connector.Target{Payload: p}}
		if parts > 1 {
			parcel.Part, parcel.Parts = k, parts
		}
		made, err := postOf(parcel)
		if err != nil {
			return nil, fmt.Errorf("draw post %d of %d: %w", k, parts, err)
		}
		all = append(all, made)
	}
	return all, nil
}

func postOf(p connector.Parcel) (made Post, err error) {
	body, err := EnvelopeOf(p)
	if err != nil {
		return made, err
	}
	made.Size = Counted(body)
	var sent struct {
		Text        string
		Attachments []struct{ Content json.RawMessage }
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		return made, err
	}
	if len(sent.Attachments) == 0 {
		made.Text = sent.Text
		return made, nil
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, sent.Attachments[0].Content, "", "  "); err != nil {
		return made, err
	}
	made.Card = indented.Bytes()
	made.Text, err = said(p, made.Card)
	return made, err
}

// said is what a post says, without its form.
func said(p connector.Parcel, card []byte) (string, error) {
	switch {
	case p.Part > 0:
		part, err := Part(p.Content.Body, p.Part, p.Parts)
		return string(part), err
	case p.Content.Kind == connector.KindText:
		return string(p.Content.Body), nil
	case p.Content.Kind == connector.KindRich:
		rich, err := connector.DecodeRich(p.Content.Body)
		return richLines(rich), err
	}
	var o map[string]any
	if err := json.Unmarshal(card, &o); err != nil {
		return "", err
	}
	return strings.Join(cardLines(o, "AdaptiveCard"), "\n"), nil
}

func richLines(r connector.Rich) string {
	var lines []string
	if r.Title != nil {
		lines = append(lines, *r.Title, "")
	}
	lines = append(lines, r.Text)
	for _, f := range r.Facts {
		lines = append(lines, f.Name+": "+f.Value)
	}
	if r.Link != nil {
		lines = append(lines, linkText(*r.Link)+": "+r.Link.URL)
	}
	return strings.Join(lines, "\n")
}

// cardLines reads an element of a card from top to bottom, by the rules of its type.
func cardLines(o map[string]any, implied string) (lines []string) {
	kind, ok := o["type"].(string)
	if !ok {
		kind = implied
	}
	r := rules[kind]
	word := "text"
	switch {
	case r.action:
		word = "title"
	case kind == "Image":
		word = "altText"
	}
	if text, _ := o[word].(string); text != "" {
		if word != "text" {
			text = "[" + text + "]"
		}
		lines = append(lines, text)
	}
	facts, _ := o["facts"].([]any)
	for _, f := range facts {
		if f, ok := f.(map[string]any); ok {
			lines = append(lines, fmt.Sprintf("%v: %v", f["title"], f["value"]))
		}
	}
	for _, s := range r.slots {
		lines = append(lines, s.lines(o[s.name])...)
	}
	return lines
}

func (s slot) lines(held any) (lines []string) {
	all, ok := held.([]any)
	if !ok {
		all = []any{held}
	}
	for _, entry := range all {
		switch entry := entry.(type) {
		case string:
			lines = append(lines, entry)
		case map[string]any:
			lines = append(lines, cardLines(entry, s.implied)...)
		}
	}
	if s.texts { // runs stand in one line
		return []string{strings.Join(lines, "")}
	}
	return lines
}
