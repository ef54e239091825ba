package teams

import (
	"fmt"
	"net/http"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// Answer is what came back over HTTP.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Now is when it came: the start of what Retry-After asks for.
	Now time.Time
}

// Classify says what an answer means for the message and its webhook. It has a
// verdict for every status and body; Took is left to the caller. An outcome
// posted (confirmed delivery) would come from accepted.
func Classify(kind URLKind, a Answer) connector.Outcome {
	said := read(a.Body)
	o := meaning(kind, a, said)
	o.HTTPStatus = a.Status
	o.Answer = sanitize(a.Body)
	o.RunID = runID(a.Header.Get(RunIDHeader))
	if o.Verdict == connector.VerdictThrottled || o.Verdict == connector.VerdictRetry || o.Verdict == connector.VerdictUncertain {
		o.RetryAfter = retryAfter(a.Header, a.Now)
	}
	return o
}

func meaning(kind URLKind, a Answer, said reply) connector.Outcome {
	status := a.Status
	switch {
	case status >= 200 && status < 300:
		return accepted(kind, said)
	case status >= 300 && status < 400:
		return outcome(connector.VerdictRefused, connector.ReasonRedirect,
			"Teams' address answered with a redirect (HTTP %d), which is never followed. Check the webhook's URL.", status)
	case status == http.StatusTooManyRequests:
		return outcome(connector.VerdictThrottled, connector.ReasonThrottled,
			"Teams asked to send more slowly (HTTP 429). The message goes on by itself.")
	case status == http.StatusRequestEntityTooLarge:
		return tooLarge("HTTP 413")
	case status == http.StatusRequestTimeout, status >= 500 && status < 600:
		return serverError(status)
	case status >= 400 && status < 500:
		return clientError(status, said)
	case status < 200:
		return outcome(connector.VerdictUncertain, connector.ReasonOther,
			"Teams' address answered with HTTP %d, which is no end of a request: the message may have arrived. It is tried again.", status)
	}
	return outcome(connector.VerdictRefused, connector.ReasonOther,
		"Teams' address answered with HTTP %d, which is not a status of HTTP. Check the webhook's URL.", status)
}

// accepted reads a 2xx. The retired connector, and whatever still speaks its
// way, reports errors in the text of a 200; that holds for every kind of URL.
func accepted(kind URLKind, said reply) connector.Outcome {
	if said.empty || said.words == "1" {
		return outcome(connector.VerdictSent, connector.ReasonAccepted, "Microsoft accepted the message.")
	}
	if o, ok := legacy(said); ok {
		return o
	}
	if kind == KindOffice365 {
		return outcome(connector.VerdictUncertain, connector.ReasonUnexpectedBody,
			"The Office 365 connector answered with a text that this service doesn't know: the message may have arrived. It is tried again.")
	}
	return outcome(connector.VerdictSent, connector.ReasonUnexpectedBody,
		"Microsoft accepted the message, with an answer that this service doesn't know.")
}

// serverError reads 408 and 5xx. A front door that fails may have started the
// flow's run before, so these are uncertain: 502 NoResponse and 504 say that
// what stands behind it didn't answer in time, and a flow with a Response
// action may answer 408 when its run took too long [inf]. Only a server that
// says that it can't read such a request has certainly not taken it.
func serverError(status int) connector.Outcome {
	switch status {
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported, http.StatusNetworkAuthenticationRequired:
		return outcome(connector.VerdictRetry, connector.ReasonServerError,
			"The server couldn't handle the request (HTTP %d); the message was not taken. It is tried again.", status)
	}
	return outcome(connector.VerdictUncertain, connector.ReasonServerError,
		"Microsoft's server failed (HTTP %d): the message may have arrived. It is tried again.", status)
}

