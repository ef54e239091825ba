package simulator

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Fault is a way in which this Teams can fail a request that it would have
// accepted.
type Fault string

// The faults of the front door's answers.
const (
	SlowHeaders    Fault = "slow-headers"       // the answer starts after Options.Stall
	SlowBody       Fault = "slow-body"          // 202 at once, then a body that drips for Options.Stall
	HangThenReset  Fault = "hang-then-reset"    // silence for Options.Stall, then a reset
	ResetUnread    Fault = "reset-unread"       // a reset before the body was read
	ResetAfterRead Fault = "reset-after-read"   // a reset after the message was accepted
	ServerError    Fault = "500"                // not accepted
	ErrorAfterAll  Fault = "500-after-accept"   // accepted, and yet 500
	RequestTimeout Fault = "408"                // not accepted
	BadGatewayHTML Fault = "502-html"           // a proxy's page; not accepted
	NoResponse     Fault = "502-no-response"    // the flow ran and never answered
	Unavailable    Fault = "503"                // with Retry-After; not accepted
	TruncatedBody  Fault = "truncated-chunks"   // a body cut within a chunk
	HugeBody       Fault = "10-mb-body"         // 10 MB of text
	GzipBomb       Fault = "gzip-bomb"          // 64 MB of zeros in 64 KB
	HeaderBomb     Fault = "header-bomb"        // 2 MB of headers
	BadUTF8        Fault = "bad-utf8"           // a body that is no text
	StrangeStatus  Fault = "status-999"         // a status that does not exist
	TooLargeHTML   Fault = "413-html"           // the front door's own limit
	BadClaims      Fault = "401-claims"         // MisMatchingOAuthClaims
	VersionGone    Fault = "404-version"        // WorkflowTriggerVersionNotFound
	SchemaMismatch Fault = "schema-mismatch"    // TriggerInputSchemaMismatch, whatever was sent
	Redirect       Fault = "redirect"           // 302 to the trap, which counts who comes
	RedirectKeep   Fault = "redirect-307"       // 307 to the trap: method and body would go along
	RedirectInside Fault = "redirect-metadata"  // 302 to the address of cloud metadata
	ExpiredTLS     Fault = "expired-cert"       // an expired certificate at the next connection
	LegacyThrottle Fault = "200-with-429"       // the old connector's way: 200 with the error as text
	LegacyTooLarge Fault = "200-with-413"       // likewise
	LegacyRefused  Fault = "200-with-400"       // likewise
	LegacyGone     Fault = "200-with-403"       // likewise
	LegacyError    Fault = "200-with-500"       // likewise
	LegacyThrown   Fault = "200-with-exception" // 200 with the text of an exception
)

// The faults of throttling, one per form of Retry-After.
const (
	ThrottleSeconds   Fault = "429-seconds"
	ThrottleDate      Fault = "429-date"
	ThrottleAbsent    Fault = "429-absent"
	ThrottleMalformed Fault = "429-malformed"
	ThrottleLong      Fault = "429-600"
)

// The faults of runs, which the client never sees.
const (
	RunLost  Fault = "run-lost"  // 202, and nothing is posted
	RunTwice Fault = "run-twice" // 202, and it is posted twice
)

// spec is what a fault does.
type spec struct {
	fault Fault
	about string
	// runs: the message is accepted and its run goes on, whatever the client is told.
	runs bool
	// answer is a plain answer; nil where deliver does it.
	answer  *answer
	deliver func(s *Simulator, w http.ResponseWriter, r *http.Request)
	// throttle is the form of Retry-After of a 429 or 503; empty: it is none.
	throttle RetryForm
}

// Faults lists every fault, in the order of the page.
func Faults() []Fault {
	var all []Fault
	for _, sp := range specs() {
		all = append(all, sp.fault)
	}
	return all
}

// Runs reports whether a message that meets the fault is posted all the same,
// so that a sender that tries again makes a duplicate it can't know of.
func (f Fault) Runs() bool {
	sp, _ := specOf(f)
	return sp.runs
}

// About says what the fault does, for people.
func (f Fault) About() string {
	sp, _ := specOf(f)
	return sp.about
}

func specOf(f Fault) (spec, bool) {
	for _, sp := range specs() {
		if sp.fault == f {
			return sp, true
		}
	}
	return spec{}, false
}

