package api_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/api"
	"github.com/teamsconnector/teamsconnector/internal/mendix"
)

func TestMendixDocumentsNameThisInstallationWithoutKeys(t *testing.T) {
	h := newHouse(t, api.Options{PublicURL: "https://teams.example.com"})
	for path, server := range map[string]string{
		"/api/mendix/swagger.json": `"host":"teams.example.com"`,
		"/api/mendix/openapi.json": `"url":"https://teams.example.com"`,
	} {
		a := h.call(http.MethodGet, path, "", "Authorization", "-")

		if a.code != http.StatusOK || !json.Valid([]byte(a.raw)) {
			t.Fatalf("%s answers %d, %.100s", path, a.code, a.raw)
		}
		if body := strings.ReplaceAll(a.raw, " ", ""); !strings.Contains(body, server) {
			t.Errorf("%s does not hold %s", path, server)
		}
		if n := len(a.raw); n > mendix.MaxDocument {
			t.Errorf("%s has %d bytes, the limit is %d", path, n, mendix.MaxDocument)
		}
	}
}

// The documents take what is flat of the real answer, all of it.
func TestMendixDocumentHasTheFieldsOfTheRealAnswer(t *testing.T) {
	var want []string
	for i := range reflect.TypeFor[api.SendAnswer]().NumField() {
		f := reflect.TypeFor[api.SendAnswer]().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Type.Kind() != reflect.Slice { // Mendix maps flat fields only
			want = append(want, name)
		}
	}
	var got []string
	for _, f := range newHouse(t, api.Options{}).api.SendOperation("https://x.example").Response {
		if f.Type != "array" {
			got = append(got, f.Name)
		}
	}
	slices.Sort(want)
	slices.Sort(got)

	if !slices.Equal(got, want) {
		t.Errorf("the document answers with %v, the service with %v", got, want)
	}
}

func TestMendixExampleIsAcceptedByTheService(t *testing.T) {
	h := newHouse(t, api.Options{})
	m := map[string]any{}
	for _, f := range h.api.SendOperation("https://x.example").Request {
		m[f.Name] = f.Example
	}
	m["webhookId"] = h.webhook.ID
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}

	if a := h.post(string(body), "Prefer", "respond-async"); a.code != http.StatusAccepted {
		t.Errorf("the document's example answers %d %s, want 202", a.code, a.raw)
	}
}

func TestMendixModuleComesFromTheInstallation(t *testing.T) {
	h := newHouse(t, api.Options{PublicURL: "https://teams.example.com"})
	a := h.call(http.MethodGet, "/api/mendix/"+mendix.FileName, "", "Authorization", "-")
	want, err := mendix.Package(t.Context(), mendix.Options{ServiceURL: "https://teams.example.com"})
	if err != nil {
		t.Fatal(err)
	}

	if a.code != http.StatusOK || a.raw != string(want) {
		t.Errorf("answers %d with %d bytes, want 200 with the module's %d", a.code, len(a.raw), len(want))
	}
}
