package lane_test

import (
	"hash/fnv"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// flow is what a URL leads to: one webhook's, of one version of its URL.
type flow struct {
	lane    connector.LaneID
	version int64
}

// connection is what Microsoft counts the posts of.
type connection struct {
	profile connector.Profile
	posts   []time.Time // starts of runs
}

// cloud is Teams by Microsoft's own rules. It counts by itself and knows
// nothing of the machine's windows.
type cloud struct {
	seed     uint64
	faults   float64 // share of requests that meet one
	requests map[flow][]time.Time
	off      map[flow]bool
	asking   map[flow]time.Duration // of the next request
	owners   map[connector.GroupID]*connection
	owner    map[flow]connector.GroupID // whose connection a flow uses: it never changes
}

func newCloud(p plan) *cloud {
	c := &cloud{
		seed: p.seed, faults: p.faults, requests: map[flow][]time.Time{}, off: map[flow]bool{},
		asking: map[flow]time.Duration{}, owners: map[connector.GroupID]*connection{}, owner: map[flow]connector.GroupID{},
	}
	return c
}

// lot draws a number in [0,1) that depends on nothing but its name.
func (c *cloud) lot(what string, id connector.MessageID, n int) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte{byte(c.seed), byte(c.seed >> 8), byte(c.seed >> 16), byte(c.seed >> 24), byte(n)}) // never fails
	_, _ = h.Write([]byte(what))
	_, _ = h.Write([]byte(id))
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd // the last byte must reach the high bits
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}

// reply is what comes of a request: what the client sees, and what Teams did.
type reply struct {
	outcome connector.Outcome
	runs    bool // a flow's run started, whatever the client was told
}

// takes is how long an attempt will take: most answer soon, some hang until the door gives up.
func (c *cloud) takes(id connector.MessageID, n int) time.Duration {
	if c.fate(id, n) == "hangs" {
		return 30 * time.Second
	}
	return 20*time.Millisecond + time.Duration(c.lot("took", id, n)*float64(time.Second)).Truncate(time.Microsecond)
}

var fates = [...]string{"hangs", "cut", "busy", "slow down", "no route", "bad text", "bad shape", "turned off", "panic", "server"}

// fate is the fault that attempt n at a message meets; empty: none.
func (c *cloud) fate(id connector.MessageID, n int) string {
	if c.lot("fault", id, n) >= c.faults {
		return ""
	}
	return fates[int(c.lot("which", id, n)*float64(len(fates)))]
}

// arrive is a request at the door.
func (c *cloud) arrive(f flow, a *attempt, now time.Time) reply {
	id, n := a.id, a.n
	c.requests[f] = append(c.requests[f], now)
	if c.off[f] {
		return answered(connector.VerdictGone, connector.ReasonDisabled)
	}
	if wait, ok := c.asking[f]; ok {
		delete(c.asking, f)
		return throttledFor(wait)
	}
	for _, member := range a.ids {
		if c.lot("rotten", member, 0) < c.faults/8 { // a card is refused for the one bad text in it
			return answered(connector.VerdictRefused, connector.ReasonTooLarge)
		}
	}
	half := c.lot("half", id, n) < 0.5
	switch c.fate(id, n) {
	case "hangs":
		return reply{answered(connector.VerdictUncertain, connector.ReasonTimeout).outcome, half}
	case "cut":
		return reply{answered(connector.VerdictUncertain, connector.ReasonBroken).outcome, half}
	case "panic":
		return reply{answered(connector.VerdictUncertain, connector.ReasonInternal).outcome, half}
	case "busy":
		r := throttledFor(time.Duration(c.lot("wait", id, n) * float64(20*time.Minute)).Truncate(time.Second))
		r.outcome.Verdict = connector.VerdictRetry
		return r
	case "slow down":
		if half {
			return throttledFor(0)
		}
		return throttledFor(time.Duration(c.lot("wait", id, n) * float64(time.Hour)).Truncate(time.Second))
	case "no route":
		return answered(connector.VerdictRetry, connector.ReasonConnect)
	case "server":
		return answered(connector.VerdictRetry, connector.ReasonServerError)
	case "bad text":
		return answered(connector.VerdictRefused, connector.ReasonBadRequest)
	case "bad shape":
		return answered(connector.VerdictRefused, connector.ReasonSchema)
	case "turned off":
		c.off[f] = true
		return answered(connector.VerdictGone, connector.ReasonDisabled)
	}
	if c.lot("confirmed", id, 0) < 0.1 {
		return reply{answered(connector.VerdictPosted, connector.ReasonAccepted).outcome, true}
	}
	return reply{answered(connector.VerdictSent, connector.ReasonAccepted).outcome, true}
}

func answered(v connector.Verdict, r connector.Reason) reply {
	return reply{outcome: connector.Outcome{Verdict: v, Reason: r, Detail: string(r) + "."}}
}

func throttledFor(d time.Duration) reply {
	r := answered(connector.VerdictThrottled, connector.ReasonThrottled)
	r.outcome.RetryAfter = d
	return r
}

// ceiling is one of Microsoft's limits: at most n in any span of that length.
type ceiling struct {
	n   int
	per time.Duration
}

// runLimits are what a connection's runs may post, by Microsoft's documents.
func runLimits(p connector.Profile) []ceiling {
	switch p {
	case connector.ProfileFlowBot:
		return []ceiling{{25, 300 * time.Second}}
	case connector.ProfilePostAsUser:
		return []ceiling{{300, 300 * time.Second}, {100, time.Minute}}
	case connector.ProfileOffice365:
		return []ceiling{{100, time.Hour}}
	case connector.ProfileLogicApp, connector.ProfileNone:
	}
	return nil
}

// frontDoor is what one webhook's door takes.
func frontDoor(p connector.Profile) []ceiling {
	if p == connector.ProfileNone || p == connector.ProfilePostAsUser {
		return nil // an operator's own front; a user's connection is bounded by its calls per minute
	}
	return []ceiling{{4, time.Second}}
}

// over reports whether the newest of the times breaks a limit.
func over(times []time.Time, limits []ceiling) bool {
	for _, m := range limits {
		last := len(times) - 1
		if first := last - m.n; first >= 0 && times[last].Sub(times[first]) < m.per {
			return true
		}
	}
	return false
}
