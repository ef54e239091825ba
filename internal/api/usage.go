package api

import (
	"context"
	"net/http"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func (a *API) usageRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/api/v1/subscriptions/{id}/usage", id: "readUsage",
			summary: "Read what a subscription used: this month, last month, in all, by day and by webhook (UTC)", right: connector.RightView, typed: typed(a.readUsage),
		},
		{
			method: http.MethodGet, path: "/api/v1/usage", id: "readAllUsage", summary: "Read what all subscriptions used in a month, as CSV",
			right: connector.RightOperate, kind: "text/csv; charset=utf-8", typed: described[monthInput, file](a.readAllUsage), handle: a.readAllUsage,
		},
	}
}

// usageFigures are what was counted in a span of time.
type usageFigures struct {
	WebhooksInUse int `json:"webhooksInUse" doc:"now"`
	WebhookQuota  int `json:"webhookQuota" doc:"0: no limit"`
	WebhooksUsed  int `json:"webhooksUsed" doc:"those that existed at any moment of it"`

	UsageCounts
}

// UsageCounts are messages by how far they came.
type UsageCounts struct {
	Accepted  int `json:"accepted"`
	Sent      int `json:"sent" doc:"sent and posted"`
	Failed    int `json:"failed"`
	Expired   int `json:"expired"`
	Uncertain int `json:"uncertain"`
}

func countsItem(s admin.UsageSum) UsageCounts {
	return UsageCounts{Accepted: s.Accepted, Sent: s.Sent, Failed: s.Failed, Expired: s.Expired, Uncertain: s.Uncertain}
}

type usageOfDay struct {
	Day string `json:"day" format:"date"`

	UsageCounts
}

type usageOfWebhook struct {
	WebhookID connector.WebhookID `json:"webhookId"`
	Name      string              `json:"name"`

	UsageCounts
}

type usage struct {
	ThisMonth usageFigures     `json:"thisMonth"`
	LastMonth usageFigures     `json:"lastMonth"`
	Total     usageFigures     `json:"total" doc:"since the subscription's start"`
	Days      []usageOfDay     `json:"days" nullable:"false" doc:"of last month and this; days without anything are left out"`
	Webhooks  []usageOfWebhook `json:"webhooks" nullable:"false" doc:"this month"`
}

func (a *API) readUsage(ctx context.Context, who connector.Actor, in *SubscriptionPath) (*one[usage], error) {
	u, err := a.desk.Usage(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	figures := func(s admin.UsageSum) usageFigures {
		return usageFigures{WebhooksInUse: u.WebhooksInUse, WebhookQuota: u.Subscription.WebhookQuota, WebhooksUsed: s.WebhooksUsed, UsageCounts: countsItem(s)}
	}
	out := usage{
		ThisMonth: figures(u.ThisMonth), LastMonth: figures(u.LastMonth), Total: figures(u.Total),
		Days: make([]usageOfDay, 0, len(u.Days)), Webhooks: make([]usageOfWebhook, 0, len(u.Webhooks)),
	}
	for _, d := range u.Days {
		out.Days = append(out.Days, usageOfDay{d.Day.Format(time.DateOnly), countsItem(d.UsageSum)})
	}
	for _, w := range u.Webhooks {
		out.Webhooks = append(out.Webhooks, usageOfWebhook{w.Webhook, w.Name, countsItem(w.UsageSum)})
	}
	return &one[usage]{Body: out}, nil
}

type monthInput struct {
	Month string `query:"month" doc:"as 2027-01; this month when left out"`
}

func (a *API) readAllUsage(w http.ResponseWriter, r *http.Request) error {
	who, err := a.who(r, &route{})
	if err != nil {
		return err
	}
	name, csv, err := a.desk.UsageOfAll(r.Context(), who, r.URL.Query().Get("month"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, err = w.Write(csv) //nolint:gosec // no browser draws a file of this type
	return err
}
