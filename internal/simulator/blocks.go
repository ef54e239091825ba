package simulator

import (
	"fmt"
	"strings"
)

// Block is one piece of a post as people read it, without a card's layout.
type Block struct {
	Lines  []Line
	Facts  []Fact
	Image  string // what an image shows
	Button string // the title of an action
	Strong bool   // drawn bold
	Subtle bool   // drawn grey
}

// Fact is a row of a FactSet.
type Fact struct{ Title, Value []Span }

const maxDepth = 40 // of nested containers; Teams draws far fewer

// walker reads a card from the top down: it collects what people read and
// stops at the first thing that Teams' own check refuses.
type walker struct {
	blocks []Block
	wrong  string
	depth  int
}

func (w *walker) fail(format string, args ...any) {
	if w.wrong == "" {
		w.wrong = fmt.Sprintf(format, args...)
	}
}

func (w *walker) card(c map[string]any) {
	if c["type"] != "AdaptiveCard" {
		w.fail("The card's type is not AdaptiveCard.")
	}
	if v, ok := c["version"].(string); !ok || !version.MatchString(v) {
		w.fail("The card has no version like 1.4.")
	}
	w.list(c["body"], "body")
	w.actions(c["actions"])
}

// list reads an array of elements; one that is not there is an empty one.
func (w *walker) list(v any, name string) {
	if v == nil {
		return
	}
	items, ok := v.([]any)
	if !ok {
		w.fail("%s is not an array.", name)
		return
	}
	if w.depth++; w.depth > maxDepth {
		w.fail("The card is nested more than %d deep.", maxDepth)
	} else {
		for _, item := range items {
			w.element(item, name)
		}
	}
	w.depth--
}

func (w *walker) element(v any, in string) {
	e, ok := v.(map[string]any)
	if !ok {
		w.fail("An element of %s is not an object.", in)
		return
	}
	kind, ok := e["type"].(string)
	if !ok && (in == "body" || in == "items") {
		w.fail("An element of %s has no type.", in)
		return
	}
	switch kind {
	case "TextBlock":
		w.text(e)
	case "RichTextBlock":
		w.rich(e)
	case "FactSet":
		w.facts(e)
	case "Image":
		w.image(e)
	case "ActionSet":
		w.actions(e["actions"])
	default:
		w.containers(e)
	}
}

// containers goes into whatever holds further elements.
func (w *walker) containers(e map[string]any) {
	for _, name := range []string{"items", "columns", "rows", "cells", "images", "pages"} {
		w.list(e[name], name)
	}
	if label, ok := e["label"].(string); ok && label != "" {
		w.blocks = append(w.blocks, Block{Lines: markdown(label), Subtle: true})
	}
}

func (w *walker) text(e map[string]any) {
	text, ok := e["text"].(string)
	if !ok {
		w.fail("A TextBlock has no text.")
		return
	}
	w.blocks = append(w.blocks, Block{Lines: markdown(text), Strong: isStrong(e), Subtle: e["isSubtle"] == true})
}

func isStrong(e map[string]any) bool {
	weight, _ := e["weight"].(string)
	return strings.EqualFold(weight, "bolder")
}

func (w *walker) rich(e map[string]any) {
	inlines, ok := e["inlines"].([]any)
	if !ok {
		w.fail("A RichTextBlock has no inlines.")
		return
	}
	var line Line
	for _, v := range inlines {
		switch run := v.(type) {
		case string:
			line.Spans = append(line.Spans, Span{Text: run})
		case map[string]any:
			text, _ := run["text"].(string)
			line.Spans = append(line.Spans, Span{Text: text, Bold: isStrong(run), Italic: run["italic"] == true})
		}
	}
	w.blocks = append(w.blocks, Block{Lines: []Line{line}})
}

func (w *walker) facts(e map[string]any) {
	facts, ok := e["facts"].([]any)
	if !ok {
		w.fail("A FactSet has no facts.")
		return
	}
	var b Block
	for _, v := range facts {
		f, _ := v.(map[string]any)
		title, _ := f["title"].(string)
		value, _ := f["value"].(string)
		b.Facts = append(b.Facts, Fact{Title: spans(title), Value: spans(value)})
	}
	w.blocks = append(w.blocks, b)
}

func (w *walker) image(e map[string]any) {
	if _, ok := e["url"].(string); !ok {
		w.fail("An Image has no url.")
		return
	}
	if alt, ok := e["altText"].(string); ok && alt != "" {
		w.blocks = append(w.blocks, Block{Image: alt})
	}
}

func (w *walker) actions(v any) {
	if v == nil {
		return
	}
	list, ok := v.([]any)
	if !ok {
		w.fail("actions is not an array.")
		return
	}
	for _, item := range list {
		a, ok := item.(map[string]any)
		if kind, typed := a["type"].(string); !ok || !typed || kind == "" {
			w.fail("An action has no type.")
			return
		}
		if title, ok := a["title"].(string); ok && title != "" {
			w.blocks = append(w.blocks, Block{Button: title})
		}
	}
}

// plain is the block as text: what the oracle knows a message by. A lone
// no-break space is how senders write a blank line.
func (b Block) plain() string {
	var lines []string
	for _, l := range b.Lines {
		lines = append(lines, strings.TrimSuffix(l.Bullet+plainSpans(l.Spans), "\u00a0"))
	}
	for _, f := range b.Facts {
		lines = append(lines, plainSpans(f.Title)+": "+plainSpans(f.Value))
	}
	if b.Image+b.Button != "" {
		lines = append(lines, b.Image+b.Button)
	}
	return strings.Join(lines, "\n")
}
