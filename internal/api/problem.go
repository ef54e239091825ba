package api

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// problem is the body of every error: RFC 9457, with the two fields that each
// answer about a message has, so that a caller may read all answers alike.
type problem struct {
	Type        string         `json:"type"`
	Title       string         `json:"title"`
	Status      int            `json:"status"`
	Detail      string         `json:"detail"`
	Code        connector.Code `json:"code"`
	Errors      []fieldProblem `json:"errors,omitempty" nullable:"false"`
	RequestID   string         `json:"requestId"`
	SentMessage bool           `json:"sentMessage"`
	Message     string         `json:"message"`
}

type fieldProblem struct {
	Pointer string `json:"pointer" doc:"JSON pointer to the field"`
	Detail  string `json:"detail"`
}

// kinds are the HTTP status and the title of each code.
var kinds = map[connector.Code]struct {
	status int
	title  string
}{
	connector.InvalidJSON:           {http.StatusBadRequest, "The body is not JSON"},
	connector.InvalidField:          {http.StatusUnprocessableEntity, "A field is wrong"},
	connector.TooLarge:              {http.StatusRequestEntityTooLarge, "Too large"},
	connector.LicenseInvalid:        {http.StatusUnauthorized, "License invalid"},
	connector.SubscriptionExpired:   {http.StatusForbidden, "Subscription expired"},
	connector.MessageQuotaExhausted: {http.StatusForbidden, "Message quota exhausted"},
	connector.WebhookQuotaExhausted: {http.StatusForbidden, "Webhook quota exhausted"},
	connector.WebhookNotFound:       {http.StatusNotFound, "Webhook not found"},
	connector.MessageNotFound:       {http.StatusNotFound, "Message not found"},
	connector.NotFound:              {http.StatusNotFound, "Not found"},
	connector.MessageKeyReused:      {http.StatusConflict, "Message key reused"},
	connector.NameTaken:             {http.StatusConflict, "Name taken"},
	connector.Changed:               {http.StatusPreconditionFailed, "Changed since it was read"},
	connector.Conflict:              {http.StatusConflict, "Not in this state"},
	connector.TextRemoved:           {http.StatusGone, "Text removed"},
	connector.TokenInvalid:          {http.StatusUnauthorized, "Token invalid"},
	connector.Forbidden:             {http.StatusForbidden, "Forbidden"},
	connector.RateLimited:           {http.StatusTooManyRequests, "Too many calls"},
	connector.BacklogFull:           {http.StatusTooManyRequests, "Backlog full"},
	connector.NotAccepted:           {http.StatusServiceUnavailable, "Not accepted"},
	connector.AcceptUnknown:         {http.StatusServiceUnavailable, "Accept unknown"},
	connector.MethodNotAllowed:      {http.StatusMethodNotAllowed, "Method not allowed"},
	connector.UnsupportedMedia:      {http.StatusUnsupportedMediaType, "Unsupported media type"},
	connector.HostNotAllowed:        {http.StatusMisdirectedRequest, "Host not allowed"},
}

// kindOf returns the HTTP status and the title of a code.
func kindOf(code connector.Code) (status int, title string) {
	if k, ok := kinds[code]; ok {
		return k.status, k.title
	}
	return http.StatusInternalServerError, "Internal error"
}

func internalError() *connector.Error {
	return connector.Errorf(connector.Internal,
		"Something went wrong on our side. Try again; if it stays so, tell the operator the request id of this answer.")
}

// problem answers with an error. What is not the caller's to mend is logged
// here, once, and the caller reads no detail of it.
func (a *API) problem(w *recorder, r *http.Request, err error) {
	var known *connector.Error
	switch {
	case errors.As(err, &known):
	case r.Context().Err() != nil && errors.Is(err, context.Canceled):
		a.log.DebugContext(r.Context(), "caller gone", "error", err)
		known = connector.Errorf(connector.AcceptUnknown, "The call was broken off. Repeat it with the same message key.")
	case errors.Is(err, connector.ErrAway):
		a.log.ErrorContext(r.Context(), "database does not answer", "error", err)
		known = &connector.Error{
			Code: connector.NotAccepted, RetryAfter: time.Second,
			Message: "The service can't read its database now, so nothing was accepted. Try again in a moment.",
		}
	default:
		a.log.ErrorContext(r.Context(), "request not answered", "error", err)
		known = internalError()
	}
	a.writeProblem(w, r, known)
}

func (a *API) writeProblem(w *recorder, r *http.Request, e *connector.Error) {
	status, title := kindOf(e.Code)
	a.refused.WithLabelValues(string(e.Code)).Inc()
	p := problem{
		Type:      "urn:teamsconnector:problem:" + string(e.Code),
		Title:     title,
		Status:    status,
		Detail:    e.Message,
		Code:      e.Code,
		RequestID: RequestID(r.Context()),
		Message:   e.Message,
	}
	for _, f := range e.Fields {
		p.Errors = append(p.Errors, fieldProblem{Pointer: f.Pointer, Detail: f.Detail})
	}
	h := w.Header()
	switch {
	case e.Code == connector.LicenseInvalid:
		h.Set("WWW-Authenticate", `Basic realm="Teams Connector", charset="UTF-8"`)
	case e.Code == connector.TokenInvalid:
		h.Set("WWW-Authenticate", `Bearer realm="Teams Connector"`)
	case status == http.StatusRequestEntityTooLarge:
		if r.ContentLength > MaxBody || r.ContentLength < 0 {
			h.Set("Connection", "close") // the rest of the body is not worth reading
		}
	}
	if after := e.RetryAfter; after > 0 || status == http.StatusServiceUnavailable {
		h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(after.Seconds())))))
	}
	h.Set("Content-Type", "application/problem+json")
	a.writeJSON(w, r, status, p)
}

// writeJSON answers with a body whose Content-Type was set before.
func (a *API) writeJSON(w http.ResponseWriter, r *http.Request, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		a.log.ErrorContext(r.Context(), "answer not encoded", "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	if _, err := w.Write(b); err != nil {
		a.log.DebugContext(r.Context(), "answer not delivered", "error", err)
	}
}

func notFound(http.ResponseWriter, *http.Request) error {
	return connector.Errorf(connector.NotFound, "There is nothing at this path. Messages are sent with POST to /api/v1/messages.")
}

func methodNotAllowed(methods []string) handler {
	allow := strings.Join(methods, ", ")
	return func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Allow", allow)
		return connector.Errorf(connector.MethodNotAllowed, "This path takes only %s.", allow)
	}
}

// stamp writes a time as the API does.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
}
