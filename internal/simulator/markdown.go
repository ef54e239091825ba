package simulator

import (
	"regexp"
	"strings"
)

// Span is a run of text in one style.
type Span struct {
	Text         string
	Bold, Italic bool
	Link         string // where it leads; empty: nowhere
}

// Line is one line of a text block.
type Line struct {
	Bullet string // "• " or "1. " before a list's item
	Spans  []Span
}

var (
	bullet   = regexp.MustCompile(`^ {0,3}[-*+] +`)
	numbered = regexp.MustCompile(`^ {0,3}(\d{1,9})[.)] +`)
)

// markdown reads the small part of Markdown that a TextBlock knows: bold,
// italic, lists and links; no headers, tables, code or HTML. One line break
// collapses into a space. [doc] learn.microsoft.com, "Format cards in Teams";
// underscores inside words count, [obs] EvotecIT/PSTeams issue 30.
func markdown(text string) []Line {
	var lines []Line
	open := false // the last line may go on
	for raw := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		var line Line
		switch {
		case raw == "":
			open = false
			continue
		case bullet.MatchString(raw):
			line.Bullet = "• "
			raw = raw[len(bullet.FindString(raw)):]
		case numbered.MatchString(raw):
			m := numbered.FindStringSubmatch(raw)
			line.Bullet = m[1] + ". "
			raw = raw[len(m[0]):]
		case open:
			last := &lines[len(lines)-1]
			last.Spans = append(append(last.Spans, Span{Text: " "}), spans(raw)...)
			continue
		}
		line.Spans = spans(raw)
		lines = append(lines, line)
		open = true
	}
	return lines
}

// spans reads the styles within one line.
func spans(text string) []Span {
	p := parser{none: map[string]bool{}}
	p.read(text, Span{}, 0)
	return p.out
}

// parser reads one line. What it once failed to find it never looks for again,
// so that no line takes more than a few passes.
type parser struct {
	out  []Span
	none map[string]bool // closers that do not come any more
}

const (
	maxNesting = 4
	maxLabel   = 1000 // bytes of a link's text
)

func (p *parser) read(text string, style Span, depth int) {
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			p.add(Span{Text: plain.String(), Bold: style.Bold, Italic: style.Italic, Link: style.Link})
			plain.Reset()
		}
	}
	for i := 0; i < len(text); {
		if text[i] == '\\' && i+1 < len(text) && isPunctuation(text[i+1]) {
			plain.WriteByte(text[i+1])
			i += 2
			continue
		}
		inner, styled, n := p.styled(text[i:], style, depth)
		if n == 0 {
			plain.WriteByte(text[i])
			i++
			continue
		}
		flush()
		outer := p.none
		p.none = map[string]bool{}
		p.read(inner, styled, depth+1)
		p.none = outer
		i += n
	}
	flush()
}

// styled finds a styled run at the start of the text: what is in it, its style
// and its length. A length of 0: there is none.
func (p *parser) styled(text string, style Span, depth int) (string, Span, int) {
	if depth >= maxNesting {
		return "", style, 0
	}
	switch text[0] {
	case '*', '_':
		mark := text[:1]
		if len(text) > 1 && text[1] == text[0] {
			mark = text[:2]
		}
		inner := p.until(text[len(mark):], mark)
		if inner == "" || inner[0] == ' ' || inner[len(inner)-1] == ' ' {
			return "", style, 0
		}
		if len(mark) == 2 {
			style.Bold = true
		} else {
			style.Italic = true
		}
		return inner, style, len(inner) + 2*len(mark)
	case '[':
		label := p.until(text[1:min(len(text), maxLabel)], "](")
		if label == "" {
			return "", style, 0
		}
		rest := text[len(label)+3:]
		target := p.until(rest, ")")
		if target == "" || strings.ContainsAny(target, " <>") {
			return "", style, 0
		}
		style.Link = target
		return label, style, len(label) + len(target) + 4
	}
	return "", style, 0
}

// until returns the text before the next unescaped mark; empty: there is none.
func (p *parser) until(text, mark string) string {
	if p.none[mark] {
		return ""
	}
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' {
			i++
			continue
		}
		if strings.HasPrefix(text[i:], mark) {
			return text[:i]
		}
	}
	p.none[mark] = mark != "](" // of which only the next part was searched
	return ""
}

func (p *parser) add(s Span) {
	if n := len(p.out); n > 0 {
		last := &p.out[n-1]
		if last.Bold == s.Bold && last.Italic == s.Italic && last.Link == s.Link {
			last.Text += s.Text
			return
		}
	}
	p.out = append(p.out, s)
}

func isPunctuation(c byte) bool {
	return c >= '!' && c <= '/' || c >= ':' && c <= '@' || c >= '[' && c <= '`' || c >= '{' && c <= '~'
}

func plainSpans(spans []Span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.Text)
	}
	return b.String()
}
