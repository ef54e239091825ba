package teams

import (
	"encoding/base64"
	"regexp"
	"strings"
)

// rule says what one type of element or action holds.
type rule struct {
	name   string
	must   []string // properties without which Microsoft's parsers refuse the whole card
	should []string // properties without which it is left out
	values []value  // properties with a known set of values
	slots  []slot   // properties that hold further elements
	action bool
	// warning is said wherever the type stands.
	warning string
}

// slot is a property that holds further objects.
type slot struct {
	name    string
	list    bool     // a list of them; else one
	implied string   // the type of an entry that names none; "": it must name one
	only    []string // the types that may stand here; empty: any
	texts   bool     // plain texts may stand here too
	actions bool     // the entries are actions
}

// value is a property whose values are known. Their case doesn't matter.
type value struct {
	name  string
	known string // for people: the words, parted by ", "
	fits  func(any) bool
}

// The properties and rows that several types share. What a card may hold:
// [doc] adaptivecards.io/explorer, versions 1.0 to 1.6, and what Microsoft's
// parsers do with it: [obs] github.com/microsoft/AdaptiveCards, 2026-11.
var (
	spacing   = words("spacing", "default, none, extraSmall, small, medium, large, extraLarge, padding")
	alignment = words("horizontalAlignment", "left, center, right")
	vertical  = words("verticalContentAlignment", "top, center, bottom")
	boxStyle  = words("style", "default, emphasis, good, attention, warning, accent")
	textStyle = []value{
		spacing, alignment,
		words("size", "default, small, medium, large, extraLarge"),
		words("weight", "default, lighter, bolder"),
		words("color", "default, dark, light, accent, good, warning, attention"),
		words("fontType", "default, monospace"),
		words("style", "default, heading, columnHeader"),
		plain("text"),
	}
	box        = []value{spacing, alignment, vertical, boxStyle}
	inputStyle = []value{spacing}
	buttons    = []value{words("style", "default, positive, destructive"), words("mode", "primary, secondary")}

	items        = slot{name: "items", list: true}
	actionRow    = slot{name: "actions", list: true, actions: true}
	selectAction = slot{name: "selectAction", actions: true}
	inlineAction = slot{name: "inlineAction", actions: true}
)

// noAnswer is why an action can't work through a webhook. [doc] msteams-docs, 2026-11.
const noAnswer = "A webhook has nobody who answers Action.Submit and Action.Execute: the button shows an error"

