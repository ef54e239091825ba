package api

import (
	"context"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

const resendDetails = "At most 200 messages a call, the oldest first; not what people cancelled, nor what was sent again already. While more is true, call again."

type span struct {
	Body *struct {
		From string `json:"from,omitempty" doc:"accepted then or later; RFC 3339"`
		To   string `json:"to,omitempty" doc:"accepted before; RFC 3339"`
	}
}

type resent struct {
	Resent  int    `json:"resent" doc:"how many messages were sent again"`
	More    bool   `json:"more" doc:"failed messages are left"`
	Stopped string `json:"stopped,omitempty" doc:"why it ended early, such as a quota that is used up"`
}

type resendOfWebhook struct {
	ID connector.WebhookID `path:"id"`

	span
}

func (a *API) resendFailedOfWebhook(ctx context.Context, who connector.Actor, in *resendOfWebhook) (*one[resent], error) {
	return a.resendFailed(ctx, who, in.span, admin.MessageQuestion{Webhook: in.ID})
}

type resendOfSubscription struct {
	ID connector.SubscriptionID `path:"id"`

	span
}

func (a *API) resendFailedOfSubscription(ctx context.Context, who connector.Actor, in *resendOfSubscription) (*one[resent], error) {
	return a.resendFailed(ctx, who, in.span, admin.MessageQuestion{Subscription: in.ID})
}

func (a *API) resendFailed(ctx context.Context, who connector.Actor, in span, r admin.MessageQuestion) (out *one[resent], err error) {
	if in.Body != nil {
		if r.From, err = timeField("from", in.Body.From); err != nil {
			return nil, err
		}
		if r.To, err = timeField("to", in.Body.To); err != nil {
			return nil, err
		}
	}
	done, err := a.desk.ResendFailed(ctx, who, r)
	if err != nil {
		return nil, err
	}
	out = &one[resent]{Body: resent{Resent: done.Sent, More: done.More}}
	if done.Stopped != nil {
		out.Body.Stopped = done.Stopped.Message
	}
	return out, nil
}
