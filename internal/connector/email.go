package connector

import "strings"

// maxEmailBytes is the longest e-mail address that can be delivered to
// (RFC 5321, 4.5.3.1.3, less the angle brackets; erratum 1690).
const maxEmailBytes = 254

// CheckEmail finds what can't be an address at all; whether mail arrives there
// only a mail can tell.
func CheckEmail(pointer, email string) *Error {
	local, domain, found := strings.Cut(email, "@")
	switch {
	case len(email) > maxEmailBytes:
		return Invalid(pointer, "The e-mail address has %d bytes; the limit is %d.", len(email), maxEmailBytes)
	case !found, local == "", domain == "", strings.ContainsAny(email, " \t\r\n\x00<>,;"), strings.Contains(domain, "@"):
		return Invalid(pointer, "This is not an e-mail address. Give one such as jane@contoso.com.")
	}
	return nil
}
