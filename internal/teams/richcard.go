package teams

import (
	"net/url"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

type richCard struct {
	Schema  string    `json:"$schema"`
	Type    string    `json:"type"`
	Version string    `json:"version"`
	MSTeams msTeams   `json:"msteams"`
	Body    []any     `json:"body"`
	Actions []openURL `json:"actions,omitempty"`
}

type container struct {
	Type    string `json:"type"`
	Style   string `json:"style,omitempty"`
	Bleed   bool   `json:"bleed,omitempty"`
	Spacing string `json:"spacing,omitempty"`
	Items   any    `json:"items"`
}

type columnSet struct {
	Type    string   `json:"type"`
	Columns []column `json:"columns"`
}

type column struct {
	Type    string `json:"type"`
	Width   string `json:"width"`
	Spacing string `json:"spacing,omitempty"`
	Items   any    `json:"items"`
}

type titleBlock struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	Size   string `json:"size,omitempty"`
	Weight string `json:"weight"`
	Color  string `json:"color,omitempty"`
	Wrap   bool   `json:"wrap,omitempty"`
}

type factSet struct {
	Type    string    `json:"type"`
	Spacing string    `json:"spacing"`
	Facts   []factRow `json:"facts"`
}

type factRow struct {
	Title string `json:"title"`
	Value string `json:"value"`
}

type openURL struct {
	Type  string `json:"type"`
	Title string `json:"title"`
	URL   string `json:"url"`
}

// look is how a level shows: as a band in a style that Teams colors for light
// and dark, and as a mark, because color alone tells not everybody.
type look struct{ style, color, mark string }

func lookOf(level string) look {
	switch level {
	case connector.LevelInfo:
		return look{style: "emphasis", color: "accent", mark: "\u2139"}
	case connector.LevelGood:
		return look{style: "good", color: "good", mark: "\u2714"}
	case connector.LevelWarning:
		return look{style: "warning", color: "warning", mark: "\u26a0"}
	case connector.LevelError:
		return look{style: "attention", color: "attention", mark: "\u2716"}
	}
	return look{}
}

// richEnvelope draws a rich message: the title in a band of its level's color,
// the text, the facts, the link as a button. A level without a title colors the text.
func richEnvelope(body []byte) ([]byte, error) {
	r, err := connector.DecodeRich(body)
	if err != nil {
		return nil, err
	}
	card := richCard{Schema: cardSchema, Type: "AdaptiveCard", Version: CardVersion, MSTeams: msTeams{Width: "Full"}}
	text := textBlocks([]byte(r.Text))
	switch {
	case r.Title != nil:
		title := titleBlock{Type: "TextBlock", Text: escapeMarkdown(oneLine(*r.Title)), Size: "Large", Weight: "Bolder", Wrap: true}
		below := "Medium" // of the band's edge
		if r.Level == nil {
			below = "Small"
		}
		card.Body = append(card.Body, band(r.Level, []titleBlock{title}), container{Type: "Container", Spacing: below, Items: text})
	case r.Level != nil:
		card.Body = append(card.Body, band(r.Level, text))
	default:
		card.Body = append(card.Body, container{Type: "Container", Items: text})
	}
	if len(r.Facts) > 0 {
		card.Body = append(card.Body, factsOf(r.Facts))
	}
	if r.Link != nil {
		card.Actions = []openURL{{Type: "Action.OpenUrl", Title: linkText(*r.Link), URL: r.Link.URL}}
	}
	return wrap(card)
}

// band puts items beside the mark of a level, in its color; without a level they stay as they are.
func band(level *string, items any) container {
	if level == nil {
		return container{Type: "Container", Items: items}
	}
	l := lookOf(*level)
	size := ""
	if _, isTitle := items.([]titleBlock); isTitle {
		size = "Large"
	}
	mark := titleBlock{Type: "TextBlock", Text: l.mark, Size: size, Weight: "Bolder", Color: l.color}
	return container{Type: "Container", Style: l.style, Bleed: true, Items: []columnSet{{Type: "ColumnSet", Columns: []column{
		{Type: "Column", Width: "auto", Items: []titleBlock{mark}},
		{Type: "Column", Width: "stretch", Spacing: "Small", Items: items},
	}}}}
}

// factsOf escapes names and values: both are Markdown. [doc] learn.microsoft.com,
// Adaptive Cards text features, 2026-11.
func factsOf(facts []connector.Fact) factSet {
	rows := make([]factRow, len(facts))
	for i, f := range facts {
		rows[i] = factRow{Title: escapeMarkdown(oneLine(f.Name)), Value: factValue(f.Value)}
	}
	return factSet{Type: "FactSet", Spacing: "Medium", Facts: rows}
}

// factValue keeps the lines of a value apart as paragraphs, because one line
// break collapses. A value must not be empty: Microsoft's parsers refuse the
// card. [obs] AdaptiveCards shared object model, Fact, 2026-11.
func factValue(s string) string {
	var lines []string
	for _, line := range strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if connector.Visible(line) {
			lines = append(lines, escapeMarkdown(line))
		}
	}
	if len(lines) == 0 {
		return blank
	}
	return strings.Join(lines, "\n\n")
}

// linkText is what the button says: it is not Markdown.
func linkText(l connector.Link) string {
	if l.Text != nil {
		return oneLine(*l.Text)
	}
	u, err := url.Parse(l.URL)
	if err != nil {
		return l.URL
	}
	return u.Host
}

// oneLine makes every white space one space, for what shows as one line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
