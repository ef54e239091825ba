package connector

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Profile is the set of Microsoft's limits that a webhook's group is paced to.
type Profile int

// The profiles. The numbers are stored; internal/lane holds their windows.
const (
	ProfileFlowBot    Profile = iota + 1 // Workflows, posts as Flow bot
	ProfilePostAsUser                    // Workflows, posts as a user
	ProfileLogicApp                      // Azure Logic Apps
	ProfileOffice365                     // the retired Office 365 connector
	ProfileNone                          // no pacing of ours; a 429 is still obeyed
)

var profileNames = [...]string{"", "flow-bot", "post-as-user", "logic-app", "office-365", "none"}

// String returns the word for the profile that API, SQL and CLI share.
func (p Profile) String() string { return name(profileNames[:], int(p)) }

// ParseProfile reads the word that String writes.
func ParseProfile(s string) (Profile, bool) { return parse[Profile](profileNames[:], s) }

// Payload is the shape in which a plain text goes out.
type Payload int

// The payloads. The numbers are stored.
const (
	PayloadAdaptive Payload = iota + 1 // an Adaptive Card in an envelope: every flow template takes it
	PayloadText                        // {"text":...}: only the newer flow template takes it
)

var payloadNames = [...]string{"", "adaptive", "text"}

// String returns the word for the payload that API, SQL and CLI share.
func (p Payload) String() string { return name(payloadNames[:], int(p)) }

// ParsePayload reads the word that String writes.
func ParsePayload(s string) (Payload, bool) { return parse[Payload](payloadNames[:], s) }

// Order is what a webhook promises about the order in which posts appear.
type Order int

// The orders. The numbers are stored.
const (
	OrderBestEffort Order = iota + 1 // sent in order; Microsoft's runs start in parallel, so close posts may swap
	OrderGuaranteed                  // the flow's trigger has a concurrency of 1, so posts appear as they were sent
)

var orderNames = [...]string{"", "best-effort", "guaranteed"}

// String returns the word for the order that API, SQL and CLI share.
func (o Order) String() string { return name(orderNames[:], int(o)) }

// ParseOrder reads the word that String writes.
func ParseOrder(s string) (Order, bool) { return parse[Order](orderNames[:], s) }

// OnUnclear is what happens after an attempt whose end is unknown.
type OnUnclear int

// What may happen then. The numbers are stored.
const (
	UnclearRepeat OnUnclear = iota + 1 // it is tried again: the channel may show it twice
	UnclearAsk                         // the message ends uncertain, and a person decides
)

var unclearNames = [...]string{"", "repeat", "ask"}

// String returns the word for the choice that API, SQL and CLI share.
func (o OnUnclear) String() string { return name(unclearNames[:], int(o)) }

// ParseOnUnclear reads the word that String writes.
func ParseOnUnclear(s string) (OnUnclear, bool) { return parse[OnUnclear](unclearNames[:], s) }

// Settings are the choices of a webhook about how its messages go out.
type Settings struct {
	// Combine puts waiting texts into one card when the window is short.
	Combine   bool
	Order     Order
	OnUnclear OnUnclear
	// Urgent: in its group it goes first.
	Urgent bool
	// MessageLife is how long a message may wait when the app does not say; zero: 24 h.
	MessageLife time.Duration
}

// DefaultSettings are those of a webhook of which nobody chose anything.
func DefaultSettings() Settings {
	return Settings{Combine: true, Order: OrderBestEffort, OnUnclear: UnclearRepeat}
}

// Target is where a webhook's posts go and in which shape.
type Target struct {
	URL     Secret
	Payload Payload
	// Version counts the changes of the URL: an outcome of an older version stops nothing.
	Version int64
}

// MaxNameRunes is the longest name of anything, in code points.
const MaxNameRunes = 80

// CheckName returns an Error about the field at pointer unless the name may be
// used: not blank, at most 80 code points, valid UTF-8, no U+0000. Every byte
// of a good name is kept.
func CheckName(pointer, s string) *Error {
	switch {
	case !utf8.ValidString(s):
		return Invalid(pointer, "The name is not valid UTF-8.")
	case strings.ContainsRune(s, 0):
		return Invalid(pointer, "The name must not contain the character U+0000.")
	case !Visible(s):
		return Invalid(pointer, "The name is blank. Give it at least one visible character.")
	case utf8.RuneCountInString(s) > MaxNameRunes:
		return Invalid(pointer, "The name has %d characters; the limit is %d.", utf8.RuneCountInString(s), MaxNameRunes)
	}
	return nil
}

// Visible reports whether a text shows anything at all: one code point that is
// neither space, control, format character nor a blank of its own.
func Visible(s string) bool {
	for _, r := range s {
		if !unicode.In(r, unicode.White_Space, unicode.Cc, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) && r != '\u2800' {
			return true
		}
	}
	return false
}

// License is what valid binding keys stand for: which subscription sends.
type License struct {
	Organization OrganizationID
	Subscription SubscriptionID
	Keys         KeysID
	// Rows of the same in the store.
	SubscriptionRow, KeysRow int64
}

// Webhook is a Teams channel's webhook as people configure it, without its URL.
type Webhook struct {
	ID      WebhookID
	Name    string
	Host    string // of the URL; all of it that is ever shown
	Profile Profile
	Payload Payload
	Created time.Time
}
