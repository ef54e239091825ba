package mail

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	netmail "net/mail"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

//go:embed mail.html
var page string

var pageTemplate = template.Must(template.New("mail").Parse(page))

// write makes an e-mail of a message: text, and the same as HTML. Its Message-ID is
// made of the message's, so that what arrives twice can be known for the same.
func (c *Client) write(p connector.Parcel) (*gomail.Msg, error) {
	mail, err := connector.DecodeMail(p.Content.Body)
	if err != nil {
		return nil, err
	}
	mail.Subject, mail.Product = oneLine(mail.Subject), cmp.Or(oneLine(mail.Product), "Teams Connector")
	msg := gomail.NewMsg()
	if err := msg.From(c.from); err != nil {
		return nil, fmt.Errorf("the sender: %w", err)
	}
	if problem := connector.CheckEmail("/to", mail.To); problem != nil {
		return nil, problem
	}
	msg.ToMailAddress(&netmail.Address{Name: oneLine(mail.Name), Address: mail.To})
	msg.Subject(mail.Subject)
	msg.SetDate()
	msg.SetMessageIDWithValue(string(p.Message) + "@" + domainOf(c.from))
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no answer of an absent person's mailbox
	msg.SetBodyString(gomail.TypeTextPlain, plain(mail))
	var html bytes.Buffer
	if err := pageTemplate.Execute(&html, mail); err != nil {
		return nil, fmt.Errorf("write its HTML: %w", err)
	}
	msg.AddAlternativeString(gomail.TypeTextHTML, html.String())
	return msg, nil
}

func plain(m connector.Mail) string {
	parts := append([]string{}, m.Lines...)
	if m.Link != "" {
		parts = append(parts, m.Button+":\n"+m.Link)
	}
	if m.Support != "" {
		parts = append(parts, "Questions? "+m.Support)
	}
	return strings.Join(append(parts, "-- \n"+m.Product), "\n\n") + "\n"
}

func domainOf(from string) string {
	if a, err := netmail.ParseAddress(from); err == nil {
		from = a.Address
	}
	return from[strings.LastIndexByte(from, '@')+1:]
}
