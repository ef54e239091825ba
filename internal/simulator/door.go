package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// route is the shape of every path that the workflow service knows, with the
// flow's name in it.
var route = regexp.MustCompile(`^(?:/powerautomate/automations/direct(?:/cu/\d{1,12})?)?/workflows/([A-Za-z0-9_-]+)/triggers/[A-Za-z0-9_-]+/paths/invoke/?$`)

const (
	connectorPath = "/webhookb2/"
	trackingID    = "x-ms-client-tracking-id"
	workflowRunID = "x-ms-workflow-run-id"
	// A Response action answers within 120 s or the gateway does. [doc] learn.microsoft.com,
	// "Limits and configuration for Azure Logic Apps", synchronous requests.
	confirmWithin = 120 * time.Second
)

// visit is one request that passed the front door.
type visit struct {
	Flow     // as it was set up at that moment
	flow     *flow
	chance   chance
	fault    *spec   // nil: none
	throttle *answer // of the fault, where it is one of throttling
	latency  time.Duration
	tracking string
	runID    string
}

// spoiled reports whether a fault stands in for the answer.
func (v *visit) spoiled() bool {
	return v.fault != nil && v.fault.fault != RunLost && v.fault.fault != RunTwice
}

func (s *Simulator) serveWebhook(w http.ResponseWriter, r *http.Request) {
	v, refused := s.admit(r)
	if refused != nil {
		refused.write(w)
		return
	}
	if s.opts.CountOnly && v.fault == nil {
		s.count(w, r, v)
		return
	}
	if v.fault != nil && !v.fault.runs {
		s.fail(w, r, v)
		return
	}
	body, refused := readBody(v.Flow, r)
	if refused == nil {
		refused = check(v.Flow, body)
	}
	if refused != nil {
		s.refuse(v, refused)
		refused.write(w)
		return
	}
	run := s.accept(v, unpack(v.Flow, body, s.opts.Limits.PostBytes))
	if v.spoiled() {
		s.fail(w, r, v)
		return
	}
	s.answer(w, r, v, run)
}

// admit finds the flow of a request and takes it through the front door.
func (s *Simulator) admit(r *http.Request) (*visit, *answer) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	f, refused := s.routeLocked(r)
	if refused != nil {
		s.refusedLocked(f, refused)
		return nil, refused
	}
	f.requests++
	f.counts.Requests++
	if !s.opts.CountOnly {
		f.oracle.requests.add(now, time.Second)
	}
	if s.opts.CountOnly && s.opts.Limits.DoorPerSecond < 0 && s.opts.Latency.Median == 0 && len(s.injections) == 0 {
		return &visit{flow: f, latency: s.opts.Latency.Fixed}, nil // nothing is left to chance
	}
	c := newChance(s.opts.Seed, string(f.id), f.requests)
	if turned := s.throttleLocked(f, now, c); turned != nil {
		s.noteLocked(f, Note{Kind: NoteThrottled, Told: turned.said(), Truth: "Turned away at the front door."})
		return nil, turned
	}
	v := &visit{Flow: f.Flow, flow: f, chance: c, tracking: r.Header.Get(trackingID), runID: c.runID()}
	v.latency = c.latency(s.opts.Latency)
	if len(s.injections) == 0 {
		return v, nil
	}
	if v.fault = s.faultLocked(f, c); v.fault != nil {
		s.strikeLocked(v)
	}
	return v, nil
}

// routeLocked decides in the order of the real service: [inf] from public
// probes and issues, teams.md section 6.1. The flow that it returns beside a
// refusal may be nil.
func (s *Simulator) routeLocked(r *http.Request) (*flow, *answer) {
	path := strings.TrimSuffix(r.URL.Path, "/")
	f := s.byPath[path]
	if r.Header.Get("Authorization") != "" {
		s.countsOf(f).LeakedAuthorization++
	}
	if strings.HasPrefix(path, connectorPath) {
		return f, connectorRefusal(f, r)
	}
	if f != nil && f.state == stateOn && f.rightAsWritten(r) {
		return f, nil
	}
	m := route.FindStringSubmatch(path)
	if m == nil || (f == nil && s.byID[FlowID(m[1])] != nil) {
		return nil, plain(http.StatusNotFound, "The request URI https://"+r.Host+r.URL.Path+" does not match any known API routes.")
	}
	return f, workflowRefusal(f, m[1], r)
}

// rightAsWritten is the short way for most requests: everything just as the URL
// was given out.
func (f *flow) rightAsWritten(r *http.Request) bool {
	return r.URL.RawQuery == f.query && r.Method == http.MethodPost && r.Header.Get("Authorization") == "" && !f.noSAS && !f.signIn
}

