package connector

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Rich is a text with what an app may say beside it. Nil means absent: what is
// there but empty is a fault that the caller should hear of.
type Rich struct {
	Text  string  `json:"text"`
	Title *string `json:"title,omitempty"`
	Level *string `json:"level,omitempty"` // one of the levels below
	Facts []Fact  `json:"facts,omitempty"`
	Link  *Link   `json:"link,omitempty"`
}

// The levels of a Rich.
const (
	LevelInfo    = "info"
	LevelGood    = "good"
	LevelWarning = "warning"
	LevelError   = "error"
)

// Fact is one named value.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"` // may be empty
}

// Link is where a message's button leads.
type Link struct {
	Text *string `json:"text,omitempty"` // nil: the host of the URL
	URL  string  `json:"url"`
}

// Plain reports whether there is nothing beside the text.
func (r Rich) Plain() bool {
	return r.Title == nil && r.Level == nil && len(r.Facts) == 0 && r.Link == nil
}

// Encode writes the one form in which r is stored and compared: compact JSON
// in the order of the fields. Its texts must be valid UTF-8.
func (r Rich) Encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // < > & would count sixfold
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("write a rich message: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// DecodeRich reads what Encode wrote.
func DecodeRich(body []byte) (Rich, error) {
	var r Rich
	if err := json.Unmarshal(body, &r); err != nil {
		return Rich{}, fmt.Errorf("read a rich message: %w", err)
	}
	return r, nil
}
