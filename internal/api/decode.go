package api

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/ingest"
)

// sendBody is the body of a send call as it was read: raw values, null taken as absent.
type sendBody struct {
	webhookID, textMessage, card, messageKey, expiresIn field
	title, level, facts, link                           field

	wrong []*connector.Error
}

// field is one member of the body; value nil: it is absent, or null.
type field struct {
	value jsontext.Value
	seen  bool
}

// decodeSend reads a message out of a body and the Idempotency-Key header. It
// reports all that is wrong at once, and never quotes a value.
func decodeSend(body []byte, header http.Header) (connector.Message, *connector.Error) {
	var b sendBody
	if err := readObject(body, b.take); err != nil {
		return connector.Message{}, err
	}
	m := connector.Message{
		Webhook:   connector.WebhookID(b.text("/webhookId", b.webhookID.value)),
		Content:   b.content(),
		Key:       b.key(header.Values("Idempotency-Key")),
		ExpiresIn: b.seconds("/expiresIn", b.expiresIn.value),
	}
	if m.Webhook == "" && (b.webhookID.value == nil || b.webhookID.value.Kind() == '"') {
		b.invalid("/webhookId", "webhookId is missing. Send the Webhook ID that was given when the webhook was added; it begins with %s.", connector.WebhookPrefix)
	}
	if len(b.wrong) == 0 {
		return m, nil
	}
	// The fields that could be read may be wrong as well: say it in the same answer.
	if _, err := ingest.Check(m); err != nil {
		b.wrong = append(b.wrong, err)
	}
	return connector.Message{}, ingest.Join(b.wrong...)
}

func (b *sendBody) invalid(pointer, format string, args ...any) {
	b.wrong = append(b.wrong, connector.Invalid(pointer, format, args...))
}

// fieldNames returns the names that a send call may have.
func fieldNames() []string {
	return []string{"webhookId", "textMessage", "title", "level", "facts", "link", "card", "messageKey", "expiresIn"}
}

// maxUnknown is how many unknown fields are named before the rest is passed over.
const maxUnknown = 10

func (b *sendBody) take(name string, v jsontext.Value) {
	f := b.field(name)
	if f == nil {
		if len(b.wrong) < maxUnknown {
			b.wrong = append(b.wrong, unknownField(name, fieldNames()))
		}
		return
	}
	switch {
	case f.seen:
		b.wrong = append(b.wrong, twice(name))
	case v.Kind() != 'n':
		f.value = v.Clone()
	}
	f.seen = true
}

// field returns where the field of that name is kept; nil: there is none.
func (b *sendBody) field(name string) *field {
	switch name {
	case "webhookId":
		return &b.webhookID
	case "textMessage":
		return &b.textMessage
	case "title":
		return &b.title
	case "level":
		return &b.level
	case "facts":
		return &b.facts
	case "link":
		return &b.link
	case "card":
		return &b.card
	case "messageKey":
		return &b.messageKey
	case "expiresIn":
		return &b.expiresIn
	}
	return nil
}

func (b *sendBody) content() connector.Content {
	switch {
	case b.textMessage.value != nil && b.card.value != nil:
		const both = "Send either textMessage or card, not both."
		b.invalid("/textMessage", both)
		b.invalid("/card", both)
		b.refuseBeside()
	case b.textMessage.value != nil:
		return b.rich()
	case b.card.value != nil:
		b.refuseBeside()
		if b.card.value.Kind() == '{' {
			return connector.Content{Kind: connector.KindCard, Body: b.card.value}
		}
		b.invalid("/card", "card must be an object (an Adaptive Card), not %s.", kindName(b.card.value))
	default:
		b.invalid("/textMessage", "There is nothing to send: textMessage or card is missing.")
		b.rich() // what stands there may be wrong as well
	}
	return connector.Content{}
}

// text reads a string, byte for byte; nil: it is absent or not a string.
func (b *sendBody) text(pointer string, v jsontext.Value) []byte {
	if v == nil {
		return nil
	}
	if v.Kind() != '"' {
		b.invalid(pointer, "%s must be a string, not %s.", pointer[1:], kindName(v))
		return nil
	}
	s, err := jsontext.AppendUnquote(make([]byte, 0, len(v)), v)
	if err != nil {
		b.invalid(pointer, "%s is not a string that can be read.", pointer[1:])
		return nil
	}
	return s
}

// key reads messageKey and its twin in the header.
func (b *sendBody) key(headers []string) string {
	const pointer = "/messageKey"
	key := string(b.text(pointer, b.messageKey.value))
	if key == "" && b.messageKey.value != nil && b.messageKey.value.Kind() == '"' {
		b.invalid(pointer, "messageKey is empty. Give it a value of your own for each message, or leave it out.")
		return ""
	}
	for i, h := range headers {
		if h == "" {
			b.invalid(pointer, "The header Idempotency-Key, which stands for messageKey, is empty. Give it a value of your own for each message, or leave it out.")
			return ""
		}
		if i == 0 && b.messageKey.value == nil {
			key = h
		}
		if h != key && (b.messageKey.value == nil || b.messageKey.value.Kind() == '"') {
			b.invalid(pointer, "messageKey and the header Idempotency-Key are different. Send one of them, or the same value in both.")
			return ""
		}
	}
	return key
}

// seconds reads a whole number of seconds however it is written (60, 60.0, 6e1).
func (b *sendBody) seconds(pointer string, v jsontext.Value) time.Duration {
	if v == nil {
		return 0
	}
	if v.Kind() != '0' {
		b.invalid(pointer, "%s must be a number of seconds, not %s.", pointer[1:], kindName(v))
		return 0
	}
	n, err := strconv.ParseFloat(string(v), 64)
	least, most := ingest.MinExpiresIn.Seconds(), ingest.MaxExpiresIn.Seconds()
	if err != nil || n != math.Trunc(n) || n < least || n > most {
		b.invalid(pointer, "%s must be a whole number of seconds between %d and %d (14 days).", pointer[1:], int(least), int(most))
		return 0
	}
	return time.Duration(n) * time.Second
}

// kindName names what kind of value stands there, without its content.
func kindName(v jsontext.Value) string {
	switch v.Kind() {
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "an array"
	default:
		return "true or false"
	}
}
