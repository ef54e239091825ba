package simulator

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	trapPath     = "/_sim/trap"
	assetPrefix  = "/_sim/static/"
	controlBytes = 64 << 10
)

// routes are the page and the calls of the simulator itself. Each POST takes
// JSON and answers JSON, or takes a form and goes back to the page.
func (s *Simulator) routes() *http.ServeMux {
	guard := http.NewCrossOriginProtection()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.servePage)
	mux.Handle("GET "+assetPrefix, s.assets)
	mux.HandleFunc("GET /_sim/events", s.serveEvents)
	mux.HandleFunc("GET /_sim/state", s.serveState)
	mux.HandleFunc(trapPath, s.serveTrap)
	for path, act := range map[string]func(control) (any, error){
		"/_sim/flows":    s.addFlow,
		"/_sim/change":   s.change,
		"/_sim/faults":   s.inject,
		"/_sim/clear":    s.clear,
		"/_sim/throttle": s.throttle,
		"/_sim/latency":  s.latency,
		"/_sim/forget":   s.forget,
	} {
		mux.Handle("POST "+path, guard.Handler(handle(act)))
	}
	return mux
}

// control is the body of every call; each reads the fields that it needs.
type control struct {
	Flow
	ID      FlowID  `json:"id"` // of the flow; empty where all are meant
	Change  Change  `json:"change"`
	Fault   Fault   `json:"fault"`
	Times   int     `json:"times"`
	Rate    float64 `json:"rate"`
	Seconds float64 `json:"seconds"`
	Latency struct {
		FixedMS  float64 `json:"fixedMs"`
		MedianMS float64 `json:"medianMs"`
		P99MS    float64 `json:"p99Ms"`
	} `json:"latency"`
}

func (c control) seconds() time.Duration { return time.Duration(c.Seconds * float64(time.Second)) }

func handle(act func(control) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, controlBytes)
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // an unreadable one is no form
		form := kind == "application/x-www-form-urlencoded"
		c, err := readControl(r, form)
		var answer any
		if err == nil {
			answer, err = act(c)
		}
		switch {
		case err != nil && errors.Is(err, ErrUnknown):
			writeJSON(w, http.StatusNotFound, map[string]string{"error": err.Error()})
		case err != nil:
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		case form:
			back := url.Values{"flow": {string(c.ID)}}
			if r.FormValue("view") == behindView {
				back.Set("view", behindView)
			}
			http.Redirect(w, r, "/?"+back.Encode(), http.StatusSeeOther)
		default:
			writeJSON(w, http.StatusOK, answer)
		}
	})
}

func readControl(r *http.Request, form bool) (control, error) {
	var c control
	if form {
		if err := r.ParseForm(); err != nil {
			return c, errors.New("the form could not be read")
		}
		c.ID, c.Change, c.Fault = FlowID(r.PostFormValue("id")), Change(r.PostFormValue("change")), Fault(r.PostFormValue("fault"))
		c.Times = min(max(0, number(r.PostFormValue("times"))), 1000)
		c.Seconds = float64(min(max(0, number(r.PostFormValue("seconds"))), 600))
		return c, nil
	}
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return c, errors.New("the body is not the JSON of this call: " + strings.TrimPrefix(err.Error(), "json: "))
	}
	return c, nil
}

// number reads a form's number; what is none is zero.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

func (s *Simulator) addFlow(c control) (any, error) {
	id, target := s.AddFlow(c.Flow)
	return map[string]string{"id": string(id), "target": target}, nil
}

func (s *Simulator) change(c control) (any, error) {
	target, err := s.Change(c.ID, c.Change)
	return map[string]string{"target": target}, err
}

func (s *Simulator) inject(c control) (any, error) {
	err := s.Inject(Injection{Fault: c.Fault, Flow: c.ID, Times: c.Times, Rate: c.Rate, For: c.seconds()})
	return map[string]any{"runs": c.Fault.Runs()}, err
}

func (s *Simulator) clear(c control) (any, error) {
	s.Clear(c.ID)
	return map[string]string{}, nil
}

func (s *Simulator) throttle(c control) (any, error) {
	return map[string]string{}, s.Throttle(c.ID, c.seconds())
}

func (s *Simulator) latency(c control) (any, error) {
	ms := func(f float64) time.Duration { return time.Duration(f * float64(time.Millisecond)) }
	s.SetLatency(Latency{Fixed: ms(c.Latency.FixedMS), Median: ms(c.Latency.MedianMS), P99: ms(c.Latency.P99MS)})
	return map[string]string{}, nil
}

func (s *Simulator) forget(control) (any, error) {
	s.Forget()
	return map[string]string{}, nil
}

// serveState writes the oracle's report; ?messages=no leaves the messages out.
func (s *Simulator) serveState(w http.ResponseWriter, r *http.Request) {
	report := s.Oracle()
	if r.FormValue("messages") == "no" {
		report.Messages = nil
	}
	writeJSON(w, http.StatusOK, report)
}

// serveTrap is where the redirects lead: whoever comes, followed one.
func (s *Simulator) serveTrap(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.stray.RedirectsFollowed++
	if r.Header.Get("Authorization") != "" {
		s.stray.LeakedAuthorization++
	}
	s.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "the answer can't be written as JSON", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", jsonType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that left needs no answer
}