func specs() []spec {
	html := func(status int, title string) *answer {
		return &answer{
			status: status, header: http.Header{"Content-Type": {"text/html"}},
			body: "<html><head><title>" + title + "</title></head><body><h1>" + title + "</h1></body></html>",
		}
	}
	return []spec{
		{fault: SlowHeaders, about: "accepted, but the answer comes late", runs: true, deliver: slowHeaders},
		{fault: SlowBody, about: "202, then a body that drips", runs: true, deliver: slowBody},
		{fault: HangThenReset, about: "accepted, silence, then a reset", runs: true, deliver: hangThenReset},
		{fault: ResetUnread, about: "reset before reading", deliver: reset},
		{fault: ResetAfterRead, about: "accepted, then a reset", runs: true, deliver: reset},
		{fault: ServerError, about: "500, not accepted", answer: plain(500, "")},
		{fault: ErrorAfterAll, about: "500, and accepted all the same", runs: true, answer: plain(500, "")},
		{fault: RequestTimeout, about: "408, not accepted", answer: plain(408, "")},
		{fault: BadGatewayHTML, about: "502 with a proxy's page", answer: html(502, "502 Bad Gateway")},
		{fault: NoResponse, about: "502 NoResponse, and accepted all the same", runs: true, answer: noResponse()},
		{fault: Unavailable, about: "503 with Retry-After", throttle: RetrySeconds},
		{fault: TruncatedBody, about: "202 with a body cut short", runs: true, deliver: truncated},
		{fault: HugeBody, about: "200 with 10 MB of text", runs: true, deliver: hugeBody},
		{fault: GzipBomb, about: "200 with 64 MB of zeros, zipped", runs: true, deliver: gzipBomb},
		{fault: HeaderBomb, about: "202 with 2 MB of headers", runs: true, deliver: headerBomb},
		{fault: BadUTF8, about: "200 with bytes that are no text", runs: true, answer: plain(200, "\xff\xfe\x80ok\xc3")},
		{fault: StrangeStatus, about: "status 999", answer: plain(999, "")},
		{fault: TooLargeHTML, about: "413 with a page", answer: html(413, "too large")},
		{fault: BadClaims, about: "401 MisMatchingOAuthClaims", answer: refusal(401, "MisMatchingOAuthClaims", "")},
		{fault: VersionGone, about: "404 WorkflowTriggerVersionNotFound", answer: refusal(404, "WorkflowTriggerVersionNotFound",
			"The workflow trigger version could not be found.")},
		{fault: SchemaMismatch, about: "400 TriggerInputSchemaMismatch", answer: mismatch("Invalid type. Expected Object but got String.")},
		{fault: Redirect, about: "302 to a trap", deliver: redirect(http.StatusFound, trapPath)},
		{fault: RedirectKeep, about: "307 to a trap", deliver: redirect(http.StatusTemporaryRedirect, trapPath)},
		{fault: RedirectInside, about: "302 to 169.254.169.254", deliver: redirect(http.StatusFound, "http://169.254.169.254/latest/meta-data/")},
		{fault: ExpiredTLS, about: "expired certificate at the next connection (TLS only)"},
		{fault: LegacyThrottle, about: "200 with error 429 as text", answer: legacy("429")},
		{fault: LegacyTooLarge, about: "200 with error 413 as text", answer: legacy("413")},
		{fault: LegacyRefused, about: "200 with error 400 as text", answer: legacy("400")},
		{fault: LegacyGone, about: "200 with error 403 as text", answer: legacy("403")},
		{fault: LegacyError, about: "200 with error 500 as text", answer: legacy("500")},
		{fault: LegacyThrown, about: "200 with an exception as text", answer: plain(200,
			"System.Net.Http.HttpRequestException: Error while copying content to a stream.")},
		{fault: ThrottleSeconds, about: "429, Retry-After in seconds", throttle: RetrySeconds},
		{fault: ThrottleDate, about: "429, Retry-After as a date", throttle: RetryDate},
		{fault: ThrottleAbsent, about: "429 without Retry-After", throttle: RetryAbsent},
		{fault: ThrottleMalformed, about: "429, Retry-After malformed", throttle: RetryMalformed},
		{fault: ThrottleLong, about: "429, Retry-After 600", throttle: RetryLong},
		{fault: RunLost, about: "202, and the run dies unseen", runs: true},
		{fault: RunTwice, about: "202, and the run posts twice", runs: true},
	}
}

// Injection asks for a fault. Without Times, Rate and For it hits the next
// request.
type Injection struct {
	Fault Fault  `json:"fault"`
	Flow  FlowID `json:"flow,omitempty"` // empty: every flow
	// Times is how many requests it hits. Zero: no bound where Rate or For is set, else one.
	Times int `json:"times,omitempty"`
	// Rate is the share of requests that it hits, from the seed. Zero: each.
	Rate float64 `json:"rate,omitempty"`
	// For is how long it lasts. Zero: until Clear, or Times.
	For time.Duration `json:"for,omitempty"`
}

// injection is an Injection under way.
type injection struct {
	Injection
	until time.Time
	spec  spec
}

// Inject arms a fault. Faults armed earlier hit first.
func (s *Simulator) Inject(in Injection) error {
	sp, ok := specOf(in.Fault)
	if !ok {
		return fmt.Errorf("inject %q: %w", strings.ToValidUTF8(string(in.Fault), "?"), ErrUnknown)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.Flow != "" {
		if _, err := s.flowLocked(in.Flow); err != nil {
			return fmt.Errorf("inject %s: %w", in.Fault, err)
		}
	}
	if in.Times == 0 && in.Rate == 0 && in.For == 0 {
		in.Times = 1
	}
	armed := &injection{Injection: in, spec: sp}
	if in.For > 0 {
		armed.until = time.Now().Add(in.For)
	}
	s.injections = append(s.injections, armed)
	s.changedLocked()
	return nil
}

// Clear disarms the faults of a flow; of an empty one, all faults.
func (s *Simulator) Clear(id FlowID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.injections[:0]
	for _, in := range s.injections {
		if id != "" && in.Flow != id {
			kept = append(kept, in)
		}
	}
	s.injections = kept
	s.changedLocked()
}

// faultLocked picks the fault that hits a request; nil: none does.
func (s *Simulator) faultLocked(f *flow, c chance) *spec {
	return s.takeLocked(func(in *injection) bool {
		return in.Fault != ExpiredTLS && (in.Flow == "" || in.Flow == f.id) && (in.Rate == 0 || c.happens(in.Rate))
	})
}

// takeLocked uses one up of the first armed fault that fits.
func (s *Simulator) takeLocked(fits func(*injection) bool) *spec {
	now := time.Now()
	for i := 0; i < len(s.injections); i++ {
		in := s.injections[i]
		if !in.until.IsZero() && now.After(in.until) {
			s.injections = append(s.injections[:i], s.injections[i+1:]...)
			i--
			continue
		}
		if !fits(in) {
			continue
		}
		if in.Times > 0 {
			if in.Times--; in.Times == 0 {
				s.injections = append(s.injections[:i], s.injections[i+1:]...)
			}
		}
		return &in.spec
	}
	return nil
}
