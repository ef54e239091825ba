package api

import (
	"strconv"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/ingest"
)

// How long a caller waits for the end of its message.
const (
	DefaultWait = 10 * time.Second // when the call does not say
	MaxWait     = 55 * time.Second // below the minute at which many proxies cut a call
)

// parsePrefer reads the Prefer headers (RFC 7240) and says which of them are
// honoured. Of a preference that stands twice the first counts; what is not
// understood is ignored, as the RFC wants it.
func parsePrefer(headers []string) (w ingest.Wait, applied string) {
	w.For = DefaultWait
	waitSeen := false
	for _, h := range headers {
		for one := range strings.SplitSeq(h, ",") {
			one, _, _ = strings.Cut(one, ";") // neither preference has parameters
			name, value, _ := strings.Cut(one, "=")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "respond-async":
				w.Async = true
			case "wait":
				seconds, ok := deltaSeconds(value)
				if ok && !waitSeen {
					waitSeen = true
					w.For = min(seconds, MaxWait)
				}
			}
		}
	}
	switch {
	case w.Async:
		return w, "respond-async"
	case waitSeen:
		return w, "wait=" + strconv.Itoa(int(w.For/time.Second))
	}
	return w, ""
}

// deltaSeconds reads digits, in quotes or not. What is beyond any wait is read as MaxWait.
func deltaSeconds(s string) (time.Duration, bool) {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	if err != nil || n > int(MaxWait/time.Second) {
		return MaxWait, true
	}
	return time.Duration(n) * time.Second, true
}
