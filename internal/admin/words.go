package admin

import "github.com/teamsconnector/teamsconnector/internal/store"

// What the faces say of rows, which they never fetch themselves.
type (
	// OrganizationRow is a company as it is kept.
	OrganizationRow = store.Organization
	// SubscriptionRow is a subscription as it is kept.
	SubscriptionRow = store.Subscription
	// Contact is a subscription's Technical Contact.
	Contact = store.Contact
	// KeysRow is a pair of binding keys without its secret.
	KeysRow = store.Keys
	// Member is a person of an organization.
	Member = store.Member
	// MemberChange changes the role of a member.
	MemberChange = store.MemberChange
	// TokenRow is a token without its text.
	TokenRow = store.Token
	// TokenOwner says whose tokens are meant.
	TokenOwner = store.TokenOwner
	// AuditEntry is one change that somebody made.
	AuditEntry = store.AuditEntry
	// WebhookRow is a webhook as it is kept, without its URL.
	WebhookRow = store.WebhookRow
	// MessageEntry is a message as the log shows it.
	MessageEntry = store.MessageEntry
	// MessagePage is a part of the log of messages.
	MessagePage = store.MessagePage
	// SubscriptionStatus is how far a subscription has come.
	SubscriptionStatus = store.Status
)

// ParseStatus reads the word for the status of a subscription.
func ParseStatus(word string) (SubscriptionStatus, bool) { return store.ParseStatus(word) }
