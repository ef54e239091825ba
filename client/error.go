package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// What errors.Is can ask about an error of Send.
var (
	ErrLicenseInvalid      = errors.New("license invalid")      // wrong, deleted or missing keys
	ErrSubscriptionExpired = errors.New("subscription expired") // it is over or cancelled
	ErrQuotaExhausted      = errors.New("quota exhausted")      // the plan's messages are used up
	ErrWebhookNotFound     = errors.New("webhook not found")    // no such Webhook ID in this subscription
	ErrInvalid             = errors.New("invalid message")      // a field is wrong; Error.Fields says which
	ErrTooLarge            = errors.New("message too large")    // for Teams, or for the service
	ErrKeyReused           = errors.New("message key reused")   // the same key with other content
	ErrRateLimited         = errors.New("rate limited")         // too many calls; Error.RetryAfter says how long to wait
	ErrBacklogFull         = errors.New("backlog full")         // the webhook's queue can't be worked off in time
	ErrNotAccepted         = errors.New("not accepted")         // the service can't store messages now
	ErrNotReached          = errors.New("service not reached")  // no answer, or one of something else than a Teams Connector
	// ErrUnknown: a try of the call ended without an answer, so the message may be stored. Send it
	// again with the same Message.Key only. An error that does not match it means: certainly not stored.
	ErrUnknown = errors.New("the message may be stored")
)

// Error is the service's answer when it did not take a message.
type Error struct {
	Code      string // what programs branch on, such as "license_invalid"; empty: not the service's own answer
	Status    int    // of HTTP
	Message   string // for people: what is wrong and what to do
	RequestID string // for the service's operator
	Fields    []FieldError
	// RetryAfter is how long the service asks to wait; zero: it does not say.
	RetryAfter time.Duration
}

// FieldError names one wrong field by its JSON pointer.
type FieldError struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

// Error says the sentence, the code and where to look.
func (e *Error) Error() string {
	text := e.Message
	if e.Code != "" {
		text = e.Code + ": " + text
	}
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// Is matches the errors of this package by code. What is not an answer of the
// service itself, such as a proxy's or another server's, counts as not reached.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrLicenseInvalid:
		return e.Code == "license_invalid"
	case ErrSubscriptionExpired:
		return e.Code == "subscription_expired"
	case ErrQuotaExhausted:
		return e.Code == "message_quota_exhausted" || e.Code == "webhook_quota_exhausted"
	case ErrWebhookNotFound:
		return e.Code == "webhook_not_found"
	case ErrInvalid:
		return e.Code == "invalid_field" || e.Code == "invalid_json"
	case ErrTooLarge:
		return e.Code == "too_large"
	case ErrKeyReused:
		return e.Code == "message_key_reused"
	case ErrRateLimited:
		return e.Code == "rate_limited"
	case ErrBacklogFull:
		return e.Code == "backlog_full"
	case ErrNotAccepted:
		return e.Code == "not_accepted"
	case ErrNotReached:
		return e.Code == ""
	case ErrUnknown:
		return e.unknown()
	}
	return false
}

// unknown reports whether the message may be stored in spite of this answer: the
// commit's end is not known, or a gateway gave up waiting for the service.
func (e *Error) unknown() bool {
	return e.Code == "accept_unknown" || e.Code == "internal" || e.Code == "" && e.Status >= http.StatusInternalServerError
}

func newError(res *http.Response, answer []byte) *Error {
	e := &Error{Status: res.StatusCode, RequestID: res.Header.Get("X-Request-Id")}
	var problem struct {
		Code    string       `json:"code"`
		Message string       `json:"message"`
		Errors  []FieldError `json:"errors"`
	}
	if err := json.Unmarshal(answer, &problem); err == nil {
		e.Code, e.Message, e.Fields = problem.Code, problem.Message, problem.Errors
	}
	if e.Message == "" {
		e.Message = fmt.Sprintf("The answer was HTTP %d %s, not one of a Teams Connector. Check the service's URL and what stands between.",
			res.StatusCode, http.StatusText(res.StatusCode))
	}
	e.RetryAfter = retryAfter(res.Header.Get("Retry-After"))
	return e
}

// retryAfter reads seconds or a date; anything else counts as absent.
func retryAfter(s string) time.Duration {
	if n, err := strconv.Atoi(s); err == nil {
		const most = 24 * 60 * 60
		return time.Duration(min(max(n, 0), most)) * time.Second
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return 0
	}
	return max(0, time.Until(at))
}
