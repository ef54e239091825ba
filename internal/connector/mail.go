package connector

import (
	"encoding/json"
	"fmt"
)

// Mail is what an e-mail says. It is the body of a message of KindMail, and as
// sealed as any, because its link may lead into an account.
type Mail struct {
	To      string   `json:"to"`
	Name    string   `json:"name,omitempty"` // of whom it goes to
	Subject string   `json:"subject"`
	Lines   []string `json:"lines"` // paragraphs
	// Button leads to Link; empty: there is none.
	Button string `json:"button,omitempty"`
	Link   string `json:"link,omitempty"`
	// Product is what the installation is called, Support where its people ask: an address or an https:// page; empty: as shipped, nowhere.
	Product string `json:"product,omitempty"`
	Support string `json:"support,omitempty"`
}

// Encode writes the form in which a mail is stored.
func (m *Mail) Encode() ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("write a mail: %w", err)
	}
	return body, nil
}

// DecodeMail reads what Encode wrote.
func DecodeMail(body []byte) (m Mail, err error) {
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fmt.Errorf("read a mail: %w", err)
	}
	return m, nil
}
