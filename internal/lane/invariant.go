package lane

import (
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

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
	pastCard     = "card_not_a_run"
)

// Invariants lists the names that a Violation may bear.
func Invariants() []string {
	return []string{twoSends, outOfOrder, tooEarly, overWindow, strayOutcome, straySettled, twoSettles, strayVerdict, pastCard}
}

// checkCard counts a card that is not what the rules allow.
func (m *Machine) checkCard(l *lane) {
	going, weight := l.going(), 0
	for i := range going {
		weight += going[i].Weight
		if len(going) > 1 && !combinable(&going[i]) {
			m.do(Violation{pastCard})
		}
	}
	if len(going) > 1 && (len(going) > connector.MaxCard || weight > teams.CardRoom) {
		m.do(Violation{pastCard})
	}
}
