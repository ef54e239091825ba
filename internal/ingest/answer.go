package ingest

import (
	"fmt"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// StatusHeld is the one status that is not a stored state: the message is
// accepted, and its webhook is stopped or paused.
const StatusHeld = "held"

// Answer says how far a message has come, to people and to programs.
type Answer struct {
	Message connector.MessageID
	// Status is a state's word (accepted, sent, posted, failed, expired, uncertain), or StatusHeld.
	Status string
	// Sent: Microsoft has it.
	Sent bool
	Text string // what happened, when the rest is expected, what to do
	// ExpectedAt is when it is expected to go; zero unless the status is accepted.
	ExpectedAt time.Time
	// MaybePosted: an attempt's end is unknown; the message may be in the channel.
	MaybePosted bool
	Warnings    []string // about the content: what Teams may not show as meant
}

// ended answers for a message that has come to its end.
func ended(id connector.MessageID, state connector.State, detail string) Answer {
	a := Answer{Message: id, Status: state.String()}
	switch state {
	case connector.StateSent:
		a.Sent = true
		a.Text = "Microsoft Teams accepted the message."
	case connector.StatePosted:
		a.Sent = true
		a.Text = "The message is in the channel: the webhook's flow confirmed it."
	case connector.StateFailed:
		a.Text = sentence("The message was not delivered and will not be tried again.", detail)
	case connector.StateExpired:
		a.Text = sentence("The message's life ended before it could be delivered; it will not be tried again. "+
			"Send it again if it still matters, with a larger expiresIn if it may wait longer.", detail)
	case connector.StateUncertain:
		a.MaybePosted = true
		a.Text = sentence("It is not known whether the message reached the channel; it will not be tried again. "+
			"Look into the channel before you send it again.", detail)
	case connector.StateAccepted: // has not ended
	}
	return a
}

// underway answers for a message that is on disk and has not ended.
func underway(id connector.MessageID, unclear bool, f connector.Forecast, now time.Time) Answer {
	a := Answer{Message: id, Status: connector.StateAccepted.String(), MaybePosted: unclear}
	maybe := ""
	if unclear {
		maybe = "An attempt broke off before Teams answered, so the message may be in the channel already; it is tried again."
	}
	if f.Held {
		a.Status = StatusHeld
		a.Text = sentence("The message is stored and held, because its webhook is stopped or paused.", f.Cause, maybe,
			"It goes out by itself when the webhook goes on; don't send it again.")
		return a
	}
	a.ExpectedAt = f.At
	if a.ExpectedAt.Before(now) {
		a.ExpectedAt = now
	}
	a.Text = sentence("The message is stored and on its way.", expectation(a.ExpectedAt, f.Waiting, now), maybe,
		"There is nothing to do; don't send it again.")
	return a
}

// soon is what people take for "at once".
const soon = 2 * time.Second

func expectation(at time.Time, waiting int, now time.Time) string {
	if at.Sub(now) < soon {
		return "It is expected to go at any moment."
	}
	layout := "15:04:05"
	if at.Sub(now) >= 12*time.Hour {
		layout = "2006-01-02 15:04:05"
	}
	text := fmt.Sprintf("It is expected to go at %s UTC", at.UTC().Format(layout))
	if waiting > 1 {
		text += fmt.Sprintf(" (%d messages wait for this webhook)", waiting)
	}
	return text + "."
}

// sentence joins what is not empty, each with an end of its own.
func sentence(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		p = strings.TrimSpace(p)
		if p == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(p)
		if !strings.ContainsAny(p[len(p)-1:], ".!?") {
			b.WriteByte('.')
		}
	}
	return b.String()
}
