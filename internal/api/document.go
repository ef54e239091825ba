package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// The names of the two ways to say who asks.
const (
	schemeToken   = "token"
	schemeLicense = "license"
)

// newDocument makes what reads requests and writes answers by their Go types,
// and describes them. It mounts nothing by itself: neither pages nor links to schemas.
func newDocument() (huma.API, *adapter) {
	c := huma.DefaultConfig("Teams Connector", "1")
	c.DocsPath, c.OpenAPIPath, c.SchemasPath, c.CreateHooks = "", "", "", nil
	c.RejectUnknownQueryParameters = true
	format := huma.Format{
		Marshal:   func(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) },
		Unmarshal: json.Unmarshal, // the body was made strict before
	}
	c.Formats = map[string]huma.Format{"application/json": format, "application/problem+json": format}
	c.DefaultFormat = "application/json"
	c.Info.Description = "Posts messages to Microsoft Teams channels by Webhook ID, and says honestly what is known of them. " +
		"Apps send with binding keys; people and scripts configure with a token. Every error is application/problem+json (RFC 9457)."
	c.Servers = []*huma.Server{{URL: "/", Description: "this installation"}}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		schemeToken:   {Type: "http", Scheme: "bearer", Description: "A token of a person, an organization or an operator: tct_..."},
		schemeLicense: {Type: "http", Scheme: "basic", Description: "LicenseKey as user name, LicenseSecret as password"},
	}
	c.Transformers = []huma.Transformer{holdRefusal}
	mux := &adapter{}
	return huma.NewAPI(c, mux), mux
}

// operationOf finds an operation in the document.
func operationOf(doc *huma.OpenAPI, method, path string) *huma.Operation {
	item := doc.Paths[path]
	if item == nil {
		return nil
	}
	switch method {
	case http.MethodGet:
		return item.Get
	case http.MethodPost:
		return item.Post
	case http.MethodPatch:
		return item.Patch
	case http.MethodDelete:
		return item.Delete
	}
	return nil
}

// schema follows a reference into the document.
func (a *API) schema(s *huma.Schema) *huma.Schema {
	if s.Ref != "" {
		return a.doc.OpenAPI().Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

// complete adds to an operation what its row says beyond its types.
func (a *API) complete(op *huma.Operation, rt *route) {
	op.Tags = []string{tagOf(rt.path)}
	op.Description = rt.details
	if rt.right != 0 {
		op.Description = strings.TrimSpace(op.Description + " Needs the right " + strconv.Quote(rt.right.String()) + ".")
	}
	token, license := map[string][]string{schemeToken: {}}, map[string][]string{schemeLicense: {}}
	switch {
	case rt.open:
	case rt.keysOnly:
		op.Security = []map[string][]string{license}
	case rt.apps:
		op.Security = []map[string][]string{token, license}
	default:
		op.Security = []map[string][]string{token}
	}
	schemas := a.doc.OpenAPI().Components.Schemas
	refusal := map[string]*huma.MediaType{"application/problem+json": {Schema: schemas.Schema(reflect.TypeFor[problem](), true, "")}}
	op.Responses["default"] = &huma.Response{Description: "Refused; code says why", Content: refusal}
	for _, r := range rt.refusals {
		op.Responses[strconv.Itoa(r.status)] = &huma.Response{Description: r.why, Content: refusal}
	}
	ok := op.Responses[strconv.Itoa(rt.success())]
	if rt.answered != "" {
		ok.Description = rt.answered
	}
	if rt.kind != "" {
		ok.Content = map[string]*huma.MediaType{rt.kind: {Schema: &huma.Schema{}}}
		if rt.anyHost { // a probe says no in plain text as well
			op.Responses[strconv.Itoa(http.StatusServiceUnavailable)] = &huma.Response{Description: "No", Content: ok.Content}
		}
	}
	if rt.later {
		later := *ok
		later.Description = "Stored; it is sent without the caller waiting"
		op.Responses[strconv.Itoa(http.StatusAccepted)] = &later
	}
	for _, unused := range []string{"ErrorModel", "ErrorDetail"} { // huma's own, which we never send
		delete(schemas.Map(), unused)
	}
}

// tagOf names the noun that a path is about: the last word of it that is no verb.
func tagOf(path string) string {
	var words []string
	for word := range strings.SplitSeq(strings.TrimPrefix(strings.TrimPrefix(path, "/api"), "/v1"), "/") {
		if word != "" && !strings.HasPrefix(word, "{") {
			words = append(words, word)
		}
	}
	nouns := []string{"plans", "organizations", "members", "tokens", "audit", "subscriptions", "keys", "webhooks", "messages", "usage", "nodes"}
	for _, word := range slices.Backward(words) {
		if slices.Contains(nouns, word) {
			return strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return "Service"
}

// file answers with something that is no JSON of ours; it is described by its media type alone.
type file struct{ Body json.RawMessage }

// nothing is the input of a call that takes none.
type nothing struct{}

// openAPI answers with the description of all that the API answers. It is read without credentials.
func (a *API) openAPI(w http.ResponseWriter, r *http.Request) error {
	document, err := a.document()
	if err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	a.file(w, r, "application/json", document)
	return nil
}
