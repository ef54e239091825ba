package connector

import (
	"strings"
)

// Public ids are a prefix and a UUIDv7 in lower-case Crockford base32, 26
// characters: they sort by the time they were made, hold no look-alike letters
// and can be told apart at a glance.
type (
	// OrganizationID names a company: org_...
	OrganizationID string
	// SubscriptionID names an organization's use of the service: sub_...
	SubscriptionID string
	// KeysID names a pair of binding keys: keys_...
	KeysID string
	// WebhookID is what an app sends to: wh_...
	WebhookID string
	// MessageID names a message: msg_...
	MessageID string
	// PersonID names somebody who signs in: per_...
	PersonID string
	// SignInID names a browser that a person signed in with: ses_...
	SignInID string
	// TokenID names a token of a person or an organization: tok_...
	TokenID string
	// PlanID names a plan: trial, standard and enterprise are shipped, plan_... are made.
	PlanID string
	// OrderID names an order: ord_...
	OrderID string
	// DirectoryID names where the people of an organization come from: dir_...
	DirectoryID string
)

// The prefixes of public ids, one per noun.
const (
	OrganizationPrefix = "org_"
	SubscriptionPrefix = "sub_"
	KeysPrefix         = "keys_"
	WebhookPrefix      = "wh_"
	MessagePrefix      = "msg_"
	PersonPrefix       = "per_"
	SignInPrefix       = "ses_"
	TokenPrefix        = "tok_"
	PlanPrefix         = "plan_"
	OrderPrefix        = "ord_"
	DirectoryPrefix    = "dir_"
)

// crockford is the alphabet of public ids, without i, l, o and u.
const crockford = "0123456789abcdefghjkmnpqrstvwxyz"

const idChars = 26 // 128 bits in groups of five

// PublicID writes a UUID behind a prefix. The first character holds the top
// three bits, so that the text sorts as the UUID does.
func PublicID(prefix string, uuid [16]byte) string {
	b := make([]byte, len(prefix)+idChars)
	copy(b, prefix)
	hi, lo := halves(uuid)
	for i := idChars - 1; i >= 0; i-- {
		b[len(prefix)+i] = crockford[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(b)
}

func halves(uuid [16]byte) (hi, lo uint64) {
	for i := range 8 {
		hi = hi<<8 | uint64(uuid[i])
		lo = lo<<8 | uint64(uuid[i+8])
	}
	return hi, lo
}

// ValidID reports whether s is a public id with that prefix: 26 characters of
// the alphabet that fit in 128 bits. It says nothing of whether the thing exists.
func ValidID(prefix, s string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok || len(rest) != idChars || rest[0] > '7' {
		return false
	}
	for i := range len(rest) {
		if strings.IndexByte(crockford, rest[i]) < 0 {
			return false
		}
	}
	return true
}
