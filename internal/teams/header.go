package teams

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// retryAfter reads how long an answer asks to wait: whole seconds or a date,
// between MinRetryAfter and MaxRetryAfter. Zero: it doesn't ask, or not in a way
// that can be read. Of several the longest counts. A date counts from whichever
// of the two clocks makes it longer, theirs (the Date header) or ours.
func retryAfter(h http.Header, now time.Time) time.Duration {
	var longest time.Duration
	for _, v := range h.Values("Retry-After") {
		longest = max(longest, asked(strings.TrimSpace(v), h, now))
	}
	return longest
}

func asked(v string, h http.Header, now time.Time) time.Duration {
	if v != "" && strings.Trim(v, "0123456789") == "" {
		seconds, err := strconv.ParseInt(v, 10, 64)
		if err != nil || seconds > int64(MaxRetryAfter/time.Second) {
			return MaxRetryAfter
		}
		return bounded(time.Duration(seconds) * time.Second)
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	wait := at.Sub(now)
	if theirs, err := http.ParseTime(h.Get("Date")); err == nil {
		wait = max(wait, at.Sub(theirs))
	}
	return bounded(wait)
}

func bounded(wait time.Duration) time.Duration { return min(max(wait, MinRetryAfter), MaxRetryAfter) }

// runID takes the id of the flow's run if it looks like one.
func runID(v string) string {
	const longest = 128
	if len(v) > longest || strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r > '~' }) || sanitize([]byte(v)) != v {
		return ""
	}
	return v
}

// What may be a secret in the words of an answer: an address, which may be the
// webhook's own; a connector's path; a signature.
var (
	addresses  = regexp.MustCompile(`(?i)\bhttps?(://|:\\/\\/|%3a%2f%2f)[^\s"'<>]*`)
	paths      = regexp.MustCompile(`(?i)/webhook(b2)?/[^\s"'<>]*`)
	signatures = regexp.MustCompile(`(?i)(\b|26)sig[\\"']*\s*(=|:|%3d|\\u003d)\s*[\\"']*[^\s"'&<>\\]*`)
)

// sanitize makes an answer's body fit to be stored and shown: valid UTF-8, one
// line, no control or invisible characters, no address or signature, at most
// connector.MaxAnswer bytes, cut between characters.
func sanitize(body []byte) string {
	s := strings.ToValidUTF8(string(body[:min(len(body), maxRead)]), "\uFFFD")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r):
			return -1
		}
		return r
	}, s)
	s = addresses.ReplaceAllString(s, "[address]")
	s = paths.ReplaceAllString(s, "[address]")
	s = signatures.ReplaceAllString(s, "[signature]")
	s = strings.TrimSpace(s)
	if len(s) <= connector.MaxAnswer {
		return s
	}
	cut := connector.MaxAnswer
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}
