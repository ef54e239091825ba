package connector

import "time"

// Verdict says what one attempt means for the message and its webhook.
type Verdict int

// The verdicts. The numbers are stored.
const (
	VerdictSent      Verdict = iota + 1 // Microsoft accepted it
	VerdictPosted                       // the flow confirmed the post
	VerdictUncertain                    // may have arrived; tried again
	VerdictThrottled                    // too fast: wait, and slow the group
	VerdictRetry                        // certainly not delivered; try again later
	VerdictRefused                      // this message never; others may
	VerdictGone                         // the webhook is unusable: stop its lane, keep its messages
)

var verdictNames = [...]string{"", "sent", "posted", "uncertain", "throttled", "retry", "refused", "gone"}

// String returns the word for the verdict that metrics, logs and API share.
func (v Verdict) String() string { return name(verdictNames[:], int(v)) }

// Reason says why an attempt got its verdict: one of a small fixed set, so
// that it can label a metric.
type Reason string

// The reasons.
const (
	ReasonAccepted       Reason = "accepted"        // 2xx as expected
	ReasonUnexpectedBody Reason = "unexpected_body" // 2xx with a body that we don't know
	ReasonThrottled      Reason = "throttled"       // 429
	ReasonServerError    Reason = "server_error"    // 5xx, 408
	ReasonTimeout        Reason = "timeout"         // no answer in time, after the request was written
	ReasonBroken         Reason = "broken"          // connection broken after the request was written
	ReasonConnect        Reason = "connect"         // refused, unreachable, connect timeout
	ReasonDNS            Reason = "dns"             // host name not found
	ReasonTLS            Reason = "tls"             // no TLS session
	ReasonBlocked        Reason = "blocked"         // our guard refused the address
	ReasonRedirect       Reason = "redirect"        // 3xx; never followed
	ReasonTooLarge       Reason = "too_large"       // 413
	ReasonBadRequest     Reason = "bad_request"     // 400
	ReasonSchema         Reason = "schema_mismatch" // the flow's trigger refuses the shape
	ReasonDisabled       Reason = "disabled"        // the flow is off, suspended or deleted
	ReasonUnauthorized   Reason = "unauthorized"    // 401
	ReasonForbidden      Reason = "forbidden"       // 403
	ReasonNotFound       Reason = "not_found"       // 404, 410
	ReasonOther          Reason = "other"           // anything else
	ReasonInternal       Reason = "internal"        // our own fault
	ReasonShutdown       Reason = "shutdown"        // we stopped before an answer came
	ReasonNoMail         Reason = "mail_unset"      // no mail server is set (no attempt)

	ReasonExpired        Reason = "expired"         // the message's life ended (no attempt)
	ReasonWebhookDeleted Reason = "webhook_deleted" // the webhook was deleted (no attempt)
	ReasonCancelled      Reason = "cancelled"       // a person cancelled it, or left it out at resume
	ReasonResolved       Reason = "resolved"        // a person said what became of it
)

// MaxAnswer is how many bytes of Teams' answer are kept.
const MaxAnswer = 1024

// Outcome is what came of one attempt: a value, never an error, whatever Teams
// or the network did.
type Outcome struct {
	Verdict    Verdict
	Reason     Reason
	Detail     string // one or two sentences for people: what happened and what to do; no URL, no secret
	HTTPStatus int    // 0: no answer came
	Answer     string // Teams' own words, sanitised, at most MaxAnswer bytes
	RunID      string // x-ms-workflow-run-id
	// RetryAfter is what Teams asked for, as a duration from the answer; zero: absent or malformed.
	RetryAfter time.Duration
	Took       time.Duration
}
