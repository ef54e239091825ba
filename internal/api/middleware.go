package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// MaxBody is the largest request body in bytes.
const MaxBody = 256 << 10

// serve wraps a route into what holds for all of them: request id, host list,
// body limit, headers, recovery and one line in the log.
func (a *API) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := requestID(r)
		ctx := auth.WithAddress(r.Context(), auth.AddressOf(r, a.proxies))
		r = r.WithContext(context.WithValue(ctx, requestIDKey{}, id))
		rec := &recorder{ResponseWriter: w}
		secure(rec.Header(), id)
		defer func() { //nolint:contextcheck // it takes the request's
			if v := recover(); v != nil {
				a.recovered(rec, r, v)
			}
			a.log.DebugContext(r.Context(), "request served", "method", r.Method, "route", rt.path,
				"status", rec.status, "took_ms", time.Since(began).Milliseconds())
		}()
		if err := a.answer(rec, r, rt); err != nil {
			a.problem(rec, r, err)
		}
	})
}

func (a *API) answer(w http.ResponseWriter, r *http.Request, rt route) error {
	if !rt.anyHost && !a.answersFor(r.Host) {
		return connector.Errorf(connector.HostNotAllowed,
			"This service does not answer for the host that the request names. Use the address that its operator published.")
	}
	whole := r.Body
	if r.ContentLength > MaxBody {
		drain(r, whole)
		return bodyTooLarge()
	}
	r.Body = http.MaxBytesReader(w, whole, MaxBody)
	if err := rt.handle(w, r); err != nil {
		drain(r, whole)
		return err
	}
	return nil
}

// drained is how much of a body that nobody wants is read all the same.
const drained = 1 << 20

// drain reads the rest of a body, within bounds: a caller that is still writing
// when the connection is closed sees a reset instead of the answer.
func drain(r *http.Request, body io.Reader) {
	if r.Header.Get("Expect") == "" { // else it waits for our leave to write
		_, _ = io.CopyN(io.Discard, body, drained) // the answer is an error already
	}
}

func bodyTooLarge() *connector.Error {
	return connector.Errorf(connector.TooLarge, "The request's body is larger than %d bytes (256 KiB). A text may have 100,000 bytes, a card far less.", MaxBody)
}

// answersFor reports whether the Host header is on the list, where there is one.
func (a *API) answersFor(host string) bool {
	if len(a.hosts) == 0 {
		return true
	}
	host = strings.ToLower(host)
	if a.hosts[host] {
		return true
	}
	name, _, err := net.SplitHostPort(host)
	return err == nil && a.hosts[name]
}

// recovered answers for a handler that panicked. What it panicked with stays in the log.
func (a *API) recovered(w *recorder, r *http.Request, v any) {
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	a.log.ErrorContext(r.Context(), "handler panicked", "panic", brokenBy(v), "stack", string(debug.Stack()))
	if w.status != 0 {
		panic(http.ErrAbortHandler) // half an answer is out: only breaking the connection tells the caller
	}
	a.writeProblem(w, r, internalError())
}

// brokenBy says what a handler panicked with: the runtime's own words, else only
// of which type it was, because what others panic with may quote the request.
func brokenBy(v any) string {
	if err, ok := v.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", v)
}

// secure sets what every answer carries. Nothing of it is a page, so a browser
// may do nothing with it.
func secure(h http.Header, id string) {
	h.Set("X-Request-Id", id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// recorder remembers the status that was written; 0: none yet.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers the first final status.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implies 200, as net/http does.
func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

type requestIDKey struct{}

// RequestID returns the id of the request that a context belongs to; empty: none.
func RequestID(ctx context.Context) string {
	id, ok := ctx.Value(requestIDKey{}).(string)
	if !ok {
		return ""
	}
	return id
}

// requestID takes the caller's X-Request-Id if it is harmless, else makes one.
func requestID(r *http.Request) string {
	const maxChars = 128
	id := r.Header.Get("X-Request-Id")
	strange := func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("._-", c))
	}
	if id != "" && len(id) <= maxChars && !strings.ContainsFunc(id, strange) {
		return id
	}
	return connector.PublicID("req_", uuid.New())
}

// WithRequestIDs adds request_id to each line that is logged with the context
// of a request, in whichever room. A handler that does so already is returned as it is.
func WithRequestIDs(h slog.Handler) slog.Handler {
	if _, ok := h.(requestIDs); ok {
		return h
	}
	return requestIDs{h}
}

type requestIDs struct{ slog.Handler }

// Handle adds the id.
func (h requestIDs) Handle(ctx context.Context, rec slog.Record) error {
	if id := RequestID(ctx); id != "" {
		rec = rec.Clone()
		rec.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, rec)
}

// WithAttrs keeps adding the id.
func (h requestIDs) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestIDs{h.Handler.WithAttrs(attrs)}
}

// WithGroup keeps adding the id.
func (h requestIDs) WithGroup(name string) slog.Handler { return requestIDs{h.Handler.WithGroup(name)} }
