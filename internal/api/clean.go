package api

import (
	"bytes"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/ingest"
)

// cleanObject reads a body strictly and writes it anew without what is null: at
// every depth a name stands once, and at the top it must be a known one.
func cleanObject(body []byte, known []string) ([]byte, error) {
	var wrong []*connector.Error
	seen := make(map[string]bool)
	var out bytes.Buffer
	e := jsontext.NewEncoder(&out)
	write := func(t jsontext.Token) {
		if err := e.WriteToken(t); err != nil && len(wrong) < maxUnknown {
			wrong = append(wrong, connector.Invalid("", "The body can't be read as the fields that it should have."))
		}
	}
	write(jsontext.BeginObject)
	err := readObject(body, func(name string, v jsontext.Value) {
		switch {
		case len(wrong) >= maxUnknown:
		case seen[name]:
			wrong = append(wrong, twice(name))
		case !slices.Contains(known, name):
			wrong = append(wrong, unknownField(name, known))
		case v.Kind() != 'n':
			write(jsontext.String(name))
			if err := copyWithoutNull(e, v); err != nil {
				wrong = append(wrong, connector.Invalid("/"+name, "%s has a name twice inside. Send each once.", name))
			}
		}
		seen[name] = true
	})
	if err != nil {
		return nil, err
	}
	if len(wrong) > 0 {
		return nil, ingest.Join(wrong...)
	}
	write(jsontext.EndObject)
	return out.Bytes(), nil
}

// copyWithoutNull copies a value without members that are null.
func copyWithoutNull(e *jsontext.Encoder, v jsontext.Value) error {
	return copyNext(e, jsontext.NewDecoder(bytes.NewReader(v)))
}

// copyNext copies the next value.
func copyNext(e *jsontext.Encoder, d *jsontext.Decoder) error {
	begin, err := d.ReadToken()
	if err != nil {
		return err
	}
	kind := begin.Kind()
	if err := e.WriteToken(begin); err != nil || kind != '{' && kind != '[' {
		return err
	}
	for next := d.PeekKind(); next != '}' && next != ']'; next = d.PeekKind() {
		if kind == '{' {
			err = copyMember(e, d)
		} else {
			err = copyNext(e, d)
		}
		if err != nil {
			return err
		}
	}
	end, err := d.ReadToken()
	if err != nil {
		return err
	}
	return e.WriteToken(end)
}

// copyMember copies a name with its value, unless that is null.
func copyMember(e *jsontext.Encoder, d *jsontext.Decoder) error {
	name, err := d.ReadToken()
	if err != nil {
		return err
	}
	name = name.Clone()
	if d.PeekKind() == 'n' {
		_, err = d.ReadToken()
		return err
	}
	if err := e.WriteToken(name); err != nil {
		return err
	}
	return copyNext(e, d)
}

func twice(name string) *connector.Error {
	if !harmless(name) {
		return connector.Invalid("", "A field of the body stands twice. Send each once.")
	}
	return connector.Invalid("/"+name, "%s stands twice in the body. Send it once.", name)
}

// unknownField refuses a name that is none, and names the one that was probably meant.
func unknownField(name string, known []string) *connector.Error {
	hint := "known fields are " + strings.Join(known, ", ") + "."
	if near := nearest(name, known); near != "" {
		hint = "did you mean " + near + "?"
	}
	if !harmless(name) {
		return connector.Invalid("", "A field of the body is not known; %s", hint)
	}
	return connector.Invalid("/"+name, "There is no field %s; %s", name, hint)
}
