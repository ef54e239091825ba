package connector

import (
	"errors"
	"fmt"
	"time"
)

// Code says what kind of trouble a caller is in. It is part of the API: a code
// is never renamed, and programs may branch on it.
type Code string

// The codes that callers get.
const (
	InvalidJSON           Code = "invalid_json"            // the body is not JSON, or not UTF-8
	InvalidField          Code = "invalid_field"           // a field is wrong; Fields says which
	TooLarge              Code = "too_large"               // larger than Teams or this service takes
	LicenseInvalid        Code = "license_invalid"         // wrong, deleted or missing binding keys
	SubscriptionExpired   Code = "subscription_expired"    // expired or cancelled subscription
	MessageQuotaExhausted Code = "message_quota_exhausted" // the plan's messages of this month are used up
	WebhookQuotaExhausted Code = "webhook_quota_exhausted" // the plan's webhooks are all in use
	WebhookNotFound       Code = "webhook_not_found"       // no such Webhook ID in this subscription
	MessageNotFound       Code = "message_not_found"       // no such message in this subscription
	MessageKeyReused      Code = "message_key_reused"      // the same message key with other content
	NameTaken             Code = "name_taken"              // the name must be unique and is not
	NotAccepted           Code = "not_accepted"            // nothing was accepted; it can't be written now
	AcceptUnknown         Code = "accept_unknown"          // the end of the commit is unknown
	NotFound              Code = "not_found"               // no such thing, or none that the caller may know of
	RateLimited           Code = "rate_limited"            // over this service's own limit, or too many wrong secrets
	BacklogFull           Code = "backlog_full"            // the webhook's queue can't be worked off in time, or is as long as may be
	TokenInvalid          Code = "token_invalid"           // no token, or one that is wrong, expired or revoked
	Forbidden             Code = "forbidden"               // known, but this role or token may not do it
	Changed               Code = "changed"                 // If-Match names another version than the one that stands
	Conflict              Code = "conflict"                // the thing is in a state in which this can't be done
	TextRemoved           Code = "text_removed"            // the message's text was removed, so it can't be sent again
	Internal              Code = "internal"                // our fault; the log has more under the request id

	MethodNotAllowed Code = "method_not_allowed"     // the path exists, the method does not
	UnsupportedMedia Code = "unsupported_media_type" // the body is compressed; it must come as it is
	HostNotAllowed   Code = "host_not_allowed"       // the request names a host that this service does not answer for
)

// Error is trouble that the caller can understand and mend: what is wrong,
// which field, which limit, what to do next. Every other error is ours.
type Error struct {
	Code    Code
	Message string // one or two sentences for people, without a secret
	Fields  []FieldError
	// RetryAfter is how long to wait before the same call may succeed; zero: waiting won't help.
	RetryAfter time.Duration
}

// FieldError names one wrong field by its JSON pointer.
type FieldError struct {
	Pointer string // RFC 6901, e.g. "/webhookId"
	Detail  string // what is wrong with it and what would be right
}

// ErrAway is in the chain of an error that says only that the database does not
// answer now: nobody knows whether the thing is there.
var ErrAway = errors.New("the database does not answer")

// Errorf makes an Error from a code and a sentence.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Invalid makes an InvalidField error about one field.
func Invalid(pointer, format string, args ...any) *Error {
	detail := fmt.Sprintf(format, args...)
	return &Error{Code: InvalidField, Message: detail, Fields: []FieldError{{Pointer: pointer, Detail: detail}}}
}

// Error says the code and the sentence.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// NoSuch is the one answer for a thing that is not there and for one that the
// caller may not know of, so that nobody learns which ids exist.
func NoSuch(what, id string) *Error { return Errorf(NotFound, "There is no %s %s here.", what, id) }

// Refused is the answer for what the caller may know of and not do.
func Refused(need Right) *Error {
	return Errorf(Forbidden, "Your role or token does not have the right %q, which this needs. Ask an admin of the organization, or the operator, for it.", need)
}
