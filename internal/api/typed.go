package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// adapter is what huma registers with: it keeps the last handler, for the table
// of routes to mount under our own middleware.
type adapter struct {
	last func(w http.ResponseWriter, r *http.Request)
}

// Handle keeps the handler.
func (a *adapter) Handle(op *huma.Operation, h func(huma.Context)) {
	a.last = func(w http.ResponseWriter, r *http.Request) { h(humago.NewContext(op, r, w)) }
}

// ServeHTTP is never called: the mux is ours.
func (a *adapter) ServeHTTP(http.ResponseWriter, *http.Request) {}

// typed makes a route's handler of a function on Go types. I has fields with the
// tags path, query or header, and Body; O has fields with the tag header, and Body.
func typed[I, O any](answer func(ctx context.Context, who connector.Actor, in *I) (*O, error)) func(a *API, rt *route) handler {
	return func(a *API, rt *route) handler {
		op := register(a, rt, func(ctx context.Context, in *I) (*O, error) {
			c := callOf(ctx)
			out, err := answer(ctx, c.who, in)
			c.err = err
			return out, err
		})
		serve := a.mux.last
		known := a.bodyNames(op)
		return func(w http.ResponseWriter, r *http.Request) error {
			who, err := a.who(r, rt)
			if err != nil {
				return err
			}
			c := &call{who: who, base: a.address(r)}
			if err := strictBody(r, known); err != nil {
				return err
			}
			serve(&muted{ResponseWriter: w, call: c}, r.WithContext(context.WithValue(r.Context(), callKey{}, c)))
			return c.err
		}
	}
}

// described describes a handler that reads and writes by itself, by the types
// that typed would have.
func described[I, O any](h handler) func(a *API, rt *route) handler {
	return func(a *API, rt *route) handler {
		register(a, rt, func(context.Context, *I) (*O, error) { return nil, errors.New("only described") })
		return h
	}
}

func register[I, O any](a *API, rt *route, answer func(ctx context.Context, in *I) (*O, error)) *huma.Operation {
	huma.Register(a.doc, huma.Operation{
		Method: rt.method, Path: rt.path, OperationID: rt.id, Summary: rt.summary, DefaultStatus: rt.success(),
	}, answer)
	op := operationOf(a.doc.OpenAPI(), rt.method, rt.path)
	a.complete(op, rt)
	return op
}

// success is the status of a call that did what it should.
func (rt *route) success() int {
	switch {
	case rt.status != 0:
		return rt.status
	case rt.method == http.MethodDelete:
		return http.StatusNoContent
	case rt.method == http.MethodPost && strings.HasPrefix(rt.id, "create"):
		return http.StatusCreated
	}
	return http.StatusOK
}

// call is one call of a typed handler: who asks, from where, and why it is refused.
type call struct {
	who  connector.Actor
	base string // where the caller reaches this installation
	err  error
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return &call{}
	}
	return c
}

// muted lets an answer through, but no refusal in huma's words: those are ours.
type muted struct {
	http.ResponseWriter
	call *call
}

func (m *muted) silent() bool { return m.call.err != nil }

// WriteHeader passes the status of an answer on.
func (m *muted) WriteHeader(status int) {
	if !m.silent() {
		m.ResponseWriter.WriteHeader(status)
	}
}

// Write passes an answer on.
func (m *muted) Write(b []byte) (int, error) {
	if m.silent() {
		return len(b), nil
	}
	return m.ResponseWriter.Write(b)
}

// holdRefusal catches what huma found wrong with a request before it is written.
func holdRefusal(ctx huma.Context, _ string, v any) (any, error) {
	found, ok := v.(*huma.ErrorModel)
	if c := callOf(ctx.Context()); ok && c.err == nil {
		c.err = wrongFields(found)
	}
	return v, nil
}

// wrongFields says in our words which fields are wrong, and never their values.
func wrongFields(found *huma.ErrorModel) *connector.Error {
	e := &connector.Error{Code: connector.InvalidField}
	for _, d := range found.Errors {
		f := connector.FieldError{Pointer: pointerOf(d.Location)}
		name := strings.TrimPrefix(f.Pointer, "/")
		switch {
		case strings.HasPrefix(d.Message, missingProperty):
			name = strings.TrimSuffix(strings.TrimPrefix(d.Message, missingProperty), missingPropertyEnd)
			f.Pointer += "/" + name
			f.Detail = name + " is missing."
		case strings.HasPrefix(d.Location, "query.") && d.Message == "unknown query parameter":
			f.Detail = "There is no parameter of that name; the documentation at /api/docs lists those that this path takes."
		case name == "":
			f.Detail = "A field is wrong: " + d.Message + "."
		default:
			f.Detail = name + " is wrong: " + d.Message + "."
		}
		e.Fields = append(e.Fields, f)
	}
	if len(e.Fields) == 0 {
		return connector.Invalid("", "The request's body is missing. Send a JSON object.")
	}
	e.Message = e.Fields[0].Detail
	return e
}

// How huma says that a field is missing.
const (
	missingProperty    = "expected required property "
	missingPropertyEnd = " to be present"
)

// pointerOf makes a JSON pointer of huma's body.facts[2].name, and cuts it
// before the first name that may be more than a name.
func pointerOf(location string) string {
	_, rest, _ := strings.Cut(strings.NewReplacer("[", ".", "]", "").Replace(location), ".")
	var b strings.Builder
	for name := range strings.SplitSeq(rest, ".") {
		if !harmless(name) {
			break
		}
		b.WriteString("/" + name)
	}
	return b.String()
}

// bodyNames are the names that an operation's body may have; nil: it takes none.
func (a *API) bodyNames(op *huma.Operation) []string {
	if op.RequestBody == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(a.schema(op.RequestBody.Content["application/json"].Schema).Properties))
}

// strictBody reads the body as strictly as that of a send call, and leaves it
// without members that are null, which count as absent.
func strictBody(r *http.Request, known []string) error {
	raw, err := readBody(r)
	if err != nil || known == nil {
		return err
	}
	if len(raw) > 0 {
		if raw, err = cleanObject(raw, known); err != nil {
			return err
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	r.Header.Set("Content-Type", "application/json") // whatever it was called, it is JSON
	return nil
}
