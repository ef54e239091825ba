package mendix_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/teamsconnector/teamsconnector/internal/mendix"
)

func sendOperation() mendix.Operation {
	return mendix.Operation{
		ServerURL: "https://teams.example.com/connector/", Title: "Teams Connector", Version: "1.0.0", Description: "Posts to channels.",
		Method: "POST", Path: "/api/v1/messages", ID: "sendMessage", Tag: "Messages", Summary: "Send a message", Details: "It waits for Teams.",
		Credentials: "LicenseKey and LicenseSecret",
		Request: []mendix.Field{
			{Name: "webhookId", Type: "string", Description: "The Webhook ID", Required: true, Example: "wh_01jd0000000000000000000000"},
			{Name: "textMessage", Type: "string", Description: "The text", Required: true, Example: "Hello <b> & \u2028 all"},
			{Name: "messageKey", Type: "string", Description: "Makes a repeat safe", Example: "order-4711"},
			{Name: "expiresIn", Type: "integer", Description: "Seconds", Example: 3600},
			{Name: "facts", Type: "array", Description: "Not flat"},
			{Name: "card", Type: "object", Description: "Not flat"},
		},
		Response: []mendix.Field{
			{Name: "sentMessage", Type: "boolean", Description: "Teams accepted it", Required: true, Example: true},
			{Name: "message", Type: "string", Description: "For people", Required: true, Example: "Microsoft Teams accepted the message."},
			{Name: "warnings", Type: "array", Description: "Not flat"},
		},
		Answered: "It is stored.",
		Refusals: []mendix.Refusal{{Status: 401, Description: "License invalid"}, {Status: 503, Description: "Not now"}},
	}
}

type dialect struct {
	schema string
	write  func(mendix.Operation) ([]byte, error)
}

func dialects() map[string]dialect {
	return map[string]dialect{
		"Swagger 2.0":   {"testdata/openapi/v2.0.json", mendix.Operation.Swagger},
		"OpenAPI 3.0.3": {"testdata/openapi/v3.0.json", mendix.Operation.OpenAPI},
	}
}

func openAPISchema(t *testing.T, path string) *jsonschema.Schema {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(path, document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDocumentsAreValid(t *testing.T) {
	for name, d := range dialects() {
		for server, o := range map[string]func(*mendix.Operation){
			"under a path": func(*mendix.Operation) {},
			"at the root":  func(o *mendix.Operation) { o.ServerURL = "http://127.0.0.1:8080" },
			"all optional": func(o *mendix.Operation) { o.Request[0].Required, o.Request[1].Required = false, false },
		} {
			operation := sendOperation()
			o(&operation)
			b, err := d.write(operation)
			if err != nil {
				t.Fatal(err)
			}
			document, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if err := openAPISchema(t, d.schema).Validate(document); err != nil {
				t.Errorf("%s %s: %v", name, server, err)
			}
			if len(b) > 20<<10 {
				t.Errorf("%s %s: %d bytes", name, server, len(b))
			}
		}
	}
}

// What Mendix does not read, or reads as an error.
func TestDocumentsHaveNothingThatMendixRefuses(t *testing.T) {
	for name, d := range dialects() {
		b, err := d.write(sendOperation())
		if err != nil {
			t.Fatal(err)
		}
		var document any
		if err := json.Unmarshal(b, &document); err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"oneOf", "anyOf", "allOf", "nullable", `"query"`, `"header"`, `"array"`, "facts", "card", "warnings", "problem+json"} {
			if bytes.Contains(b, []byte(word)) {
				t.Errorf("%s: %s", name, word)
			}
		}
		if n := bytes.Count(b, []byte(`"webhookId": "wh_`)); n != 1 {
			t.Errorf("%s: %d examples of the request, want 1", name, n)
		}
		if !bytes.Contains(b, []byte("Hello <b> & ")) {
			t.Errorf("%s: the example is not as it was given", name)
		}
	}
}

func TestSwaggerNamesThisInstallation(t *testing.T) {
	tests := map[string][3]string{
		"https://teams.example.com":           {"teams.example.com", "/", "https"},
		"http://127.0.0.1:8080/":              {"127.0.0.1:8080", "/", "http"},
		"https://example.com/teams/connector": {"example.com", "/teams/connector", "https"},
	}
	for server, want := range tests {
		o := sendOperation()
		o.ServerURL = server
		b, err := o.Swagger()
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Host, BasePath string
			Schemes        []string
			Paths          map[string]map[string]struct{ OperationID string }
		}
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, [3]string{got.Host, got.BasePath, strings.Join(got.Schemes, " ")}); diff != "" {
			t.Errorf("%s: %s", server, diff)
		}
		if got.Paths["/api/v1/messages"]["post"].OperationID != "sendMessage" {
			t.Errorf("the operation is not there: %+v", got.Paths)
		}
	}
}

func TestOpenAPINamesThisInstallation(t *testing.T) {
	b, err := sendOperation().OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		OpenAPI    string
		Servers    []struct{ URL string }
		Security   []map[string][]string
		Components struct {
			SecuritySchemes map[string]struct{ Type, Scheme string }
		}
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got.OpenAPI != "3.0.3" || len(got.Servers) != 1 || got.Servers[0].URL != "https://teams.example.com/connector" {
		t.Errorf("got %+v", got)
	}
	if len(got.Security) != 1 || len(got.Components.SecuritySchemes) != 1 {
		t.Fatalf("got %+v", got)
	}
	for name, s := range got.Components.SecuritySchemes {
		if _, used := got.Security[0][name]; !used || s.Type != "http" || s.Scheme != "basic" {
			t.Errorf("got %+v", got)
		}
	}
}

func TestDocumentsAreRefusedRatherThanWrittenWrong(t *testing.T) {
	tests := map[string]func(*mendix.Operation){
		"a relative server":    func(o *mendix.Operation) { o.ServerURL = "/api" },
		"no server":            func(o *mendix.Operation) { o.ServerURL = "" },
		"another scheme":       func(o *mendix.Operation) { o.ServerURL = "ftp://teams.example.com" },
		"a password in it":     func(o *mendix.Operation) { o.ServerURL = "https://a:b@teams.example.com" },
		"no example":           func(o *mendix.Operation) { o.Request[1].Example = nil },
		"nothing flat":         func(o *mendix.Operation) { o.Response = o.Response[2:] },
		"larger than may be":   func(o *mendix.Operation) { o.Details = strings.Repeat("x", mendix.MaxDocument) },
		"an example of no use": func(o *mendix.Operation) { o.Request[1].Example = errors.New },
	}
	for name, change := range tests {
		for version, d := range dialects() {
			o := sendOperation()
			change(&o)
			if b, err := d.write(o); err == nil {
				t.Errorf("%s in %s was written: %s", name, version, b)
			}
		}
	}
}
