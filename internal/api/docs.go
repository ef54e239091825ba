package api

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/snippet"
)

//go:embed page
var pageFiles embed.FS

var docsPage = template.Must(template.ParseFS(pageFiles, "page/docs.html"))

// The words of the page that stand for what a template can't reach.
type (
	docsView struct {
		Address, Styles, Tokens, Docs, Icon string
		Nouns                               []docsNoun
		Codes                               []docsCode
	}
	docsNoun struct {
		Name, Anchor string
		Calls        []docsCall
	}
	docsCall struct {
		ID, Method, Path, Summary, Details, Credentials string
		Parameters, Body, Answer                        []docsField
		Status, Answered                                string
		Refusals                                        []docsCode
		Snippets                                        []docsSnippet
	}
	docsField struct {
		Name, Type, Doc string
		Required        bool
	}
	docsCode    struct{ Status, Code, Title string }
	docsSnippet struct{ ID, Name, Text string }
)

// docs answers with the documentation for people, drawn from the document. It is
// read without credentials, and works without scripts.
func (a *API) docs(w http.ResponseWriter, r *http.Request) error {
	page, err := a.drawn.get(a.address(r), a.drawDocs)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	a.file(w, r, "text/html; charset=utf-8", page)
	return nil
}

func (a *API) drawDocs(address string) ([]byte, error) {
	view, err := a.docsView(address)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := docsPage.Execute(&out, view); err != nil {
		return nil, fmt.Errorf("draw the documentation: %w", err)
	}
	return out.Bytes(), nil
}

// maxDrawn bounds the pages that are kept: an installation has few addresses.
const maxDrawn = 8

// drawn keeps what is the same for all who come by one address.
type drawn struct {
	mu    sync.Mutex
	pages map[string][]byte
}

func (d *drawn) get(address string, draw func(address string) ([]byte, error)) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if page, ok := d.pages[address]; ok {
		return page, nil
	}
	page, err := draw(address)
	if err != nil {
		return nil, err
	}
	if d.pages == nil || len(d.pages) >= maxDrawn {
		d.pages = make(map[string][]byte)
	}
	d.pages[address] = page
	return page, nil
}

func (a *API) docsView(address string) (view docsView, err error) {
	view = docsView{Address: address, Codes: docsCodes()}
	if a.assets != nil {
		view.Tokens, view.Styles = a.assets.URL("tokens.css"), a.assets.URL("app.css")
		view.Docs, view.Icon = a.assets.URL("docs.css"), a.assets.URL("favicon.svg")
	}
	for _, rt := range a.table {
		op := operationOf(a.doc.OpenAPI(), rt.method, rt.path)
		call, err := a.docsCall(op, &rt, address)
		if err != nil {
			return docsView{}, err
		}
		i := slices.IndexFunc(view.Nouns, func(n docsNoun) bool { return n.Name == op.Tags[0] })
		if i < 0 {
			i = len(view.Nouns)
			view.Nouns = append(view.Nouns, docsNoun{Name: op.Tags[0], Anchor: strings.ToLower(op.Tags[0])})
		}
		view.Nouns[i].Calls = append(view.Nouns[i].Calls, call)
	}
	return view, nil
}

func (a *API) docsCall(op *huma.Operation, rt *route, address string) (docsCall, error) {
	call := docsCall{
		ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, Details: op.Description,
		Credentials: rt.credentials(), Status: strconv.Itoa(rt.success()),
	}
	for _, p := range op.Parameters {
		call.Parameters = append(call.Parameters, docsField{Name: p.Name, Type: "in the " + p.In, Doc: docOf(p.Description, p.Schema), Required: p.Required})
	}
	if op.RequestBody != nil {
		call.Body = a.docsFields("", op.RequestBody.Content["application/json"].Schema, 0)
	}
	ok := op.Responses[call.Status]
	if ok.Description != http.StatusText(rt.success()) {
		call.Answered = ok.Description
	}
	if body := ok.Content["application/json"]; body != nil {
		call.Answer = a.docsFields("", body.Schema, 0)
	}
	for _, r := range rt.refusals {
		call.Refusals = append(call.Refusals, docsCode{Status: strconv.Itoa(r.status), Title: r.why})
	}
	if rt.open {
		return call, nil
	}
	for _, l := range snippet.Languages() {
		text, err := a.docsSnippet(l.ID, op, rt, address)
		if err != nil {
			return docsCall{}, err
		}
		if text != "" {
			call.Snippets = append(call.Snippets, docsSnippet{ID: l.ID, Name: l.Name, Text: text})
		}
	}
	return call, nil
}

// credentials says in words what a call needs.
func (rt *route) credentials() string {
	switch {
	case rt.open:
		return "none"
	case rt.keysOnly:
		return "binding keys"
	case rt.apps:
		return "a token, or binding keys"
	}
	return "a token"
}

