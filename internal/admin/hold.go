package admin

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// Held is a webhook after it was paused or resumed.
type Held struct {
	Queue
	Was Status // before; the same as now: nothing was to do
	// Cancelled is how many messages were left out at resume.
	Cancelled int
}

// Pause holds a webhook's messages until it is resumed; new ones are still
// accepted. Of a webhook that is paused already nothing changes.
func (a *Admin) Pause(ctx context.Context, who connector.Actor, id connector.WebhookID) (Held, error) {
	return a.hold(ctx, who, id, connector.LanePaused, func(_ *Queue, set *store.SetLane) (int, error) {
		set.Cause = fmt.Sprintf("Paused by %s.", inWords(who))
		return 0, nil
	})
}

// Choice says which of the messages that wait go out at resume.
type Choice int

// The choices.
const (
	SendAll   Choice = iota // everything that waits
	SendNewer               // what was accepted after a time
	SendNone                // what comes from now on
)

// ParseChoice reads all, newer or none; empty: all.
func ParseChoice(word string) (Choice, bool) {
	c, ok := map[string]Choice{"": SendAll, "all": SendAll, "newer": SendNewer, "none": SendNone}[word]
	return c, ok
}

// Resumption lets a webhook go on.
type Resumption struct {
	Webhook connector.WebhookID
	Send    Choice
	// NewerThan belongs to SendNewer: what was accepted until then is left out.
	NewerThan time.Time
}

// Resume lets a webhook that is paused or stopped go on. What is left out ends
// failed while the webhook is still held, so that an interrupted resume may be
// repeated. Of a webhook that is neither nothing changes.
func (a *Admin) Resume(ctx context.Context, who connector.Actor, r Resumption) (Held, error) {
	until := a.store.Now()
	switch {
	case r.Send == SendNewer && r.NewerThan.IsZero():
		return Held{}, connector.Invalid("/newerThan", "newerThan is missing: say from when on messages are sent, such as 2027-01-31T08:00:00Z.")
	case r.Send != SendNewer && !r.NewerThan.IsZero():
		return Held{}, connector.Invalid("/newerThan", `newerThan belongs to send "newer" only.`)
	case r.Send == SendNewer && r.NewerThan.Before(until):
		until = r.NewerThan
	}
	return a.hold(ctx, who, r.Webhook, connector.LaneOpen, func(before *Queue, set *store.SetLane) (cancelled int, err error) {
		if r.Send != SendAll {
			cancelled, err = a.store.CancelWaiting(ctx, before.Lane, until, inWords(who), a.ended)
			set.Cause = fmt.Sprintf("%d messages left out", cancelled)
		}
		return cancelled, err
	})
}

func (a *Admin) hold(
	ctx context.Context, who connector.Actor, id connector.WebhookID, to connector.LaneState,
	do func(before *Queue, set *store.SetLane) (cancelled int, err error),
) (h Held, err error) {
	sub, err := a.onWebhook(ctx, who, connector.RightConfigure, id)
	if err != nil {
		return Held{}, err
	}
	h.Queue, err = a.liveQueue(ctx, who, sub, id)
	if h.Was = h.Status; err != nil || h.State == to {
		return h, err
	}
	set := store.SetLane{Subscription: h.Subscription, Webhook: id, State: to, By: who.Name}
	if h.Cancelled, err = do(&h.Queue, &set); err != nil {
		return Held{}, err
	}
	lane, err := a.store.SetLane(ctx, set)
	if err != nil {
		return Held{}, err
	}
	a.wake(lane)
	h.Queue, err = a.liveQueue(ctx, who, sub, id)
	return h, err
}

// inWords is who acts, as people read it behind "by".
func inWords(who connector.Actor) string {
	name, ok := strings.CutPrefix(who.Name, "command line")
	switch name = strings.TrimPrefix(name, ": "); {
	case ok && name == "":
		return "somebody at the command line"
	case ok:
		return name + " at the command line"
	}
	return name
}
