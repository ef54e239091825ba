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
	Schema  string      `json:"$schema"`
	Type    string      `json:"type"`
	Version string      `json:"version"`
	MSTeams msTeams     `json:"msteams"`
	Body    []textBlock `json:"body"`
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
	size, err := textSize(text)
	if err != nil {
		return about(connector.InvalidJSON, pointer, "The text can't be written as JSON.")
	}
	if size > PartBytes {
		return about(connector.TooLarge, pointer, "The text takes at least %d bytes as Teams counts them (its formatting and escapes included); one post holds %d. "+
			"A long text can't be split into several posts yet: shorten it, or send it as several messages.", size, PartBytes)
	}
	return nil
}

// textSize counts the envelope of a text. What is far over one part is only
// reckoned: each line costs a block.
func textSize(text []byte) (int, error) {
	const block = 60 // bytes of a block's JSON around its text, and more when escaped once more
	if least := len(text) + block*bytes.Count(text, []byte("\n")); least > 4*PartBytes {
		return least, nil
	}
	body, err := textEnvelope(text)
	return Counted(body), err
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
		return textEnvelope(c.Body)
	case connector.KindCard:
		card, refusal := unwrap(c.Body)
		if refusal != nil {
			return nil, refusal
		}
		return cardEnvelope(card.content)
	case connector.KindRich:
		return richEnvelope(c.Body)
	}
	return nil, fmt.Errorf("make an envelope for content of kind %d", c.Kind)
}

func textEnvelope(text []byte) ([]byte, error) {
	return wrap(textCard{
		Schema:  cardSchema,
		Type:    "AdaptiveCard",
		Version: CardVersion,
		MSTeams: msTeams{Width: "Full"},
		Body:    textBlocks(text),
	})
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
