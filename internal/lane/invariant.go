package lane

// The invariants that a Machine counts where they are about to break
// (docs/message-life.md).
const (
	twoSends     = "two_sends_in_a_lane"
	outOfOrder   = "order"
	tooEarly     = "sent_before_time"
	overWindow   = "window_exceeded"
	strayOutcome = "outcome_without_send"
	straySettled = "settled_without_settle"
	twoSettles   = "two_settles_in_a_lane"
	strayVerdict = "unknown_verdict"
)

// Invariants lists the names that a Violation may bear.
func Invariants() []string {
	return []string{twoSends, outOfOrder, tooEarly, overWindow, strayOutcome, straySettled, twoSettles, strayVerdict}
}
