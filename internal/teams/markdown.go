package teams

import "strings"

// escapeMarkdown writes one line of plain text so that a TextBlock shows it
// byte for byte: what Markdown or HTML would read as markup gets a backslash,
// and nothing else does, because phones show a backslash that they don't need
// ([obs] AdaptiveCards issues 5590 and 7474). Taking the backslash off each
// escaped punctuation mark gives the line back.
//
// Which marks count: [doc] learn.microsoft.com, "Format cards in Teams",
// 2026-11; [obs] underscores in words (PSTeams issue 30), text between < and >
// (Slack integrations issue 1761), entities such as &nbsp; (AdaptiveCards
// sample HtmlSpaces) and {{DATE(...)}} (AdaptiveCards text features).
func escapeMarkdown(line string) string {
	var b strings.Builder
	b.Grow(len(line) + len(line)/8)
	e := escaper{line: line, number: -1}
	for i := range len(line) {
		if e.markup(i) {
			b.WriteByte('\\')
		}
		b.WriteByte(line[i])
		e.pass(i)
	}
	return b.String()
}

// escaper walks over the bytes of one line.
type escaper struct {
	line  string
	begun bool // something but white space has passed since the line's start
	open  bool // a < was escaped; the next > closes it
	// number is where a leading number ends, which a dot or bracket makes a list's; -1: none.
	number int
}

// markup reports whether the byte at i must be escaped.
func (e *escaper) markup(i int) bool {
	switch e.line[i] {
	case '\\', '*', '_', '[', ']', '`':
		return true
	case '~': // strikes out where doubled
		return e.at(i-1) == '~' || e.at(i+1) == '~'
	case '<':
		return e.tag(i)
	case '>': // a quotation where the line starts
		return e.open || !e.begun
	case '&':
		return entity(e.line[i:])
	case '{':
		return e.at(i-1) == '{' && (strings.HasPrefix(e.line[i:], "{DATE(") || strings.HasPrefix(e.line[i:], "{TIME("))
	case '+', '#':
		return !e.begun && e.marker(i)
	case '-':
		return !e.begun && (e.marker(i) || e.rule(i))
	case '.', ')':
		return i == e.number && e.gap(i+1)
	}
	return false
}

// pass takes note of the byte at i. A lone carriage return starts a line for
// Markdown, although it stays in its block.
func (e *escaper) pass(i int) {
	switch c := e.line[i]; c {
	case '\r':
		e.begun, e.open, e.number = false, false, -1
	case ' ', '\t':
	default:
		if !e.begun && isDigit(c) {
			e.number = i
			for isDigit(e.at(e.number)) {
				e.number++
			}
		}
		e.begun = true
		e.open = c != '>' && (e.open || c == '<' && e.tag(i))
	}
}

// at returns the byte at i, or 0 outside the line.
func (e *escaper) at(i int) byte {
	if i < 0 || i >= len(e.line) {
		return 0
	}
	return e.line[i]
}

// gap reports whether the line ends at i or goes on with white space.
func (e *escaper) gap(i int) bool {
	return i >= len(e.line) || strings.IndexByte(" \t\r", e.line[i]) >= 0
}

// tag reports whether the < at i would open a tag, a comment or a link: <at>
// is a mention, which plain text never makes.
func (e *escaper) tag(i int) bool {
	c := e.at(i + 1)
	return c == '/' || c == '!' || c == '?' || isLetter(c)
}

// marker reports whether the mark at i, repeated or not, starts a list or a header.
func (e *escaper) marker(i int) bool {
	end := i + 1
	for e.line[i] == '#' && e.at(end) == '#' {
		end++
	}
	return e.gap(end)
}

// rule reports whether the line holds nothing but dashes from i on: a rule across the card.
func (e *escaper) rule(i int) bool {
	line, _, _ := strings.Cut(e.line[i:], "\r")
	return strings.Trim(line, "- \t") == ""
}

// entity reports whether s starts with an HTML entity, which would be shown as
// the character that it stands for.
func entity(s string) bool {
	const longest = 33 // of HTML's names
	end := strings.IndexByte(s[:min(len(s), longest+2)], ';')
	if end < 2 {
		return false
	}
	name := strings.TrimPrefix(s[1:end], "#")
	for i := range len(name) {
		if !isLetter(name[i]) && !isDigit(name[i]) {
			return false
		}
	}
	return name != ""
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
