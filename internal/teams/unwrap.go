package teams

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// cardPointer is the field that a card comes in.
const cardPointer = "/card"

// handed is a card as it was handed in: bare, or inside an envelope.
type handed struct {
	content []byte // the card itself
	pointer string // where it stands in what was handed in
	// lost: the envelope has a text or summary of its own, which is not posted.
	lost bool
}

// wrapper reads the outside of what was handed in as a card.
type wrapper struct {
	Type        json.RawMessage `json:"type"`
	LegacyType  json.RawMessage `json:"@type"`
	Context     json.RawMessage `json:"@context"`
	Attachments json.RawMessage `json:"attachments"`
	Attachment  json.RawMessage `json:"attachment"`
	ContentType json.RawMessage `json:"contentType"`
	Content     json.RawMessage `json:"content"`
	Text        json.RawMessage `json:"text"`
	Summary     json.RawMessage `json:"summary"`
	Body        json.RawMessage `json:"body"`
}

// The sentences about what is not an Adaptive Card.
const (
	notAMessageCard = "This is a MessageCard of the retired Office 365 connector. Workflows webhooks don't draw it: post an Adaptive Card ({\"type\":\"AdaptiveCard\",...}) instead, " +
		"or the same words as textMessage."
	onlyText   = "This is a text, not a card. Send it as textMessage."
	oneCard    = "Send one message per card: each card is a post of its own, with its own state and place in the queue."
	wantObject = "A card is a JSON object: {\"type\":\"AdaptiveCard\",\"version\":\"1.4\",\"body\":[...]}."
)

// unwrap finds the Adaptive Card in what was handed in. Programs that posted
// to Teams themselves have the whole envelope at hand, so an envelope of one
// card is taken as that card.
func unwrap(raw []byte) (handed, *connector.Error) {
	if !utf8.Valid(raw) || !json.Valid(raw) {
		return handed{}, about(connector.InvalidJSON, cardPointer, "The card is not JSON in UTF-8.")
	}
	switch first(raw) {
	case '{':
	case '[':
		return handed{}, connector.Invalid(cardPointer, "The card is a list. %s", oneCard)
	default:
		return handed{}, connector.Invalid(cardPointer, wantObject)
	}
	var w wrapper
	if err := json.Unmarshal(raw, &w); err != nil {
		return handed{}, about(connector.InvalidJSON, cardPointer, "The card is not JSON that can be read.")
	}
	switch {
	case present(w.LegacyType), present(w.Context):
		return handed{}, connector.Invalid(cardPointer, notAMessageCard)
	case present(w.Body), text(w.Type) == "AdaptiveCard":
		return handed{content: raw, pointer: cardPointer}, nil
	case present(w.Attachments):
		return w.first()
	case present(w.Attachment):
		return handed{}, connector.Invalid(cardPointer+"/attachment", "An envelope has a list \"attachments\". A flow takes \"attachment\" without an error and posts nothing.")
	case present(w.ContentType), present(w.Content):
		return fromAttachment(raw, cardPointer)
	case !present(w.Type) && present(w.Text):
		return handed{}, connector.Invalid(cardPointer, onlyText)
	}
	return handed{content: raw, pointer: cardPointer}, nil
}

// first takes the one attachment of an envelope.
func (w wrapper) first() (handed, *connector.Error) {
	const pointer = cardPointer + "/attachments"
	var list []json.RawMessage
	if err := json.Unmarshal(w.Attachments, &list); err != nil {
		return handed{}, connector.Invalid(pointer, "The envelope's attachments must be a list of one card.")
	}
	switch len(list) {
	case 0:
		return handed{}, connector.Invalid(pointer, "The envelope has no card in its attachments.")
	case 1:
		card, err := fromAttachment(list[0], pointer+"/0")
		card.lost = present(w.Text) || present(w.Summary)
		return card, err
	}
	return handed{}, connector.Invalid(pointer, "The envelope has %d attachments. %s", len(list), oneCard)
}

// fromAttachment takes the card out of an attachment.
func fromAttachment(raw []byte, pointer string) (handed, *connector.Error) {
	var w wrapper
	if err := json.Unmarshal(raw, &w); err != nil || first(raw) != '{' {
		return handed{}, connector.Invalid(pointer, "An attachment is a JSON object with contentType and content.")
	}
	switch kind := text(w.ContentType); {
	case kind == "application/vnd.microsoft.teams.card.o365connector":
		return handed{}, connector.Invalid(pointer, notAMessageCard)
	case present(w.ContentType) && kind != adaptiveType:
		return handed{}, connector.Invalid(pointer+"/contentType", "Only Adaptive Cards can be posted through a webhook: contentType must be %q.", adaptiveType)
	case first(w.Content) != '{':
		return handed{}, connector.Invalid(pointer+"/content", "The attachment's content must be the card as a JSON object, not as a text in quotes.")
	}
	return handed{content: w.Content, pointer: pointer + "/content"}, nil
}

// first returns the first byte of a JSON text that is not white space.
func first(raw []byte) byte {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if len(raw) == 0 {
		return 0
	}
	return raw[0]
}

// present reports whether a field is there; null counts as absent.
func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// text reads a JSON string; anything else is "".
func text(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