// rules lists the types that Teams knows.
var rules = table(
	rule{name: "AdaptiveCard", values: []value{vertical}, slots: []slot{{name: "body", list: true}, actionRow, selectAction}},
	rule{name: "TextBlock", should: []string{"text"}, values: textStyle},
	rule{name: "RichTextBlock", should: []string{"inlines"}, values: []value{spacing, alignment}, slots: []slot{{
		name: "inlines", list: true, texts: true, implied: "TextRun", only: []string{"TextRun", "ImageRun", "IconRun", "CitationRun"},
	}}},
	rule{name: "TextRun", values: textStyle, slots: []slot{selectAction}},
	rule{name: "ImageRun"}, rule{name: "IconRun"}, rule{name: "CitationRun"},
	rule{name: "Image", must: []string{"url"}, should: []string{"url"}, values: []value{
		spacing, alignment, words("style", "default, person, roundedCorners"), image("url"),
		words("size", "auto, stretch, small, medium, large, extraLarge"),
	}, slots: []slot{selectAction}},
	rule{name: "ImageSet", should: []string{"images"}, values: []value{spacing}, slots: []slot{{
		name: "images", list: true, implied: "Image", only: []string{"Image"},
	}}},
	rule{name: "Media", warning: "Teams doesn't play Media in cards that come through a webhook"},
	rule{name: "Container", values: box, slots: []slot{items, selectAction}},
	rule{name: "ColumnSet", values: box, slots: []slot{{name: "columns", list: true, implied: "Column", only: []string{"Column"}}, selectAction}},
	rule{name: "Column", values: append([]value{width}, box...), slots: []slot{items, selectAction}},
	rule{name: "FactSet", should: []string{"facts"}, values: []value{spacing}},
	rule{name: "ActionSet", values: []value{spacing, alignment}, slots: []slot{actionRow}},
	rule{name: "Table", values: []value{spacing}, slots: []slot{{name: "rows", list: true, implied: "TableRow", only: []string{"TableRow"}}}},
	rule{name: "TableRow", values: []value{boxStyle}, slots: []slot{{name: "cells", list: true, implied: "TableCell", only: []string{"TableCell"}}}},
	rule{name: "TableCell", values: []value{boxStyle, vertical}, slots: []slot{items, selectAction}},
	rule{name: "Carousel", slots: []slot{{name: "pages", list: true, implied: "CarouselPage", only: []string{"CarouselPage"}}}},
	rule{name: "CarouselPage", slots: []slot{items, selectAction}},

	rule{name: "Input.Text", must: []string{"id"}, values: inputStyle, slots: []slot{inlineAction}},
	rule{name: "Input.Number", must: []string{"id"}, values: inputStyle},
	rule{name: "Input.Date", must: []string{"id"}, values: inputStyle},
	rule{name: "Input.Time", must: []string{"id"}, values: inputStyle},
	rule{name: "Input.Toggle", must: []string{"id"}, values: inputStyle},
	rule{name: "Input.ChoiceSet", must: []string{"id"}, values: inputStyle},

	rule{name: "Action.OpenUrl", action: true, must: []string{"url"}, values: buttons},
	rule{name: "Action.ShowCard", action: true, values: buttons, slots: []slot{{name: "card", implied: "AdaptiveCard", only: []string{"AdaptiveCard"}}}},
	rule{name: "Action.ToggleVisibility", action: true, values: buttons},
	rule{name: "Action.Submit", action: true, values: buttons, warning: noAnswer},
	rule{name: "Action.Execute", action: true, values: buttons, warning: noAnswer},
)

func table(all ...rule) map[string]rule {
	m := make(map[string]rule, len(all))
	for _, r := range all {
		m[r.name] = r
	}
	return m
}

// words is a property that is one of some words.
func words(name, known string) value {
	set := strings.Split(strings.ToLower(known), ", ")
	return value{name: name, known: known, fits: func(v any) bool {
		s, ok := v.(string)
		if !ok {
			return false
		}
		for _, w := range set {
			if strings.EqualFold(s, w) {
				return true
			}
		}
		return template(s)
	}}
}

// template reports whether a text is filled in later by a card template.
func template(s string) bool { return strings.Contains(s, "${") }

// plain is a property that is a text of any kind.
func plain(name string) value {
	return value{name: name, known: "texts in quotes", fits: func(v any) bool { _, ok := v.(string); return ok }}
}

// columnWidth is the width of a column as a text: a share, or pixels.
var columnWidth = regexp.MustCompile(`(?i)^(auto|stretch|[0-9]+(\.[0-9]+)?(px)?)$`)

// width is the width of a column. [obs] AdaptiveCards sample Column.InvalidWidth: anything else is ignored.
var width = value{name: "width", known: "auto, stretch, a number, or pixels such as 50px", fits: func(v any) bool {
	switch v := v.(type) {
	case float64:
		return true
	case string:
		return columnWidth.MatchString(v) || template(v)
	}
	return false
}}

// image is the URL of a picture. [obs] AdaptiveCards sample
// Image.DataUri.InvalidChars: broken base64 draws a blank space.
func image(name string) value {
	return value{name: name, known: "URLs, and data: URLs with an image in base64", fits: func(v any) bool {
		s, ok := v.(string)
		if !ok {
			return false
		}
		if len(s) < 5 || !strings.EqualFold(s[:5], "data:") {
			return true
		}
		head, data, ok := strings.Cut(s, ",")
		if !ok || data == "" {
			return false
		}
		if !strings.HasSuffix(strings.ToLower(head), ";base64") {
			return true
		}
		_, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			_, err = base64.RawStdEncoding.DecodeString(data)
		}
		return err == nil
	}}
}
