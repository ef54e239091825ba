package store

import (
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// Status is how far a subscription has come.
type Status int

// The statuses of a subscription. The numbers are stored.
const (
	StatusRequested Status = iota + 1 // ordered, not approved yet
	StatusActive                      // messages are accepted
	StatusExpired                     // its term is over
	StatusCancelled                   // ended by people
)

// String returns the word for the status that API, CLI and logs share.
func (s Status) String() string {
	words := statusWords()
	if s <= 0 || int(s) >= len(words) {
		return "unknown"
	}
	return words[s]
}

// ParseStatus reads the word that String writes.
func ParseStatus(word string) (Status, bool) {
	i := slices.Index(statusWords(), word)
	return Status(i), i > 0
}

func statusWords() []string { return []string{"", "requested", "active", "expired", "cancelled"} }

// StatusNow is the status as people read it: an active subscription past its end has expired.
func (s *Subscription) StatusNow(now time.Time) Status {
	if s.Status == StatusActive && !s.Valid(now) {
		return StatusExpired
	}
	return s.Status
}

// Organization is a company.
type Organization struct {
	ID        connector.OrganizationID
	Name      string
	Created   time.Time
	Suspended time.Time // since when it may not send; zero: it may
	Version   int64
}

// OrganizationChange changes what is not nil.
type OrganizationChange struct {
	Organization connector.OrganizationID
	Version      int64 // must stand; 0: any
	Name         *string
	Suspended    *bool
	By           string
}

// Plan is what an organization may subscribe to.
type Plan struct {
	ID           connector.PlanID
	Name         string
	Price        string // shown, never charged
	Trial        bool
	WebhookQuota int // 0: no limit
	MessageQuota int // a month; 0: no limit
	TermMonths   int // 0: no end
	Version      int64
}

// Contact is a subscription's Technical Contact.
type Contact struct{ FirstName, LastName, Email string }

// Subscription is an organization's use of the service under a plan.
type Subscription struct {
	ID               connector.SubscriptionID
	Row              int64
	Organization     connector.OrganizationID
	OrganizationName string
	Plan             string
	Trial            bool // its plan is one to try
	InstanceName     string
	Status           Status // as stored; see Valid
	Starts, Expires  time.Time
	Ended            time.Time // when it was cancelled; zero: it was not
	WebhookQuota     int       // 0: no limit
	MessageQuota     int       // a month; 0: no limit
	Contact          Contact
	Notify           []string // addresses that get its warnings; none: the Technical Contact
	Created          time.Time
	Version          int64
}

// Valid reports whether messages are accepted at that time.
func (s *Subscription) Valid(now time.Time) bool {
	return s.Status == StatusActive && (s.Expires.IsZero() || s.Expires.After(now))
}

// NewSubscription is what CreateSubscription needs.
type NewSubscription struct {
	Organization connector.OrganizationID
	Plan         string // its name: trial, standard, enterprise
	InstanceName string // unique in the organization, whatever its case
	// WebhookQuota and MessageQuota replace the plan's; nil: the plan's.
	WebhookQuota, MessageQuota *int
	// Expires replaces the plan's term; zero: by the plan.
	Expires time.Time
	// Endless: no end, whatever the plan's term.
	Endless bool
	// Requested: it waits for the approval of its order.
	Requested bool
	Contact   Contact
	By        string // who does it, for the audit
}

// SubscriptionChange changes what is not nil.
type SubscriptionChange struct {
	Subscription connector.SubscriptionID
	Version      int64 // must stand; 0: any
	// Plan is another plan's id or name: its quotas and its term hold from now on, unless they are given here.
	Plan                       *string
	Contact                    *Contact
	Notify                     *[]string
	InstanceName               *string
	Status                     *Status
	Expires                    *time.Time // the zero time: no end
	WebhookQuota, MessageQuota *int
	By                         string
}

// Keys is a pair of binding keys without its secret.
type Keys struct {
	ID                connector.KeysID
	Subscription      connector.SubscriptionID
	Name              string
	LicenseKey        string
	CreatedBy         string
	Created, LastUsed time.Time // LastUsed is exact to a minute; zero: never
}

// KeysRow is what a license key stands for.
type KeysRow struct {
	License    connector.License
	SecretHash [32]byte
}

// NewKeys is what CreateKeys needs.
type NewKeys struct {
	Subscription connector.SubscriptionID
	Name         string
	LicenseKey   string
	SecretHash   [32]byte
	By           string
}

// NewWebhook is what CreateWebhook needs.
type NewWebhook struct {
	Subscription connector.SubscriptionID
	Name         string // unique in the subscription
	URL          connector.Secret
	Host         string // of the URL; all of it that is ever shown
	FlowOwner    string // empty: nobody is named
	Profile      connector.Profile
	Payload      connector.Payload
	Settings     connector.Settings // all zero: the defaults
	By           string
}

// WebhookRow is a webhook as it stands, without its URL.
type WebhookRow struct {
	connector.Webhook
	connector.Settings
	Subscription connector.SubscriptionID
	FlowOwner    string
	Lane         connector.LaneID
	State        connector.LaneState
	Cause        string
	URLVersion   int64
	Version      int64 // of the settings
	// SameURL names the other webhooks of the organization that post to the same URL. Only those who save a URL fill it.
	SameURL []string
}

// SetLane is what SetLane needs: LanePaused with a cause, or LaneOpen.
type SetLane struct {
	Subscription connector.SubscriptionID
	Webhook      connector.WebhookID
	State        connector.LaneState
	Cause        string // of a pause: who paused it, a sentence for people; of a resume: what the audit says of it
	By           string
}

// NewSetup is what Setup needs: an organization with a subscription under the plan enterprise and one pair of keys.
type NewSetup struct {
	Name       string // of the organization
	Instance   string // instance name; empty: the organization's name
	Email      string // of the Technical Contact; may be empty
	KeysName   string // empty: "first keys"
	LicenseKey string
	SecretHash [32]byte
	By         string
}

// SetupRows are what Setup made.
type SetupRows struct {
	Organization Organization
	Subscription Subscription
	Keys         Keys
}

// UsageRow is what was counted for one webhook on one day (UTC).
type UsageRow struct {
	Day                                        time.Time
	Webhook                                    connector.WebhookID
	Accepted, Sent, Failed, Expired, Uncertain int
}
