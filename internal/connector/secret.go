package connector

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// redacted is all that a Secret ever shows.
const redacted = "[secret]"

// Secret is a text that must not leak: a webhook URL, a license secret, a
// token. However it is printed, logged or marshalled, it shows "[secret]";
// Reveal is the one way to its text, so that each use can be found by name. The
// text hides in a closure, because fmt's %p and dumps by reflection walk fields.
type Secret struct{ text func() string }

// NewSecret wraps a text that must not leak.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{text: func() string { return text }}
}

// Reveal returns the text itself. Never log, print or store what it returns.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return s.text()
}

// Empty reports whether there is no secret at all.
func (s Secret) Empty() bool { return s.text == nil }

// String shows "[secret]".
func (Secret) String() string { return redacted }

// GoString shows "[secret]".
func (Secret) GoString() string { return redacted }

// Format shows "[secret]" for every verb and flag of package fmt.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue shows "[secret]" to slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText shows "[secret]": slog's JSON handler skips LogValue inside
// structs, and encoding/xml, yaml and flag use it too.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON shows "[secret]".
func (Secret) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// MarshalBinary shows "[secret]", to encoding/gob too.
func (Secret) MarshalBinary() ([]byte, error) { return []byte(redacted), nil }
