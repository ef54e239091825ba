package simulator

import (
	"log/slog"
	"time"
)

// Options say how this Teams behaves. The zero value answers at once, posts at
// once, keeps Microsoft's limits and never errs.
type Options struct {
	// Seed decides everything that is left to chance.
	Seed uint64
	// Latency is how long the front door takes to answer. Zero: no time.
	Latency Latency
	// RunDelay is how long after its acceptance a run starts. Zero: at once.
	RunDelay RunDelay
	// Limits are Microsoft's unless set.
	Limits Limits
	// TwiceIn makes one run in so many post twice: Logic Apps is at-least-once. Zero: none.
	TwiceIn int
	// RetryAfter is what a throttled request is asked to wait. Zero: 2 s.
	RetryAfter time.Duration
	// RetryForms are the forms of Retry-After that a throttled request may get. Empty: all of them.
	RetryForms []RetryForm
	// Stall is how long the slow faults take. Zero: 15 s.
	Stall time.Duration
	// CountOnly makes this a sink for benchmarks: it counts requests and bodies, reads no
	// text, runs no flow, keeps no transcript.
	CountOnly bool
	// KeepAll lets the oracle remember every message. Without it, the newest 500 of each flow.
	KeepAll bool
	// Sequence gives a message's place in the order that its sender meant, as a text that sorts;
	// empty: it has none. Nil: the x-ms-client-tracking-id as it is. See ByNumber.
	Sequence func(text, trackingID string) string
	// Title stands over the page. Empty: "Microsoft Teams, simulated".
	Title string
	// Logger gets what goes wrong in the page. Nil: nobody.
	Logger *slog.Logger
}

// Latency is a log-normal distribution, or a fixed time.
type Latency struct {
	// Fixed, where set, is the one latency: a slow sink.
	Fixed       time.Duration
	Median, P99 time.Duration
}

// RunDelay is a uniform distribution.
type RunDelay struct{ Min, Max time.Duration }

// RealLatency is what senders see of the real front door: median 150 ms, 99th
// percentile 2 s.
func RealLatency() Latency { return Latency{Median: 150 * time.Millisecond, P99: 2 * time.Second} }

// RealRunDelay is when real runs start: 0.2 to 3 s after the answer.
func RealRunDelay() RunDelay { return RunDelay{Min: 200 * time.Millisecond, Max: 3 * time.Second} }

// Limits are what this Teams allows. In each field zero means Microsoft's own
// figure, and a negative number no limit.
type Limits struct {
	// DoorPerSecond is how many requests a webhook takes in any second. Zero: 4.
	DoorPerSecond int
	// RunPosts is how many posts a connection makes in any RunWindow. Zero: 25, as a user 300.
	RunPosts int
	// RunWindow is the length of the window of RunPosts. Zero: 300 s.
	RunWindow time.Duration
	// PostBytes is the largest post, escaped once more as a JSON string. Zero: 28,672.
	PostBytes int
}

// Microsoft's figures, collected 2026-11.
const (
	// More than 4 requests a second are throttled. [doc] learn.microsoft.com,
	// "Create and send messages with incoming webhooks", rate limiting.
	doorPerSecond = 4
	// A Flow bot connection makes 25 posts per 300 s, a user's 300. [doc]
	// learn.microsoft.com/connectors/teams, throttling limits, 2026-05-09.
	runPosts       = 25
	runPostsAsUser = 300
	runWindow      = 300 * time.Second
	// "The payload is too large. Please make sure the size is less than 28KB." [obs] in run
	// histories; 24,453 bytes sent were counted as 28,897, so the count is after Teams' own
	// serialisation of the card into a JSON string.
	postBytes = 28_672
	// [inf] The largest request that the front door reads.
	requestBytes = 1 << 20
)

const (
	defaultRetryAfter = 2 * time.Second
	defaultStall      = 15 * time.Second
	longRetryAfter    = 600 * time.Second
	keptPosts         = 500 // per flow, on the page and in the oracle
	keptNotes         = 100 // per flow, on the page
)

func (l Limits) withDefaults() Limits {
	if l.DoorPerSecond == 0 {
		l.DoorPerSecond = doorPerSecond
	}
	if l.RunWindow == 0 {
		l.RunWindow = runWindow
	}
	if l.PostBytes == 0 {
		l.PostBytes = postBytes
	}
	return l
}

// posts is the limit of a connection, or a negative number for none.
func (l Limits) posts(asUser bool) int {
	switch {
	case l.RunPosts != 0:
		return l.RunPosts
	case asUser:
		return runPostsAsUser
	default:
		return runPosts
	}
}

func (o Options) withDefaults() Options {
	o.Limits = o.Limits.withDefaults()
	if o.RetryAfter <= 0 {
		o.RetryAfter = defaultRetryAfter
	}
	if len(o.RetryForms) == 0 {
		o.RetryForms = []RetryForm{RetrySeconds, RetryDate, RetryAbsent, RetryMalformed, RetryLong}
	}
	if o.Stall <= 0 {
		o.Stall = defaultStall
	}
	if o.Sequence == nil {
		o.Sequence = byTrackingID
	}
	if o.Title == "" {
		o.Title = "Microsoft Teams, simulated"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
