package teams

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// URLKind says what stands behind a webhook URL, and so how its answers read.
type URLKind int

// The kinds of webhook URLs.
const (
	KindWorkflows URLKind = iota + 1 // a Power Automate flow
	KindLogicApp                     // an Azure Logic App, or a flow at its old address
	KindOffice365                    // the retired Office 365 connector
	KindTrusted                      // a target that the operator trusts; answers as Workflows
)

// String returns the word for the kind that logs and API share.
func (k URLKind) String() string {
	return word([]string{"", "workflows", "logic-app", "office-365", "trusted"}, int(k))
}

// Cloud says in which of Microsoft's clouds a webhook lives; zero: in none of them.
type Cloud int

// The clouds. CloudUSGov is a government host that doesn't say which of the three it is.
const (
	CloudCommercial Cloud = iota + 1
	CloudGCC
	CloudGCCHigh
	CloudDoD
	CloudUSGov
	CloudChina
)

// String returns the word for the cloud that logs and API share.
func (c Cloud) String() string {
	return word([]string{"", "commercial", "gcc", "gcc-high", "dod", "usgov", "china"}, int(c))
}

func word(words []string, i int) string {
	if i <= 0 || i >= len(words) {
		return "unknown"
	}
	return words[i]
}

// Address is what a webhook URL says about itself.
type Address struct {
	// Host is all of the URL that is ever shown: lower case, for a trusted target with its port.
	Host  string
	Kind  URLKind
	Cloud Cloud
	// Profile is what its posts are paced to unless somebody chooses another.
	Profile connector.Profile
	// Warnings are sentences for whoever saves it.
	Warnings []string
}

// ParseURL checks that raw is the URL of a Teams webhook, or lies at one of
// the trusted origins ("http://127.0.0.1:9911"), and explains what is wrong
// with it otherwise. An explanation never quotes the URL: it is a secret.
func ParseURL(raw string, trusted []string) (Address, *connector.Error) {
	if why := pasteFault(raw); why != "" {
		return Address{}, badURL(why)
	}
	u, err := url.Parse(raw)
	if err != nil { // which quotes the URL
		return Address{}, badURL("This is not a URL: it has a broken host, port or percent sign. " + copyAgain)
	}
	if why := partsFault(u, raw); why != "" {
		return Address{}, badURL(why)
	}
	if isTrusted(u, trusted) {
		return Address{Host: strings.ToLower(u.Host), Kind: KindTrusted, Profile: connector.ProfileNone}, nil
	}
	if u.Scheme != "https" {
		return Address{}, badURL(schemeFault(u))
	}
	host := strings.ToLower(u.Hostname())
	rule, ok := ruleOf(host)
	if !ok {
		return Address{}, badURL(hostFault(host))
	}
	if u.Host != u.Hostname() && u.Host != u.Hostname()+":443" {
		return Address{}, badURL("A webhook URL has no port, or the port 443. " + copyAgain)
	}
	if !rule.path.MatchString(u.EscapedPath()) {
		return Address{}, badURL(pathFault(rule, u.EscapedPath()))
	}
	if why := queryFault(rule, u.RawQuery); why != "" {
		return Address{}, badURL(why)
	}
	return rule.address(host, u.EscapedPath()), nil
}

func badURL(why string) *connector.Error { return connector.Invalid("/url", "%s", why) }

// partsFault refuses what makes two readers see different hosts in one URL.
func partsFault(u *url.URL, raw string) string {
	switch {
	case u.User != nil:
		return "The URL has a user name before its host (an @). A webhook URL has none. " + copyAgain
	case strings.Contains(raw, "#"):
		return "The URL has a # in it. A webhook URL has none. " + copyAgain
	case u.Opaque != "" || u.Hostname() == "":
		return "The URL has no host. " + copyAgain
	}
	return ""
}

// isTrusted reports whether the URL lies at exactly one of the origins.
func isTrusted(u *url.URL, trusted []string) bool {
	origin := originOf(u)
	for _, t := range trusted {
		if o, err := url.Parse(t); err == nil && o.Hostname() != "" && originOf(o) == origin {
			return true
		}
	}
	return false
}

// originOf writes scheme, host and port in one way; "" for what is not HTTP.
func originOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	if port == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + " " + port
}

// KindOf tells the kind of a URL that ParseURL accepted.
func KindOf(raw string) URLKind {
	u, err := url.Parse(raw)
	if err != nil {
		return KindTrusted
	}
	if rule, ok := ruleOf(strings.ToLower(u.Hostname())); ok && u.Scheme == "https" && rule.path.MatchString(u.EscapedPath()) {
		return rule.address("", u.EscapedPath()).Kind
	}
	return KindTrusted
}

// hostFault explains a host that is not a webhook's.
func hostFault(host string) string {
	for _, p := range pages {
		if host == p.host || strings.HasSuffix(host, "."+p.host) {
			return p.why
		}
	}
	if _, err := netip.ParseAddr(host); err == nil || numeric(host) {
		return "The URL's host is a network address. A webhook URL of Teams has a host name of Microsoft's; " + allowHost
	}
	for _, r := range hostRules {
		if strings.Contains(host, strings.TrimPrefix(r.suffix, ".")) {
			return "The URL's host looks like Microsoft's, but it is not: something stands before, behind or inside the name that doesn't belong there. " + copyAgain
		}
	}
	return "The URL's host is not one of Microsoft's webhook hosts. " + copyAgain + " If it is a gateway of your own, " + allowHost
}

// numeric reports whether every label of a host is a number, as some readers
// take for an address: 2130706433, 0x7f.1, 127.1.
func numeric(host string) bool {
	for part := range strings.SplitSeq(host, ".") {
		digits := strings.TrimPrefix(part, "0x")
		if strings.Trim(digits, "0123456789abcdef") != "" || digits == part && strings.Trim(part, "0123456789") != "" {
			return false
		}
	}
	return true
}

// schemeFault explains a URL that is not https.
func schemeFault(u *url.URL) string {
	if u.Scheme != "http" {
		return "A webhook URL begins with https://. " + copyAgain
	}
	if _, ok := ruleOf(strings.ToLower(u.Hostname())); ok {
		return "The URL begins with http://, which Microsoft doesn't serve and which would show it to everyone on the way. Write https:// instead."
	}
	return "The URL begins with http:// and its host is not one of Microsoft's. A webhook URL begins with https://; " + allowHost
}
