package teams

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// adaptiveType is the content type of an Adaptive Card in an envelope.
const adaptiveType = "application/vnd.microsoft.card.adaptive"

// cardSchema is what a card names as its schema.
const cardSchema = "http://adaptivecards.io/schemas/adaptive-card.json"

// blank stands for an empty line: a block without text is left out by Teams.
const blank = "\u00a0"

type envelope struct {
	Type        string       `json:"type"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	ContentType string  `json:"contentType"`
	ContentURL  *string `json:"contentUrl"` // always null: the documented shape has it
	Content     any     `json:"content"`
}

type textCard struct {
	Schema  string  `json:"$schema"`
	Type    string  `json:"type"`
	Version string  `json:"version"`
	MSTeams msTeams `json:"msteams"`
	Body    any     `json:"body"` // blocks, or containers of blocks
}

type msTeams struct {
	Width string `json:"width"`
}

type textBlock struct {
	Type    string `json:"type"`
	Text    string `json:"text"`
	Wrap    bool   `json:"wrap"`
	Spacing string `json:"spacing"`
}

// CheckText returns an Error about /textMessage unless the text can be posted.
func CheckText(text []byte) *connector.Error {
	const pointer = "/textMessage"
	switch {
	case !utf8.Valid(text):
		return about(connector.InvalidJSON, pointer, "The text is not valid UTF-8. Send the request's body as UTF-8.")
	case !connector.Visible(string(text)):
		return connector.Invalid(pointer, "The text is blank. Give it at least one visible character.")
	case len(text) > MaxTextBytes:
		return about(connector.TooLarge, pointer, "The text has %d bytes; the limit is %d.", len(text), MaxTextBytes)
	}
	const most = 11 // counted bytes of one byte: a control character that is escaped
	if most*len(text)+blockOverhead*(bytes.Count(text, []byte("\n"))+1)+textOverhead <= PartBytes {
		return nil // however it is written
	}
	if _, parts := Measure(text); parts > MaxParts {
		return about(connector.TooLarge, pointer, "The text takes %d posts as Teams counts them (formatting and escapes included: %d bytes each); the limit is %d. "+
			"Shorten it, or send it as several messages.", parts, PartBytes, MaxParts)
	}
	return nil
}

// about makes an error of any code that names its field.
func about(code connector.Code, pointer, format string, args ...any) *connector.Error {
	detail := fmt.Sprintf(format, args...)
	return &connector.Error{Code: code, Message: detail, Fields: []connector.FieldError{{Pointer: pointer, Detail: detail}}}
}

// Envelope makes the body that goes to Teams. A text becomes an Adaptive Card
// with one block per line, the only shape that every flow template takes, or
// with PayloadText {"text":...}, which only the newer template takes; a rich
// message is always a card, as what it holds has no place in a text. [doc]
// msteams-docs, add-incoming-webhook, 2026-04-01; [obs] msteams-docs issue
// 11302: the 2024 template dies unseen on {"text":...}.
func Envelope(c connector.Content, p connector.Payload) ([]byte, error) {
	switch c.Kind {
	case connector.KindText:
		if p == connector.PayloadText {
			return marshal(struct {
				Text string `json:"text"`
			}{string(c.Body)})
		}
		return textEnvelope(c.Body), nil
	case connector.KindCard:
		card, refusal := unwrap(c.Body)
		if refusal != nil {
			return nil, refusal
		}
		return cardEnvelope(card.content)
	case connector.KindRich:
		return richEnvelope(c.Body)
	case connector.KindMail: // goes by SMTP
	}
	return nil, fmt.Errorf("make an envelope for content of kind %d", c.Kind)
}

// What a text's envelope is made of; a test compares it with what cardOf writes.
const (
	textStart = `{"type":"message","attachments":[{"contentType":"` + adaptiveType + `","contentUrl":null,"content":{"$schema":"` + cardSchema +
		`","type":"AdaptiveCard","version":"` + CardVersion + `","msteams":{"width":"Full"},"body":[`
	blockStart = `{"type":"TextBlock","text":"`
	blockEnd   = `","wrap":true,"spacing":"None"}`
	textEnd    = `]}}]}`
)

// textEnvelope writes what cardOf(textBlocks(text)) writes, by hand: nearly all that goes out is
// texts, and encoding/json took a twentieth of a delivery.
func textEnvelope(text []byte) []byte {
	blocks := bytes.Count(text, []byte("\n")) + 1
	b := make([]byte, 0, len(textStart)+len(textEnd)+blocks*(len(blockStart)+len(blockEnd)+len(blank)+1)+len(text)+len(text)/8)
	b = append(b, textStart...)
	first := true
	for line := range lines(text) {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, blockStart...)
		b = appendLine(b, line)
		b = append(b, blockEnd...)
	}
	return append(b, textEnd...)
}

// appendLine writes a line of valid UTF-8 as escapeMarkdown does, and as the inside of a JSON string.
func appendLine(b []byte, line string) []byte {
	if line == "" {
		return append(b, blank...)
	}
	e := escaper{line: line, number: -1}
	written := 0
	for i := range len(line) {
		c, mark := line[i], e.markup(i)
		e.pass(i)
		if c >= ' ' && c != '"' && c != '\\' && c != '\xe2' && !mark {
			continue
		}
		b = append(b, line[written:i]...)
		if mark {
			b = append(b, `\\`...)
		}
		var read int
		b, read = appendEscape(b, line[i:])
		written = i + read
	}
	return append(b, line[written:]...)
}

// appendEscape writes the character at the start of s as encoding/json escapes it, and says how
// many bytes that was; zero: it needs none.
func appendEscape(b []byte, s string) (_ []byte, read int) {
	const short, hex = "btn_fr", "0123456789abcdef"
	switch c := s[0]; {
	case c == '"', c == '\\':
		return append(b, '\\', c), 1
	case c >= '\b' && c <= '\r' && c != '\v':
		return append(b, '\\', short[c-'\b']), 1
	case c < ' ':
		return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15]), 1
	case strings.HasPrefix(s, "\u2028"), strings.HasPrefix(s, "\u2029"):
		return append(b, '\\', 'u', '2', '0', '2', '8'+s[2]&1), 3
	}
	return b, 0
}

func cardOf(body any) ([]byte, error) {
	return wrap(textCard{Schema: cardSchema, Type: "AdaptiveCard", Version: CardVersion, MSTeams: msTeams{Width: "Full"}, Body: body})
}

// EnvelopeOf makes the body for what an attempt carries: a message, a part of a
// split text, or a card of several texts, each with its time.
func EnvelopeOf(p connector.Parcel) ([]byte, error) {
	if len(p.Card) > 0 {
		body := make([]textContainer, len(p.Card))
		for i, t := range p.Card {
			at := timeBlock{Type: "TextBlock", Text: t.At.UTC().Format("15:04:05") + " UTC", Size: "Small", Subtle: true, Wrap: true}
			items := []any{at}
			for _, b := range textBlocks(t.Body) {
				items = append(items, b)
			}
			body[i] = textContainer{Type: "Container", Separator: i > 0, Spacing: "Medium", Items: items}
		}
		return cardOf(body)
	}
	if p.Part > 0 {
		part, err := Part(p.Content.Body, p.Part, p.Parts)
		if err != nil {
			return nil, err
		}
		p.Content.Body = part
	}
	return Envelope(p.Content, p.Target.Payload)
}

type textContainer struct {
	Type      string `json:"type"`
	Separator bool   `json:"separator,omitempty"`
	Spacing   string `json:"spacing"`
	Items     []any  `json:"items"`
}

type timeBlock struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	Size   string `json:"size"`
	Subtle bool   `json:"isSubtle"`
	Wrap   bool   `json:"wrap"`
}

// textBlocks draws a text with one block per line.
func textBlocks(text []byte) []textBlock {
	lines := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	body := make([]textBlock, len(lines))
	for i, line := range lines {
		shown := blank
		if line != "" {
			shown = escapeMarkdown(line)
		}
		body[i] = textBlock{Type: "TextBlock", Text: shown, Wrap: true, Spacing: "None"}
	}
	return body
}

// cardEnvelope wraps a card as its author wrote it, without its white space.
func cardEnvelope(card []byte) ([]byte, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, card); err != nil {
		return nil, fmt.Errorf("compact a card: %w", err)
	}
	return wrap(json.RawMessage(compact.Bytes()))
}

func wrap(content any) ([]byte, error) {
	return marshal(envelope{Type: "message", Attachments: []attachment{{ContentType: adaptiveType, Content: content}}})
}

// marshal writes < > & as they are: escaped they would count sixfold.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write an envelope: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
