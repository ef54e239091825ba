package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// parcel is what one request asks a run to post.
type parcel struct {
	posts []draft
	// text is all that the posts show, as the oracle knows the message.
	text string
	// fails: the run dies before its first post.
	fails *Failure
}

// draft is one post before it is made.
type draft struct {
	card   json.RawMessage // nil for a plain text
	blocks []Block
	wide   bool // the card asks for the whole width of the channel
	fails  *Failure
}

// Failure is why a post was not made although the client was told 202.
type Failure struct {
	Reason Reason `json:"reason"`
	Detail string `json:"detail"`
}

// Reason is the kind of a failure.
type Reason string

// The reasons of failed runs.
const (
	TooLarge Reason = "too large"
	BadCard  Reason = "bad card"
	TooFast  Reason = "over the limit"
	NoCard   Reason = "nothing to post"
	Lost     Reason = "lost"
)

const cardType = "application/vnd.microsoft.card.adaptive"

// version is what a card must say of itself; Teams draws no card without it.
var version = regexp.MustCompile(`^1\.\d+$`)

type envelope struct {
	Type        string          `json:"type"`
	Text        *string         `json:"text"`
	Title       string          `json:"title"`
	Summary     string          `json:"summary"`
	Attachments json.RawMessage `json:"attachments"`
}

type attachment struct {
	ContentType string          `json:"contentType"`
	Content     json.RawMessage `json:"content"`
}

// unpack reads a body that is known to be JSON as a flow's run would. It never
// errs: whatever is wrong with it only the run notices.
func unpack(f Flow, body []byte, limit int) parcel {
	var e envelope
	var list []attachment
	if json.Unmarshal(body, &e) == nil && len(e.Attachments) > 0 {
		if json.Unmarshal(e.Attachments, &list) != nil {
			list = nil
		}
	}
	var p parcel
	switch {
	case len(list) > 0:
		for _, a := range list {
			p.posts = append(p.posts, read(a, limit))
		}
	case f.Kind == Office365 && (e.Text != nil || e.Summary != ""):
		p.posts = []draft{legacyDraft(e, limit)}
	case e.Text != nil && !f.Template2024:
		p.posts = []draft{textDraft(*e.Text, limit)}
	default:
		p.fails = &Failure{NoCard, "Action 'Send_each_adaptive_card' failed: the result of the evaluation of 'foreach' expression " +
			"'@triggerOutputs()?['body']?['attachments']' is of type 'Null'. The result must be a valid array."}
	}
	var shown []string
	for _, d := range p.posts {
		for _, b := range d.blocks {
			shown = append(shown, b.plain())
		}
	}
	p.text = strings.Join(shown, "\n")
	return p
}

func read(a attachment, limit int) draft {
	if a.ContentType != cardType {
		return draft{fails: &Failure{BadCard, fmt.Sprintf("An attachment of type %q is no Adaptive Card.", shorten(a.ContentType, 60))}}
	}
	var card map[string]any
	if json.Unmarshal(a.Content, &card) != nil || card == nil {
		return draft{fails: &Failure{BadCard, "The attachment's content is not a JSON object."}}
	}
	w := walker{}
	w.card(card)
	d := draft{card: a.Content, blocks: w.blocks, wide: isWide(card)}
	if w.wrong != "" {
		d.fails = &Failure{BadCard, w.wrong}
		return d
	}
	d.fails = tooLarge(measure(a.Content), limit)
	return d
}

func isWide(card map[string]any) bool {
	teams, _ := card["msteams"].(map[string]any)
	width, _ := teams["width"].(string)
	return strings.EqualFold(width, "full")
}

func textDraft(text string, limit int) draft {
	quoted, err := json.Marshal(text)
	if err != nil { // a string always marshals
		quoted = []byte(text)
	}
	return draft{blocks: []Block{{Lines: markdown(text)}}, fails: tooLarge(measure(quoted), limit)}
}

// legacyDraft is a MessageCard, drawn as far as a channel shows it: title and text.
func legacyDraft(e envelope, limit int) draft {
	text := e.Summary
	if e.Text != nil {
		text = *e.Text
	}
	d := textDraft(text, limit)
	if e.Title != "" {
		d.blocks = append([]Block{{Lines: markdown(e.Title), Strong: true}}, d.blocks...)
	}
	return d
}

func tooLarge(size, limit int) *Failure {
	if limit < 0 || size <= limit {
		return nil
	}
	return &Failure{TooLarge, fmt.Sprintf("The payload is too large: %s of %s bytes, counted as Teams stores it.", thousands(size), thousands(limit))}
}

// measure counts a card as Teams stores it: compact JSON, non-ASCII characters
// as they are, escaped once more as a JSON string. [obs] 24,453 bytes became
// 28,897.
func measure(card []byte) int {
	var compact bytes.Buffer
	if json.Compact(&compact, card) != nil {
		return len(card)
	}
	size, b := 2, compact.Bytes()
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '"':
			size += 2
		case b[i] != '\\':
			size++
		case b[i+1] == 'u':
			size += escaped(b[i:])
			i += 5
		case b[i+1] == '/':
			size++
			i++
		case b[i+1] == '"' || b[i+1] == '\\':
			size += 4
			i++
		default: // \n and its like: the backslash is escaped
			size += 3
			i++
		}
	}
	return size
}

// escaped is what \uXXXX at the start of b counts: the character itself, or
// seven for one that JSON can't hold bare.
func escaped(b []byte) int {
	var r rune
	if len(b) < 6 {
		return len(b)
	}
	if _, err := fmt.Sscanf(string(b[2:6]), "%04x", &r); err != nil {
		return len(b[:6])
	}
	switch {
	case r < 0x20:
		return 7
	case r == '"' || r == '\\':
		return 4
	case r >= 0xD800 && r < 0xE000:
		return 2 // half of a pair: four bytes for both
	}
	return utf8.RuneLen(r)
}

// thousands writes a number for people: 28,672.
func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return thousands(n/1000) + fmt.Sprintf(",%03d", n%1000)
}

func shorten(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n]) + "…"
}