// docsSnippet writes a call in a language; empty: it is not shown in that one.
func (a *API) docsSnippet(language string, op *huma.Operation, rt *route, address string) (string, error) {
	switch {
	case rt.id == "sendMessage":
		return snippet.Render(language, address, "")
	case rt.keysOnly:
		return "", nil
	}
	c := snippet.Call{Service: address, Method: op.Method, Path: op.Path}
	for _, p := range op.Parameters {
		c.Path = strings.ReplaceAll(c.Path, "{"+p.Name+"}", strings.ToUpper(p.Name))
	}
	if op.RequestBody != nil {
		body, err := json.Marshal(a.example(op.RequestBody.Content["application/json"].Schema))
		if err != nil {
			return "", fmt.Errorf("write an example: %w", err)
		}
		c.Body = string(body)
	}
	return snippet.RenderCall(language, c)
}

// docsFields lists the fields of a body; those of an object inside are written out below it.
func (a *API) docsFields(prefix string, s *huma.Schema, depth int) (fields []docsField) {
	const deepest = 4
	names := a.fieldOrder(s)
	s = a.schema(s)
	for _, name := range names {
		p := a.schema(s.Properties[name])
		f := docsField{Name: prefix + name, Type: p.Type, Doc: docOf(cmp.Or(s.Properties[name].Description, p.Description), p), Required: slices.Contains(s.Required, name)}
		inner, at := s.Properties[name], f.Name+"."
		if p.Type == huma.TypeArray {
			inner, at = p.Items, f.Name+"[]."
			f.Type = "list of " + a.schema(inner).Type
		}
		if p.Format != "" && p.Type == huma.TypeString {
			f.Type = p.Format
		}
		fields = append(fields, f)
		if depth < deepest {
			fields = append(fields, a.docsFields(at, inner, depth+1)...)
		}
	}
	return fields
}

// fieldOrder are the names of a schema's fields, as its Go type has them.
func (a *API) fieldOrder(s *huma.Schema) (names []string) {
	if s.Ref == "" {
		return slices.Sorted(maps.Keys(s.Properties))
	}
	for _, f := range reflect.VisibleFields(a.doc.OpenAPI().Components.Schemas.TypeFromRef(s.Ref)) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if a.schema(s).Properties[name] != nil {
			names = append(names, name)
		}
	}
	return names
}

// docOf adds to a description what the schema limits.
func docOf(text string, s *huma.Schema) string {
	var more []string
	if len(s.Enum) > 0 && !strings.Contains(text, fmt.Sprint(s.Enum[len(s.Enum)-1])) {
		var words []string
		for _, v := range s.Enum {
			words = append(words, fmt.Sprint(v))
		}
		more = append(more, strings.Join(words, ", "))
	}
	if s.Minimum != nil && s.Maximum != nil {
		more = append(more, fmt.Sprintf("%v to %v", *s.Minimum, *s.Maximum))
	}
	if s.Default != nil {
		more = append(more, fmt.Sprintf("%v when absent", s.Default))
	}
	return strings.Join(append(slices.DeleteFunc([]string{text}, func(t string) bool { return t == "" }), more...), "; ")
}

// example makes a body that shows what is required, or one field where nothing is.
func (a *API) example(s *huma.Schema) map[string]any {
	s = a.schema(s)
	names := slices.Sorted(slices.Values(s.Required))
	if len(names) == 0 && len(s.Properties) > 0 {
		names = slices.Sorted(maps.Keys(s.Properties))[:1]
		if _, ok := s.Properties["name"]; ok {
			names = []string{"name"}
		}
	}
	body := make(map[string]any)
	for _, name := range names {
		p := a.schema(s.Properties[name])
		switch {
		case len(p.Examples) > 0:
			body[name] = p.Examples[0]
		case len(p.Enum) > 0:
			body[name] = p.Enum[0]
		case p.Type == huma.TypeObject:
			body[name] = a.example(p)
		case p.Type == huma.TypeBoolean:
			body[name] = true
		case p.Type == huma.TypeInteger, p.Type == huma.TypeNumber:
			body[name] = 10
		case p.Type == huma.TypeArray:
			body[name] = []any{}
		default:
			body[name] = "..."
		}
	}
	return body
}

// docsCodes lists the codes of all errors, by status.
func docsCodes() (all []docsCode) {
	for _, code := range slices.Sorted(maps.Keys(kinds)) {
		all = append(all, docsCode{Status: strconv.Itoa(kinds[code].status), Code: string(code), Title: kinds[code].title})
	}
	slices.SortStableFunc(all, func(x, y docsCode) int { return cmp.Compare(x.Status, y.Status) })
	return append(all, docsCode{Status: "500", Code: string(connector.Internal), Title: "Internal error"})
}
