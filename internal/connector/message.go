package connector

import "time"

// Kind says what a message carries.
type Kind int

// The kinds of messages. The numbers are stored.
const (
	KindText Kind = iota + 1 // plain text
	KindCard                 // an Adaptive Card, as the app made it
	KindRich                 // a text with a title, level, facts or link
	KindMail                 // an e-mail of this service's own, which no app sends
)

var kindNames = [...]string{"", "text", "card", "rich", "mail"}

// String returns the word for the kind that the API uses.
func (k Kind) String() string { return name(kindNames[:], int(k)) }

// Content is what an app wants to have posted.
type Content struct {
	Kind Kind
	// Body is the text in UTF-8, or the card as JSON: the exact bytes that were sent to us.
	// Of KindRich it is what Rich.Encode writes, of KindMail what Mail.Encode does.
	Body []byte
}

// Message is what an app asks us to post.
type Message struct {
	ID      MessageID
	Webhook WebhookID
	Content Content
	// Key makes a repeat of the call safe: the same key and content is the same message. Empty: none.
	Key string
	// ExpiresIn is how long the message may wait before it ends expired; zero: the webhook's choice, or 24 h.
	ExpiresIn time.Duration
	// Test: it tries its webhook, before all that waits there and even while that is stopped.
	Test bool
	// ResendOf is the message that people send again with this one; empty: it is no resend.
	ResendOf MessageID
	// Trace is where the call belongs.
	Trace Trace
}

// State is how far a message has come, as stored.
type State int

// The states of a message. The numbers are stored.
const (
	StateAccepted  State = iota + 1 // durably ours, not delivered yet
	StateSent                       // Microsoft accepted it
	StatePosted                     // the flow confirmed that it is in the channel
	StateFailed                     // it will never be delivered
	StateExpired                    // its life ended before it could be delivered
	StateUncertain                  // it may be in the channel; we will not try again
)

var stateNames = [...]string{"", "accepted", "sent", "posted", "failed", "expired", "uncertain"}

// String returns the word for the state that API, SQL and logs share.
func (s State) String() string { return name(stateNames[:], int(s)) }

// ParseState reads the word that String writes.
func ParseState(s string) (State, bool) { return parse[State](stateNames[:], s) }

// Final reports whether the message has come to its end.
func (s State) Final() bool { return s > StateAccepted }

func name(names []string, i int) string {
	if i <= 0 || i >= len(names) {
		return "unknown"
	}
	return names[i]
}
