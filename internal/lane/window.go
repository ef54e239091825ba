package lane

import (
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

// limit allows at most n sends in any span of time that is per long.
type limit struct {
	n   int
	per time.Duration
}

// limits are Microsoft's limits (internal/teams has them with their sources)
// less a margin, because a flow's run starts 0.2 to 3 s after the request and
// requests jitter on their way.
func limits(p connector.Profile) []limit {
	const late = 5 * time.Second
	door := limit{teams.FrontDoorRate - 1, time.Second}
	switch p {
	case connector.ProfileFlowBot:
		return []limit{{teams.RunPosts - 1, teams.RunWindow + late}, door}
	case connector.ProfilePostAsUser:
		return []limit{
			{teams.ConnectionCalls - 10, teams.ConnectionWindow + 3*time.Second}, {teams.UserPosts - 10, teams.RunWindow + late},
		}
	case connector.ProfileLogicApp:
		return []limit{door}
	case connector.ProfileOffice365:
		return []limit{door, {teams.Office365Posts - 10, teams.Office365Window + late}}
	case connector.ProfileNone:
		return nil
	}
	return limits(connector.ProfileFlowBot) // an unknown profile is paced to the strictest
}

// window is a sliding log of sends: never a bucket, because a bucket of 25
// that refills one per 12 s lets 49 through in one span.
type window struct {
	limits []limit
	// log holds the ends of sends, oldest first: the latest moment at which Microsoft may have counted each.
	log []time.Time
	// flying counts sends (and loads that will become one) whose end is not known yet.
	flying int
}

// never is later than any time that a window names.
var never = time.Unix(1<<40, 0)

func newWindow(p connector.Profile, recent []time.Time) *window {
	return &window{limits: limits(p), log: append([]time.Time(nil), recent...)}
}

// free returns the earliest time at which one more send may start: not later
// than now when it may start at once, never while it hangs on a send in flight.
func (w *window) free(now time.Time) time.Time {
	at := now
	for _, l := range w.limits {
		i := len(w.log) + w.flying - l.n // this entry must be older than the span
		if i < 0 {
			continue
		}
		if i >= len(w.log) {
			return never
		}
		if t := w.log[i].Add(l.per); t.After(at) {
			at = t
		}
	}
	return at
}

// land records the end of a send that was flying.
func (w *window) land(now time.Time) {
	w.flying--
	w.add(now)
}

// add records a send that ended now, and forgets what no span reaches any more.
func (w *window) add(now time.Time) {
	if len(w.limits) == 0 {
		return
	}
	w.log = append(w.log, now)
	drop := 0
	for drop < len(w.log) && w.forgotten(drop, now) {
		drop++
	}
	if drop > 0 {
		w.log = append(w.log[:0], w.log[drop:]...)
	}
}

// forgotten reports whether entry i can't matter: for each limit it is too old or too far back.
func (w *window) forgotten(i int, now time.Time) bool {
	for _, l := range w.limits {
		if len(w.log)-i <= l.n && now.Sub(w.log[i]) < l.per {
			return false
		}
	}
	return true
}

// recent returns a copy of the log for the store.
func (w *window) recent() []time.Time { return append([]time.Time(nil), w.log...) }

// longest returns the limit that looks back furthest; zero: there is none.
func (w *window) longest() (most limit) {
	for _, l := range w.limits {
		if l.per > most.per {
			most = l
		}
	}
	return most
}

// maxForecast bounds the work of one forecast; what lies behind is reckoned by the mean rate.
const maxForecast = 2000

// nth returns when the n-th send from now may start if nothing else happens.
func (w *window) nth(now time.Time, n int) time.Time {
	if len(w.limits) == 0 || n <= 0 {
		return now
	}
	sim := window{limits: w.limits, log: w.recent()}
	for range w.flying {
		sim.add(now)
	}
	at := now
	for range min(n, maxForecast) {
		if t := sim.free(at); t.After(at) {
			at = t
		}
		sim.add(at)
	}
	if rest := n - maxForecast; rest > 0 {
		at = at.Add(time.Duration(float64(rest) * float64(w.slowest())))
	}
	return at
}

// slowest returns the mean time between sends that the limits allow for ever.
func (w *window) slowest() time.Duration {
	var d time.Duration
	for _, l := range w.limits {
		d = max(d, l.per/time.Duration(l.n))
	}
	return d
}
