package api_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/teamsconnector/teamsconnector/internal/api"
)

// description is what the tests read of the document.
type description struct {
	whole any
	ops   map[string]operation // by method and path

	mu       sync.Mutex
	compiled map[string]*jsonschema.Schema
}

type operation struct {
	ID        string `json:"operationId"`
	Summary   string
	Security  []map[string][]string
	Responses map[string]struct{ Content map[string]any }
}

func describe(t testing.TB, h *house) *description {
	t.Helper()
	a := h.call(http.MethodGet, "/api/openapi.json", "", "Authorization", "-")
	d := &description{ops: map[string]operation{}, compiled: map[string]*jsonschema.Schema{}}
	whole, err := jsonschema.UnmarshalJSON(strings.NewReader(a.raw))
	if err != nil {
		t.Fatalf("%d %v", a.code, err)
	}
	d.whole = whole
	var doc struct {
		Paths map[string]map[string]operation
	}
	if err := json.Unmarshal([]byte(a.raw), &doc); err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths {
		for method, op := range item {
			d.ops[strings.ToUpper(method)+" "+path] = op
		}
	}
	return d
}

// check holds an answer against what the document says of it.
func (d *description) check(t testing.TB, method, path string, a answer) {
	t.Helper()
	key := d.match(method, path)
	if key == "" {
		return // not one of ours: 404 or 405
	}
	status := strconv.Itoa(a.code)
	response, ok := d.ops[key].Responses[status]
	if !ok {
		status = "default"
		response, ok = d.ops[key].Responses[status]
	}
	kind := a.header.Get("Content-Type")
	if _, known := response.Content[kind]; !ok || !known && a.raw != "" || status == "default" && a.code < 400 {
		t.Errorf("%s answers %d with %q, which the document does not know", key, a.code, kind)
		return
	}
	if !strings.Contains(kind, "json") || kind == "application/x-ndjson" || a.raw == "" {
		return
	}
	body, err := jsonschema.UnmarshalJSON(strings.NewReader(a.raw))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.schema(t, key, status, kind).Validate(body); err != nil {
		t.Errorf("%s answers %s\nnot as the document says: %v", key, a.raw, err)
	}
}

// match finds the operation that a request is answered by.
func (d *description) match(method, path string) string {
	path, _, _ = strings.Cut(path, "?")
	given := strings.Split(path, "/")
	best := ""
	for key := range d.ops {
		m, template, _ := strings.Cut(key, " ")
		want := strings.Split(template, "/")
		fits := m == method && len(want) == len(given)
		for i := 0; fits && i < len(want); i++ {
			fits = want[i] == given[i] || strings.HasPrefix(want[i], "{")
		}
		if fits && (best == "" || strings.Count(key, "{") < strings.Count(best, "{")) {
			best = key
		}
	}
	return best
}

func (d *description) schema(t testing.TB, key, status, kind string) *jsonschema.Schema {
	t.Helper()
	method, path, _ := strings.Cut(key, " ")
	escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace
	pointer := "doc.json#/paths/" + escape(path) + "/" + strings.ToLower(method) + "/responses/" + status + "/content/" + escape(kind) + "/schema"
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, ok := d.compiled[pointer]; ok {
		return s
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("doc.json", d.whole); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(pointer)
	if err != nil {
		t.Fatal(err)
	}
	d.compiled[pointer] = s
	return s
}

func TestEveryRouteIsInTheDocumentAndNothingElse(t *testing.T) {
	h := newHouse(t, api.Options{})
	routes := h.api.Routes()

	got, want := slices.Sorted(maps.Keys(h.described.ops)), slices.Sorted(maps.Keys(routes))

	if !slices.Equal(got, want) {
		t.Errorf("the document has\n%s\nthe mux\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	seen := map[string]string{}
	for key, id := range routes {
		op := h.described.ops[key]
		if id == "" || op.ID != id || op.Summary == "" || seen[id] != "" {
			t.Errorf("%s: operation id %q, summary %q, also of %s", key, op.ID, op.Summary, seen[id])
		}
		seen[id] = key
	}
}

func TestTheDocumentIsValidOpenAPI(t *testing.T) {
	h := newHouse(t, api.Options{})
	b, err := os.ReadFile("testdata/openapi/v3.1.json")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("openapi.json", rules); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}

	if err := schema.Validate(h.described.whole); err != nil {
		t.Error(err)
	}
	for _, foreign := range []string{"ErrorModel", "$schema"} {
		if raw := h.call(http.MethodGet, "/api/openapi.json", "").raw; strings.Contains(raw, foreign) {
			t.Errorf("the document has %s", foreign)
		}
	}
}

// Apps out there have these names in their code.
func TestTheSendCallIsDescribedAsItIsRead(t *testing.T) {
	raw := newHouse(t, api.Options{}).call(http.MethodGet, "/api/openapi.json", "").raw
	var doc struct {
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal([]byte(raw), &doc); err != nil {
		t.Fatal(err)
	}
	for schema, want := range map[string][]string{
		"SendFields":   api.FieldNames(),
		"SendFact":     {"name", "value"},
		"SendLink":     {"text", "url"},
		"SendAnswer":   {"sentMessage", "message", "messageId", "status", "expectedAt", "maybePosted", "messageUrl", "warnings"},
		"Problem":      {"type", "title", "status", "detail", "code", "errors", "requestId", "sentMessage", "message"},
		"FieldProblem": {"pointer", "detail"},
	} {
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(doc.Components.Schemas[schema].Properties)); !slices.Equal(got, want) {
			t.Errorf("%s has %v, want %v", schema, got, want)
		}
	}
}
