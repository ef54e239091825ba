package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// readObject reads one JSON object strictly and hands over its members: bad
// UTF-8 and lone surrogates are refused anywhere, because no text could keep
// them byte for byte. Names that stand twice are for take to refuse; deeper
// down they pass, because cards that Teams shows have them. A byte order mark
// is passed over (RFC 8259, 8.1): PowerShell writes one. The value is only
// valid during take.
func readObject(body []byte, take func(name string, v jsontext.Value)) *connector.Error {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	d := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))
	if d.PeekKind() != '{' {
		return notObject(d)
	}
	if _, err := d.ReadToken(); err != nil {
		return notJSON(err)
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return notJSON(err)
		}
		text := name.String()
		v, err := d.ReadValue()
		if err != nil {
			return notJSON(err)
		}
		take(text, v)
	}
	if _, err := d.ReadToken(); err != nil {
		return notJSON(err)
	}
	return atEnd(d)
}

func notObject(d *jsontext.Decoder) *connector.Error {
	if _, err := d.ReadValue(); err != nil {
		return notJSON(err)
	}
	if err := atEnd(d); err != nil {
		return err
	}
	return connector.Invalid("", `The body must be a JSON object, such as {"name": "..."}, with the fields that the documentation at /api/docs lists.`)
}

func atEnd(d *jsontext.Decoder) *connector.Error {
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return connector.Errorf(connector.InvalidJSON, "The body goes on after its JSON value ended, at byte %d. Send one object and nothing else.", d.InputOffset())
	}
	return nil
}

// notJSON explains what the decoder found. Its own words quote the body, so only the place is taken over.
func notJSON(err error) *connector.Error {
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) {
		return connector.Errorf(connector.InvalidJSON, "The body is empty or ends too early. Send a JSON object in UTF-8.")
	}
	where := ""
	if p := safePointer(syntax.JSONPointer); p != "" {
		where = fmt.Sprintf(" (in %s)", p)
	}
	return connector.Errorf(connector.InvalidJSON,
		"The body is not valid JSON in UTF-8: it can't be read from byte %d on%s. Common causes are a quote or line break that is not escaped, a trailing comma, and text in another encoding.",
		syntax.ByteOffset, where)
}

// safePointer cuts a pointer before the first name that may be more than a name.
func safePointer(p jsontext.Pointer) string {
	var b strings.Builder
	for token := range p.Tokens() {
		if !harmless(token) || b.Len() > 200 {
			break
		}
		b.WriteString("/" + token)
	}
	return b.String()
}

// harmless reports whether a name may be shown: what looks like a field's name, and no more.
func harmless(name string) bool {
	const maxName = 40
	if name == "" || len(name) > maxName {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_-.$@", r))
	})
}

// nearest returns the known name that the given one was probably meant to be; empty: none is near.
func nearest(name string, known []string) string {
	if len(name) > 64 {
		return ""
	}
	best, at := "", 3 // two slips at most
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d < at {
			best, at = k, d
		}
	}
	return best
}

// distance counts the insertions, deletions and changes that lead from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = slices.Min([]int{change, row[j] + 1, diagonal + 1})
		}
	}
	return row[len(b)]
}
