package api

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// refuseBeside names each field that belongs to a text and stands beside a card.
func (b *sendBody) refuseBeside() {
	named := false
	for _, f := range []struct {
		pointer string
		field
	}{{"/title", b.title}, {"/level", b.level}, {"/facts", b.facts}, {"/link", b.link}} {
		if f.value == nil {
			continue
		}
		b.invalid(f.pointer, "Send %s with textMessage, or put it into the card itself.", f.pointer[1:])
		named = true
	}
	if named && b.textMessage.value == nil { // else the card is named already
		b.invalid("/card", "A card does not go together with title, level, facts or link.")
	}
}

// rich reads the text and what stands beside it. A text alone stays a text. What
// can't be read is left out, so that the rest can be checked as well.
func (b *sendBody) rich() connector.Content {
	text := b.text("/textMessage", b.textMessage.value)
	r := connector.Rich{
		Text:  string(text),
		Title: b.optional("/title", b.title.value),
		Level: b.optional("/level", b.level.value),
		Facts: b.readFacts(),
		Link:  b.readLink(),
	}
	if text == nil {
		return connector.Content{}
	}
	if r.Plain() {
		return connector.Content{Kind: connector.KindText, Body: text}
	}
	body, err := r.Encode()
	if err != nil {
		b.invalid("/textMessage", "The message can't be written as JSON.")
		return connector.Content{}
	}
	return connector.Content{Kind: connector.KindRich, Body: body}
}

// optional reads a string; nil: it is absent or not a string.
func (b *sendBody) optional(pointer string, v jsontext.Value) *string {
	text := b.text(pointer, v)
	if text == nil {
		return nil
	}
	s := string(text)
	return &s
}

func (b *sendBody) readFacts() []connector.Fact {
	v := b.facts.value
	if v == nil {
		return nil
	}
	if v.Kind() != '[' {
		b.invalid("/facts", `facts must be an array of {"name": "...", "value": "..."}, not %s.`, kindName(v))
		return nil
	}
	faults := len(b.wrong)
	var facts []connector.Fact
	d := jsontext.NewDecoder(bytes.NewBuffer(v), jsontext.AllowDuplicateNames(true))
	if _, err := d.ReadToken(); err != nil {
		b.invalid("/facts", "facts is not an array that can be read.")
		return nil
	}
	for d.PeekKind() != ']' && len(b.wrong) < maxUnknown {
		entry, err := d.ReadValue()
		if err != nil {
			b.invalid("/facts", "facts is not an array that can be read.")
			return nil
		}
		pair := b.strings("/facts/"+strconv.Itoa(len(facts)), entry, "name", "value")
		facts = append(facts, connector.Fact{Name: orEmpty(pair[0]), Value: orEmpty(pair[1])})
	}
	if len(b.wrong) > faults {
		return nil
	}
	return facts
}

func (b *sendBody) readLink() *connector.Link {
	if b.link.value == nil {
		return nil
	}
	faults := len(b.wrong)
	pair := b.strings("/link", b.link.value, "text", "url")
	if len(b.wrong) > faults {
		return nil
	}
	return &connector.Link{Text: pair[0], URL: orEmpty(pair[1])}
}

// strings reads an object of two strings; null is taken as absent.
func (b *sendBody) strings(pointer string, v jsontext.Value, first, second string) (pair [2]*string) {
	if v.Kind() != '{' {
		what := kindName(v)
		if v.Kind() == 'n' {
			what = "null"
		}
		b.invalid(pointer, `%s must be an object {"%s": "...", "%s": "..."}, not %s.`, pointer[1:], first, second, what)
		return pair
	}
	var seen [2]bool
	err := readObject(v, func(name string, value jsontext.Value) {
		i := 0
		switch name {
		case first:
		case second:
			i = 1
		default:
			b.invalid(pointer, "%s has a field that is not known; known fields are %s and %s.", pointer[1:], first, second)
			return
		}
		at := pointer + "/" + name
		switch {
		case seen[i]:
			b.invalid(at, "%s stands twice. Send it once.", at[1:])
		case value.Kind() != 'n':
			pair[i] = b.optional(at, value)
		}
		seen[i] = true
	})
	if err != nil {
		b.invalid(pointer, "%s is not an object that can be read.", pointer[1:])
	}
	return pair
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
