package connector

import "slices"

// Role is what a person is in an organization.
type Role int

// The roles in an organization. The numbers are stored.
const (
	RoleMember Role = iota + 1 // webhooks, messages, usage
	RoleAdmin                  // all of the organization
)

var roleNames = [...]string{"", "member", "admin"}

// String returns the word for the role that API, SQL and CLI share.
func (r Role) String() string { return name(roleNames[:], int(r)) }

// ParseRole reads the word that String writes.
func ParseRole(s string) (Role, bool) { return parse[Role](roleNames[:], s) }

// Right is one thing that people may or may not do. Tokens are made with a list
// of rights, their scopes; a token never has more than its maker.
type Right int

// The rights. Each belongs to an organization, and where the thing has one, to a subscription.
const (
	RightView      Right = iota + 1 // webhooks without their URLs, the log of messages without their texts, usage
	RightRead                       // texts of messages, and Teams' own words about them
	RightSend                       // send, test, resend, cancel and resolve messages
	RightConfigure                  // add, change, pause, resume and delete webhooks
	RightLicense                    // binding keys, instance name, orders: also of a Technical Contact, on that subscription
	RightManage                     // members, tokens, audit, reveal of a URL
	RightOperate                    // organizations, plans, quotas: only of operators
)

var rightNames = [...]string{"", "view", "read", "send", "configure", "license", "manage", "operate"}

// String returns the word for the right that scopes are written in.
func (r Right) String() string { return name(rightNames[:], int(r)) }

// ParseRight reads the word that String writes.
func ParseRight(s string) (Right, bool) { return parse[Right](rightNames[:], s) }

func parse[T ~int](names []string, s string) (T, bool) {
	i := slices.Index(names, s)
	return T(i), i > 0
}

// Actor is who does something: a person, a token, an app with binding keys, or
// whoever holds the data folder.
type Actor struct {
	// Name is who it is, for the audit: an e-mail address, "token CI", "command line: root".
	Name   string
	Person PersonID // empty: it is no person
	Token  TokenID  // empty: it came without a token
	// Shell: it holds the data folder itself, so nothing can be kept from it.
	Shell bool
	// Operator runs the installation: sees ids, states and figures of all, never texts or URLs.
	Operator bool
	Roles    map[OrganizationID]Role
	// Contact are the subscriptions that it is the Technical Contact of.
	Contact map[SubscriptionID]bool
	// Keys: it came with binding keys and sees its own subscription only. Nil: it did not.
	Keys *License
	// Scopes are all that a token may do, however much its maker may; nil: no such limit.
	Scopes []Right
}

// Sees reports whether the actor may know that anything of this organization,
// and where one is named, of this subscription, exists. What an actor does not
// see answers as if it did not exist.
func (a *Actor) Sees(org OrganizationID, sub SubscriptionID) bool {
	switch {
	case a.Keys != nil:
		return a.Keys.Organization == org && (sub == "" || a.Keys.Subscription == sub)
	case a.Shell, a.Operator, sub != "" && a.Contact[sub]:
		return true
	}
	return a.Roles[org] > 0
}

// May reports whether the actor has a right in an organization, or, where one is
// named, on a subscription of it.
func (a *Actor) May(do Right, org OrganizationID, sub SubscriptionID) bool {
	switch {
	case !a.Sees(org, sub), a.Scopes != nil && !slices.Contains(a.Scopes, do):
		return false
	case a.Shell:
		return true
	case a.Keys != nil:
		return do == RightView || do == RightRead || do == RightSend
	case a.Operator && (do == RightOperate || do == RightView || do == RightLicense || do == RightManage):
		return true
	case sub != "" && a.Contact[sub] && do == RightLicense:
		return true
	}
	role := a.Roles[org]
	switch do {
	case RightView, RightRead, RightSend, RightConfigure:
		return role >= RoleMember
	case RightLicense, RightManage:
		return role >= RoleAdmin
	case RightOperate:
	}
	return false
}