func workflowRefusal(f *flow, id string, r *http.Request) *answer {
	q := r.URL.Query()
	sig := q.Get("sig")
	switch {
	case r.Method != http.MethodPost:
		return refusal(403, "AuthorizationFailed", "The client does not have authorization to perform action on the workflow.")
	case q.Get("api-version") == "":
		return refusal(400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
	case sig == "":
		return refusal(401, "DirectApiAuthorizationRequired", "The request must be authenticated only by Shared Access scheme.")
	case f != nil && sig != f.signature:
		return refusal(401, "DirectApiInvalidAuthorizationSignature", "The provided authorization signature is not valid.")
	case r.Header.Get("Authorization") != "":
		return refusal(401, "DirectApiRequestHasMoreThanOneAuthorization",
			"The request has SAS authentication scheme, 'Bearer' authorization scheme or internal token scheme. Only one scheme should be used.")
	case f == nil:
		return refusal(404, "WorkflowNotFound", "The workflow '"+id+"' could not be found.")
	case f.noSAS:
		return refusal(401, "DirectApiInvalidAuthorizationScheme",
			"The request has SAS authentication scheme while it is disabled under your access control policy.")
	case f.signIn:
		return refusal(401, "DirectApiAuthorizationRequired", "The request must be authenticated only by 'Bearer' authorization scheme.")
	case f.state != stateOn:
		return refusal(400, "WorkflowTriggerIsNotEnabled", "Could not execute workflow '"+id+
			"' trigger 'manual' with state '"+string(f.state)+"': trigger is not enabled.")
	}
	return nil
}

// connectorRefusal is the retired connector's: plain texts. [obs] keyhacks,
// MicrosoftDocs/msteams-docs issue 10178.
func connectorRefusal(f *flow, r *http.Request) *answer {
	switch {
	case r.Method != http.MethodPost:
		return plain(http.StatusMethodNotAllowed, "")
	case f == nil:
		return plain(http.StatusNotFound, "")
	case f.state == stateSuspended || f.noSAS || f.signIn:
		return legacy("403")
	case f.state != stateOn:
		return plain(http.StatusBadRequest, "Invalid webhook URL")
	}
	return nil
}

func readBody(f Flow, r *http.Request) ([]byte, *answer) {
	body, err := io.ReadAll(io.LimitReader(r.Body, requestBytes+1))
	switch {
	case err != nil:
		return nil, refusal(http.StatusBadRequest, "InvalidRequestContent", "The request content could not be read.")
	case len(body) <= requestBytes:
		return body, nil
	case f.Kind == Office365:
		return nil, legacy("413")
	}
	return nil, refusal(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The request content is too large.")
}

// check is what the trigger looks at before it starts a run: JSON, and a
// schema where it has one.
func check(f Flow, body []byte) *answer {
	switch {
	case !json.Valid(body) && f.Kind == Office365:
		return plain(http.StatusBadRequest, "Bad payload received by generic incoming webhook.")
	case !json.Valid(body):
		return refusal(http.StatusBadRequest, "InvalidRequestContent", "The request content is not valid and could not be deserialized.")
	case !f.Strict || f.Kind == Office365:
		return nil
	}
	var e struct {
		Type        string `json:"type"`
		Attachments []struct {
			ContentType *string        `json:"contentType"`
			Content     map[string]any `json:"content"`
		} `json:"attachments"`
	}
	err := json.Unmarshal(body, &e)
	wrong := err != nil || e.Type == "" || e.Attachments == nil
	for _, a := range e.Attachments {
		wrong = wrong || a.ContentType == nil || a.Content == nil
	}
	if wrong {
		return mismatch("Required properties are missing from object: type, attachments.")
	}
	return nil
}

// fail gives the client the fault instead of an answer.
func (s *Simulator) fail(w http.ResponseWriter, r *http.Request, v *visit) {
	switch {
	case v.throttle != nil:
		v.throttle.write(w)
	case v.fault.answer != nil:
		v.fault.answer.write(w)
	default:
		v.fault.deliver(s, w, r)
	}
}

// answer tells the client what Teams tells it: that the run was accepted or,
// where the flow or the connector waits for the post, what came of it.
func (s *Simulator) answer(w http.ResponseWriter, r *http.Request, v *visit, run *run) {
	if !wait(r.Context(), v.latency) {
		s.excuse(run)
		return
	}
	a := &answer{status: http.StatusAccepted, header: http.Header{http.CanonicalHeaderKey(workflowRunID): {v.runID}}}
	if v.Confirmed || v.Kind == Office365 {
		ctx, cancel := context.WithTimeout(r.Context(), confirmWithin)
		defer cancel()
		select {
		case <-run.done:
			a = run.result(v)
		case <-ctx.Done():
			s.excuse(run)
			if errors.Is(r.Context().Err(), context.Canceled) {
				return
			}
			a = noResponse()
		}
	}
	a.write(w)
}

// count is the whole of a benchmark's sink.
func (s *Simulator) count(w http.ResponseWriter, r *http.Request, v *visit) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil || !wait(r.Context(), v.latency) {
		return
	}
	s.mu.Lock()
	v.flow.counts.Accepted++
	v.flow.counts.Bytes += n
	s.mu.Unlock()
	if v.runID != "" {
		w.Header().Set(workflowRunID, v.runID)
	}
	w.WriteHeader(http.StatusAccepted)
}
