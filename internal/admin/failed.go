package admin

import (
	"context"
	"errors"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// MaxResends is how many messages one call sends again at most.
const MaxResends = 200

// Failed says which messages of a webhook or of a subscription failed and may be
// sent again: not those that people cancelled, nor those that were sent again already.
type Failed struct {
	Messages []connector.MessageID // the oldest first, at most MaxResends
	More     bool                  // there are more than these
}

// Failed finds what ResendFailed would send.
func (a *Admin) Failed(ctx context.Context, who connector.Actor, r MessageQuestion) (Failed, error) {
	f, _, err := a.failed(ctx, who, connector.RightView, r)
	return f, err
}

func (a *Admin) failed(ctx context.Context, who connector.Actor, do connector.Right, r MessageQuestion) (f Failed, sub store.Subscription, err error) {
	filter := store.FailedFilter{From: r.From, To: r.To, Limit: MaxResends + 1}
	switch {
	case r.Webhook != "":
		if sub, err = a.onWebhook(ctx, who, do, r.Webhook); err != nil {
			return f, sub, err
		}
		hook, err := a.store.Webhook(ctx, sub.ID, r.Webhook)
		if err != nil {
			return f, sub, err
		}
		filter.Lane = hook.Lane
	case r.Subscription != "":
		if sub, err = a.onSubscription(ctx, who, do, r.Subscription); err != nil {
			return f, sub, err
		}
	default:
		return f, sub, connector.Invalid("/webhookId", "Say whose failed messages are sent again: give webhookId, or subscriptionId for all of its webhooks.")
	}
	filter.Subscription = sub.Row
	f.Messages, err = a.store.Failed(ctx, filter)
	if f.More = len(f.Messages) > MaxResends; f.More {
		f.Messages = f.Messages[:MaxResends]
	}
	return f, sub, err
}

// Resent is what came of sending failed messages again.
type Resent struct {
	Sent int
	More bool // failed messages are left
	// Stopped is why it ended before its end; nil: it did not.
	Stopped *connector.Error
}

// ResendFailed sends what failed again as new messages, each at the end of its
// queue, in the order in which they were first accepted. It may be repeated:
// what was sent again is not sent twice.
func (a *Admin) ResendFailed(ctx context.Context, who connector.Actor, r MessageQuestion) (done Resent, err error) {
	f, sub, err := a.failed(ctx, who, connector.RightSend, r)
	if err != nil {
		return done, err
	}
	done.More = f.More
	for _, id := range f.Messages {
		was, err := a.store.Entry(ctx, id)
		if err == nil {
			_, err = a.resend(ctx, who, sub, &was)
		}
		switch {
		case err == nil:
			done.Sent++
		case errors.As(err, &done.Stopped) && done.Sent > 0:
			done.More = true
			return done, nil
		default:
			return done, err
		}
	}
	return done, nil
}
