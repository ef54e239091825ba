package api

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/teamsconnector/teamsconnector/internal/mendix"
)

// mendixDocument answers with one of the two documents from which Studio Pro
// makes a consumed REST service. It is read without keys.
func (a *API) mendixDocument(write func(mendix.Operation) ([]byte, error)) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		document, err := write(a.sendOperation(a.address(r)))
		if err != nil {
			return fmt.Errorf("write the document for Mendix: %w", err)
		}
		a.file(w, r, "application/json", document)
		return nil
	}
}

// mendixModule answers with the module package, this installation's address in it.
func (a *API) mendixModule(w http.ResponseWriter, r *http.Request) error {
	module, err := mendix.Package(r.Context(), mendix.Options{ServiceURL: a.address(r)})
	if err != nil {
		return fmt.Errorf("write the module for Mendix: %w", err)
	}
	w.Header().Set("Content-Disposition", `attachment; filename="`+mendix.FileName+`"`)
	a.file(w, r, "application/octet-stream", module)
	return nil
}

func (a *API) file(w http.ResponseWriter, r *http.Request, mediaType string, content []byte) {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(http.StatusOK)
	if _, err := w.Write(content); err != nil {
		a.log.DebugContext(r.Context(), "answer not written", "error", err)
	}
}

// address is where this installation is reached: as its operator said, else as
// the request did.
func (a *API) address(r *http.Request) string {
	if a.publicURL != "" {
		return a.publicURL
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// sendOperation describes sendMessage as far as Mendix can map it: flat fields,
// and the one answer 200. It is made from the full document.
func (a *API) sendOperation(server string) mendix.Operation {
	doc := a.doc.OpenAPI()
	op := operationOf(doc, http.MethodPost, sendPath)
	ok := op.Responses[strconv.Itoa(http.StatusOK)]
	o := mendix.Operation{
		ServerURL: server, Title: doc.Info.Title, Version: doc.Info.Version,
		Description: "Posts messages to Microsoft Teams channels by Webhook ID, and says honestly what is known of them.",
		Method:      op.Method, Path: op.Path, ID: op.OperationID, Tag: op.Tags[0],
		Summary: op.Summary, Details: op.Description,
		Credentials: doc.Components.SecuritySchemes[schemeLicense].Description,
		Request:     a.mendixFields(op.RequestBody.Content["application/json"], "textMessage"), // Mendix can't send a card instead
		Response:    a.mendixFields(ok.Content["application/json"]),
		Answered:    ok.Description,
	}
	for code, r := range op.Responses {
		if status, err := strconv.Atoi(code); err == nil && status >= http.StatusBadRequest {
			o.Refusals = append(o.Refusals, mendix.Refusal{Status: status, Description: r.Description})
		}
	}
	return o
}

// mendixFields are the fields of a body; needed are those that are required in Mendix only.
func (a *API) mendixFields(body *huma.MediaType, needed ...string) (fields []mendix.Field) {
	whole := a.schema(body.Schema)
	for _, name := range slices.Sorted(maps.Keys(whole.Properties)) {
		p := whole.Properties[name]
		f := mendix.Field{
			Name: name, Type: p.Type, Description: p.Description,
			Required: slices.Contains(whole.Required, name) || slices.Contains(needed, name),
		}
		if len(p.Examples) > 0 {
			f.Example = p.Examples[0]
		}
		fields = append(fields, f)
	}
	return fields
}
