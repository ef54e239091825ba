package teams

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// What stands beside the text of a rich message may be this long, in code
// points; the URL in bytes. Ours: what a card shows well.
const (
	MaxTitleRunes    = 200
	MaxFacts         = 20
	MaxFactNameRunes = 100
	MaxFactRunes     = 1000 // of a fact's value
	MaxLinkTextRunes = 100
	MaxLinkBytes     = 2048
)

// CheckRich returns an Error about every field that keeps a rich message, in
// the form of connector.Rich.Encode, from being posted.
func CheckRich(body []byte) *connector.Error {
	if !utf8.Valid(body) {
		return about(connector.InvalidJSON, "", "The message is not valid UTF-8. Send the request's body as UTF-8.")
	}
	r, err := connector.DecodeRich(body)
	if err != nil {
		return about(connector.InvalidJSON, "", "The message can't be read.")
	}
	if wrong := CheckText([]byte(r.Text)); wrong != nil {
		return joinFaults(wrong.Code, append(wrong.Fields, richFaults(r)...))
	}
	if faults := richFaults(r); len(faults) > 0 {
		return joinFaults(connector.InvalidField, faults)
	}
	envelope, err := richEnvelope(body)
	if err != nil {
		return about(connector.InvalidJSON, "", "The message can't be written as JSON.")
	}
	if n := Counted(envelope); n > PartBytes {
		return about(connector.TooLarge, "/textMessage", "The text, title, facts and link together take %d bytes as Teams counts them (formatting and escapes included); one post holds %d. "+
			"Shorten the text or the facts.", n, PartBytes)
	}
	return nil
}

// joinFaults makes one Error of all faults. What is wrong stays wrong when the
// text is made shorter, so a fault of a field wins over a text that is too large.
func joinFaults(code connector.Code, faults []connector.FieldError) *connector.Error {
	if code == connector.TooLarge && len(faults) > 1 {
		code = connector.InvalidField
	}
	message := faults[0].Detail
	if n := len(faults) - 1; n > 0 {
		message += " (and " + strconv.Itoa(n) + " more)"
	}
	return &connector.Error{Code: code, Message: message, Fields: faults}
}

func richFaults(r connector.Rich) []connector.FieldError {
	var c checker
	if r.Title != nil {
		c.line("/title", "The title", *r.Title, MaxTitleRunes)
	}
	if levels := []string{connector.LevelInfo, connector.LevelGood, connector.LevelWarning, connector.LevelError}; r.Level != nil && !slices.Contains(levels, *r.Level) {
		c.refuse("/level", "The level must be %s.", strings.Join(levels[:3], ", ")+" or "+levels[3])
	}
	if len(r.Facts) > MaxFacts {
		c.refuse("/facts", "There are %d facts; the limit is %d.", len(r.Facts), MaxFacts)
	}
	for i, f := range r.Facts[:min(len(r.Facts), MaxFacts)] {
		pointer := "/facts/" + strconv.Itoa(i)
		c.line(pointer+"/name", "The name of a fact", f.Name, MaxFactNameRunes)
		if n := utf8.RuneCountInString(f.Value); n > MaxFactRunes {
			c.refuse(pointer+"/value", "The value of a fact has %d characters; the limit is %d.", n, MaxFactRunes)
		}
	}
	if r.Link == nil {
		return c.faults
	}
	if r.Link.Text != nil {
		c.line("/link/text", "The text of the link", *r.Link.Text, MaxLinkTextRunes)
	}
	c.link(r.Link.URL)
	return c.faults
}

// line checks a text that shows as one line.
func (c *checker) line(pointer, what, s string, most int) {
	switch n := utf8.RuneCountInString(s); {
	case !connector.Visible(s):
		c.refuse(pointer, "%s is missing or blank. Give it at least one visible character.", what)
	case n > most:
		c.refuse(pointer, "%s has %d characters; the limit is %d.", what, n, most)
	}
}

// link never quotes the URL: it may hold a token.
func (c *checker) link(raw string) {
	const pointer = "/link/url"
	if len(raw) > MaxLinkBytes {
		c.refuse(pointer, "The URL has %d bytes; the limit is %d.", len(raw), MaxLinkBytes)
		return
	}
	if strings.ContainsFunc(raw, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) || r == '\\' }) {
		c.refuse(pointer, "The URL has a space, a backslash or a control character. Write them percent-encoded, such as %%20.")
		return
	}
	switch u, err := url.Parse(raw); {
	case raw == "", err != nil, u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		c.refuse(pointer, "The URL must be a whole web address that begins with https:// or http://.")
	case u.User != nil:
		c.refuse(pointer, "The URL must not hold a user name or password: everybody in the channel could read them.")
	}
}