// clientError reads the rest of 4xx: first what the body names, then what the
// status alone says.
func clientError(status int, said reply) connector.Outcome {
	if o, ok := named(said); ok {
		return o
	}
	switch status {
	case http.StatusUnauthorized:
		return outcome(connector.VerdictGone, connector.ReasonUnauthorized, "The flow refused this service (HTTP 401). "+newURL)
	case http.StatusForbidden:
		return outcome(connector.VerdictGone, connector.ReasonForbidden, "Posting through this webhook is forbidden (HTTP 403). "+askOwner)
	case http.StatusNotFound, http.StatusGone:
		return outcome(connector.VerdictGone, connector.ReasonNotFound, "There is no webhook at this URL any more (HTTP %d): its flow was deleted or has moved. "+newURL, status)
	case http.StatusBadRequest:
		return outcome(connector.VerdictRefused, connector.ReasonBadRequest, "Teams refused this message (HTTP 400). Teams' own words say why.")
	case http.StatusProxyAuthRequired, http.StatusMisdirectedRequest, http.StatusTooEarly:
		return outcome(connector.VerdictRetry, connector.ReasonOther, "Something before Teams turned the request away (HTTP %d); the message was not taken. It is tried again.", status)
	}
	return outcome(connector.VerdictRefused, connector.ReasonOther, "Teams refused this message (HTTP %d). Teams' own words say why.", status)
}

func tooLarge(where string) connector.Outcome {
	return outcome(connector.VerdictRefused, connector.ReasonTooLarge, "The message is larger than Teams takes (%s). Send it in smaller pieces.", where)
}

func outcome(v connector.Verdict, r connector.Reason, format string, args ...any) connector.Outcome {
	return connector.Outcome{Verdict: v, Reason: r, Detail: fmt.Sprintf(format, args...)}
}

// NetErrorKind says at which point the transport failed.
type NetErrorKind int

// The points at which the transport fails.
const (
	NetDNS       NetErrorKind = iota + 1 // the host's name was not found
	NetConnect                           // refused, unreachable, connect timeout
	NetTLS                               // no TLS session
	NetBlocked                           // our guard refused the address
	NetTimeout                           // no answer in time
	NetBroken                            // the connection broke
	NetShutdown                          // this service stops
	NetCanceled                          // whoever waited gave up
	NetUntrusted                         // our settings do not allow the target
)

// NetError is a call that got no answer.
type NetError struct {
	Kind NetErrorKind
	// Wrote: the request was written, or a part of it, so that it may have arrived.
	Wrote bool
}

// ClassifyError says what a call without an answer means. What was written may
// have arrived, whatever failed after it.
func ClassifyError(e NetError) connector.Outcome {
	if e.Kind == NetBlocked {
		return outcome(connector.VerdictRefused, connector.ReasonBlocked,
			"The webhook's host leads to an address that this service doesn't connect to. Check the webhook's URL; "+allowHost)
	}
	if e.Kind == NetUntrusted {
		return outcome(connector.VerdictGone, connector.ReasonBlocked,
			"This service is not set up to call the webhook's address, which is not one of Microsoft's. The operator can allow it with --trust-target, and let the webhook go on with: teamsconnector webhook resume."+kept)
	}
	verdict, end := connector.VerdictRetry, "the message was not taken. It is tried again."
	if e.Wrote {
		verdict, end = connector.VerdictUncertain, "the message may have arrived. It is tried again."
	}
	reason, what := connector.ReasonOther, "The call failed"
	switch {
	case e.Kind == NetDNS:
		reason, what = connector.ReasonDNS, "The webhook's host was not found"
	case e.Kind == NetTLS:
		reason, what = connector.ReasonTLS, "No secure connection could be made to the webhook's host"
	case e.Kind == NetShutdown, e.Kind == NetCanceled:
		reason, what = connector.ReasonShutdown, "This service stopped before an answer came"
	case e.Kind == NetTimeout && e.Wrote:
		reason, what = connector.ReasonTimeout, "No answer came in time"
	case e.Kind == NetBroken && e.Wrote:
		reason, what = connector.ReasonBroken, "The connection broke before an answer came"
	case e.Kind == NetConnect, e.Kind == NetTimeout, e.Kind == NetBroken:
		reason, what = connector.ReasonConnect, "The webhook's host could not be reached"
	}
	return outcome(verdict, reason, "%s: %s", what, end)
}
