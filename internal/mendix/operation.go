package mendix

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Operation describes one call of the API, without the words of any version of
// OpenAPI. Both documents are made from it, and so it must itself be made from
// what the full document is made from.
type Operation struct {
	// ServerURL is the absolute address of the installation: Mendix refuses a relative one.
	ServerURL                   string
	Title, Version, Description string // of the API

	Method, Path string // such as POST and /api/v1/messages
	ID, Tag      string // Mendix names the operation and its group by them
	Summary      string
	Details      string  // may be longer
	Credentials  string  // what user name and password of HTTP Basic are
	Request      []Field // of the body
	Response     []Field // of the answer 200, the only one that Mendix maps
	Answered     string  // what the answer 200 means
	Refusals     []Refusal
}

// Field is a property of a body. Mendix makes an entity of the flat ones, so a
// field of another type than string, boolean, integer and number is left out of
// its documents.
type Field struct {
	Name, Type, Description string
	Required                bool
	Example                 any // Mendix shows it; every flat field needs one
}

// Refusal is an answer that Mendix raises as an error.
type Refusal struct {
	Status      int
	Description string
}

// MaxDocument is how large either document may be: Mendix stores all of it in
// the model of the app.
const MaxDocument = 20 << 10

// scheme is the name of the one security scheme.
const scheme = "license"

const mediaType = "application/json"

type object = map[string]any

// Swagger writes the operation as a Swagger 2.0 document, which Studio Pro 10.21
// and later certainly read.
func (o Operation) Swagger() ([]byte, error) {
	server, err := o.server()
	if err != nil {
		return nil, err
	}
	request, response, err := o.schemas()
	if err != nil {
		return nil, err
	}
	request["example"] = examples(o.Request) // the one place for it in this version
	body := object{"name": "message", "in": "body", "required": true, "schema": object{"$ref": "#/definitions/Message"}}
	answers := o.refusals()
	answers["200"] = object{
		"description": o.Answered,
		"schema":      object{"$ref": "#/definitions/SendMessageResponse"},
		"examples":    object{mediaType: examples(o.Response)},
	}
	document := object{
		"swagger":             "2.0",
		"info":                o.info(),
		"host":                server.Host,
		"basePath":            "/" + strings.Trim(server.EscapedPath(), "/"),
		"schemes":             []string{server.Scheme},
		"consumes":            []string{mediaType},
		"produces":            []string{mediaType},
		"securityDefinitions": object{scheme: object{"type": "basic", "description": o.Credentials}},
		"security":            []any{object{scheme: []string{}}},
		"tags":                []any{object{"name": o.Tag}},
		"paths":               object{o.Path: object{strings.ToLower(o.Method): o.operation(object{"parameters": []any{body}, "responses": answers})}},
		"definitions":         object{"Message": request, "SendMessageResponse": response},
	}
	return write(document)
}

// OpenAPI writes the operation as an OpenAPI 3.0.3 document.
func (o Operation) OpenAPI() ([]byte, error) {
	server, err := o.server()
	if err != nil {
		return nil, err
	}
	request, response, err := o.schemas()
	if err != nil {
		return nil, err
	}
	content := func(schema string, fields []Field) object {
		return object{mediaType: object{"schema": object{"$ref": "#/components/schemas/" + schema}, "example": examples(fields)}}
	}
	answers := o.refusals()
	answers["200"] = object{
		"description": o.Answered,
		"content":     content("SendMessageResponse", o.Response),
	}
	document := object{
		"openapi":  "3.0.3",
		"info":     o.info(),
		"servers":  []any{object{"url": strings.TrimRight(server.String(), "/")}},
		"security": []any{object{scheme: []string{}}},
		"tags":     []any{object{"name": o.Tag}},
		"paths": object{o.Path: object{strings.ToLower(o.Method): o.operation(object{
			"requestBody": object{"required": true, "content": content("Message", o.Request)},
			"responses":   answers,
		})}},
		"components": object{
			"securitySchemes": object{scheme: object{"type": "http", "scheme": "basic", "description": o.Credentials}},
			"schemas":         object{"Message": request, "SendMessageResponse": response},
		},
	}
	return write(document)
}

func (o Operation) server() (*url.URL, error) {
	u, err := url.Parse(o.ServerURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the Mendix documents need the absolute address of the installation, such as https://teams.example.com")
	}
	return u, nil
}

func (o Operation) info() object {
	return object{"title": o.Title, "version": o.Version, "description": o.Description}
}

// operation adds what both versions say of a call to what is their own.
func (o Operation) operation(own object) object {
	own["operationId"], own["tags"], own["summary"], own["description"] = o.ID, []string{o.Tag}, o.Summary, o.Details
	return own
}

func (o Operation) refusals() object {
	answers := object{}
	for _, r := range o.Refusals {
		answers[strconv.Itoa(r.Status)] = object{"description": r.Description}
	}
	return answers
}

func (o Operation) schemas() (request, response object, err error) {
	if request, err = schema(o.Request); err != nil {
		return nil, nil, err
	}
	response, err = schema(o.Response)
	return request, response, err
}

// schema is an object of flat properties; both versions write it alike.
func schema(fields []Field) (object, error) {
	properties, required := object{}, []string{}
	for _, f := range flat(fields) {
		if f.Example == nil {
			return nil, fmt.Errorf("the field %s has no example", f.Name)
		}
		properties[f.Name] = object{"type": f.Type, "description": f.Description}
		if f.Required {
			required = append(required, f.Name)
		}
	}
	if len(properties) == 0 {
		return nil, errors.New("a body of the operation has no flat field")
	}
	s := object{"type": "object", "properties": properties}
	if len(required) > 0 { // an empty list is not allowed
		s["required"] = required
	}
	return s, nil
}

func examples(fields []Field) object {
	body := object{}
	for _, f := range flat(fields) {
		body[f.Name] = f.Example
	}
	return body
}

func flat(fields []Field) (kept []Field) {
	for _, f := range fields {
		switch f.Type {
		case "string", "boolean", "integer", "number":
			kept = append(kept, f)
		}
	}
	return kept
}

func write(document object) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(document); err != nil {
		return nil, fmt.Errorf("write a Mendix document: %w", err)
	}
	if out.Len() > MaxDocument {
		return nil, fmt.Errorf("a Mendix document has %d bytes; the limit is %d", out.Len(), MaxDocument)
	}
	return out.Bytes(), nil
}
