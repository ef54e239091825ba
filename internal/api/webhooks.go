package api

import (
	"context"
	"net/http"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func (a *API) webhookRoutes() []route {
	const of, single = "/api/v1/subscriptions/{id}/webhooks", "/api/v1/webhooks/{id}"
	const view, configure = connector.RightView, connector.RightConfigure
	return []route{
		{method: http.MethodGet, path: of, id: "listWebhooks", summary: "List the webhooks of a subscription, by name", right: view, apps: true, typed: typed(a.listWebhooks)},
		{
			method: http.MethodPost, path: of, id: "createWebhook", summary: "Add the webhook of a Teams channel; it works at once",
			right: configure, typed: typed(a.createWebhook),
		},
		{
			method: http.MethodGet, path: "/api/v1/webhooks", id: "listOwnWebhooks", summary: "List the webhooks of the license's subscription",
			keysOnly: true, apps: true, typed: typed(a.listOwnWebhooks),
		},
		{
			method: http.MethodGet, path: single, id: "readWebhook", summary: "Read a webhook, and why its queue is not moving",
			right: view, apps: true, typed: typed(a.readWebhook),
		},
		{method: http.MethodPatch, path: single, id: "changeWebhook", summary: "Change a webhook under the same Webhook ID", right: configure, typed: typed(a.changeWebhook)},
		{
			method: http.MethodDelete, path: single, id: "deleteWebhook", summary: "Delete a webhook; what waits for it ends failed",
			right: configure, typed: typed(a.deleteWebhook),
		},
		{
			method: http.MethodPost, path: single + "/reveal", id: "revealWebhook", summary: "Show the webhook's URL; this is written into the audit log",
			right: connector.RightManage, typed: typed(a.revealWebhook),
		},
		{
			method: http.MethodPost, path: single + "/pause", id: "pauseWebhook", summary: "Hold a webhook's messages until it is resumed",
			right: configure, typed: typed(a.pauseWebhook),
		},
		{
			method: http.MethodPost, path: single + "/resume", id: "resumeWebhook", summary: "Let a webhook that is paused or stopped go on",
			right: configure, typed: typed(a.resumeWebhook),
		},
		{
			method: http.MethodPost, path: single + "/test", id: "testWebhook",
			summary: "Send a small text before all that waits, also to a webhook that is stopped, and wait for Teams' answer", right: connector.RightSend, typed: typed(a.testWebhook),
		},
	}
}

// WebhookSettings are a webhook's own, never its URL.
type WebhookSettings struct {
	ID           connector.WebhookID      `json:"id"`
	Subscription connector.SubscriptionID `json:"subscription"`
	Name         string                   `json:"name"`
	Host         string                   `json:"host" doc:"of the URL; all of it that is shown"`
	FlowOwner    string                   `json:"flowOwner,omitempty" doc:"the person whose Teams connection posts; webhooks of one share Microsoft's limit"`
	Profile      string                   `json:"profile" enum:"flow-bot,post-as-user,logic-app,office-365,none"`
	Payload      string                   `json:"payload" enum:"adaptive,text"`
	Combine      bool                     `json:"combine" doc:"waiting texts go into one card when the limit is short"`
	Order        string                   `json:"order" enum:"best-effort,guaranteed"`
	OnUnclear    string                   `json:"onUnclear" enum:"repeat,ask"`
	Urgent       bool                     `json:"urgent" doc:"goes first among the webhooks of its flow owner"`
	MessageLife  int                      `json:"messageLife" doc:"seconds that a message may wait when the app does not say; 0: 24 hours"`
	CreatedAt    string                   `json:"createdAt" format:"date-time"`
}

func settingsOf(w *admin.WebhookRow) WebhookSettings {
	return WebhookSettings{
		ID: w.ID, Subscription: w.Subscription, Name: w.Name, Host: w.Host, FlowOwner: w.FlowOwner,
		Profile: w.Profile.String(), Payload: w.Payload.String(), Combine: w.Combine, Order: w.Order.String(), OnUnclear: w.OnUnclear.String(),
		Urgent: w.Urgent, MessageLife: int(w.MessageLife / time.Second), CreatedAt: stamp(w.Created),
	}
}

// savedWebhook is a webhook as it was saved.
type savedWebhook struct {
	WebhookSettings

	Warnings []string `json:"warnings" nullable:"false" doc:"what its owner should know"`
}

func savedItem(w *admin.Webhook) savedWebhook {
	return savedWebhook{WebhookSettings: settingsOf(&w.WebhookRow), Warnings: append([]string{}, w.Warnings...)}
}

// Webhook is a webhook with its queue.
type Webhook struct {
	WebhookSettings

	Status        string       `json:"status" doc:"as people read it: Not used yet, Delivering, Waiting for Teams' limit, Retrying, Stopped or Paused"`
	Cause         string       `json:"cause,omitempty" doc:"why it is stopped, or who paused it"`
	HeldSince     *string      `json:"heldSince" format:"date-time"`
	Waiting       int          `json:"waiting" doc:"messages in its queue"`
	OldestAt      *string      `json:"oldestAt" format:"date-time" doc:"when the oldest of them was accepted"`
	NextAt        *string      `json:"nextAt" format:"date-time" doc:"when the next attempt may be made; null: nothing waits, or it is held"`
	QueueEmptyAt  *string      `json:"queueEmptyAt" format:"date-time" doc:"when the last of what waits is expected to go; null: nothing waits, it is held, or nobody knows"`
	WaitsFor      string       `json:"waitsFor,omitempty" enum:"nothing,people,pause,retry,window,turn,store,company" doc:"why it is not sending while messages wait; nothing: it sends"`
	Why           string       `json:"why,omitempty" doc:"the same for people"`
	SentThisMonth int          `json:"sentThisMonth" doc:"UTC"`
	Warnings      []string     `json:"warnings" nullable:"false" doc:"such as: the queue needs more than five minutes for what waits"`
	LastAttempt   *lastAttempt `json:"lastAttempt,omitempty" doc:"in the answer about one webhook only; absent: none was made, or long ago"`
}

type lastAttempt struct {
	MessageID connector.MessageID `json:"messageId"`

	Attempt
}

func webhookItem(q admin.Queue) Webhook {
	w := Webhook{
		WebhookSettings: settingsOf(&q.WebhookRow), Status: q.Status.String(), Cause: q.Cause, HeldSince: optional(q.LaneRow.HeldSince),
		Waiting: q.Waiting, OldestAt: optional(q.Oldest), NextAt: optional(q.Next), QueueEmptyAt: optional(q.Empty), SentThisMonth: q.Sent,
		Why: q.Why, Warnings: append([]string{}, q.Warnings()...),
	}
	if q.WaitsFor != 0 {
		w.WaitsFor = q.WaitsFor.String()
	}
	if q.Last != nil {
		w.LastAttempt = &lastAttempt{MessageID: q.Last.Message, Attempt: attemptItem(q.Last)}
	}
	return w
}

// WebhookQuestion chooses from a list of webhooks.
type WebhookQuestion struct {
	Paging

	Status    string `query:"status" enum:"unused,delivering,waiting,retrying,stopped,paused" doc:"only those"`
	FlowOwner string `query:"flowOwner" maxLength:"200" doc:"only this person's"`
	Query     string `query:"q" maxLength:"200" doc:"in name, flow owner, host or Webhook ID"`
}

type listWebhooksInput struct {
	SubscriptionPath
	WebhookQuestion
}

func (a *API) listWebhooks(ctx context.Context, who connector.Actor, in *listWebhooksInput) (*listed[Webhook], error) {
	return a.webhooksOf(ctx, who, in.ID, &in.WebhookQuestion)
}

func (a *API) listOwnWebhooks(ctx context.Context, who connector.Actor, in *WebhookQuestion) (*listed[Webhook], error) {
	if who.Keys == nil {
		return nil, connector.Errorf(connector.LicenseInvalid, "This path takes binding keys. With a token, list the webhooks of a subscription at /api/v1/subscriptions/{id}/webhooks.")
	}
	return a.webhooksOf(ctx, who, who.Keys.Subscription, in)
}

func (a *API) webhooksOf(ctx context.Context, who connector.Actor, sub connector.SubscriptionID, in *WebhookQuestion) (*listed[Webhook], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	f := admin.WebhookFilter{Query: in.Query, Status: admin.ParseWebhookStatus(in.Status)}
	if in.FlowOwner != "" {
		f.FlowOwner = &in.FlowOwner
	}
	list, err := a.desk.Webhooks(ctx, who, sub, f, page)
	if err != nil {
		return nil, err
	}
	return asList(list, webhookItem), nil
}

// WebhookPath names the webhook.
type WebhookPath struct {
	ID connector.WebhookID `path:"id"`
}

func (a *API) readWebhook(ctx context.Context, who connector.Actor, in *WebhookPath) (*one[Webhook], error) {
	q, err := a.desk.Webhook(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	return &one[Webhook]{ETag: etag(q.Version), Body: webhookItem(q)}, nil
}

// webhookFields is what may be set in a webhook.
type webhookFields struct {
	Name        *string `json:"name,omitempty" doc:"unique in its instance"`
	URL         string  `json:"url,omitempty" doc:"as copied from Teams; a secret, which is not shown again"`
	FlowOwner   *string `json:"flowOwner,omitempty" doc:"the person whose Teams connection posts; empty: nobody is named"`
	Profile     *string `json:"profile,omitempty" enum:"flow-bot,post-as-user,logic-app,office-365,none" doc:"Microsoft's limits for it; by default by the kind of URL"`
	Payload     *string `json:"payload,omitempty" enum:"adaptive,text"`
	Combine     *bool   `json:"combine,omitempty" doc:"waiting texts go into one card when the limit is short"`
	Order       *string `json:"order,omitempty" enum:"best-effort,guaranteed" doc:"guaranteed: the flow's trigger has a concurrency of 1"`
	OnUnclear   *string `json:"onUnclear,omitempty" enum:"repeat,ask" doc:"after an attempt without an answer"`
	Urgent      *bool   `json:"urgent,omitempty"`
	MessageLife *int    `json:"messageLife,omitempty" minimum:"0" maximum:"1209600" doc:"seconds; 0: 24 hours"`
}

// request takes over what is given; words are right by the enums.
func (f *webhookFields) request() admin.WebhookFields {
	r := admin.WebhookFields{
		Name: f.Name, URL: connector.NewSecret(f.URL), FlowOwner: f.FlowOwner, Combine: f.Combine, Urgent: f.Urgent,
		Profile: parsed(f.Profile, connector.ParseProfile), Payload: parsed(f.Payload, connector.ParsePayload),
		Order: parsed(f.Order, connector.ParseOrder), OnUnclear: parsed(f.OnUnclear, connector.ParseOnUnclear),
	}
	if f.MessageLife != nil {
		r.MessageLife = new(time.Duration(*f.MessageLife) * time.Second)
	}
	return r
}

func parsed[T any](word *string, parse func(string) (T, bool)) *T {
	if word == nil {
		return nil
	}
	v, _ := parse(*word)
	return &v
}

type createWebhookInput struct {
	SubscriptionPath

	Body webhookFields
}

func (a *API) createWebhook(ctx context.Context, who connector.Actor, in *createWebhookInput) (*made[savedWebhook], error) {
	w, err := a.desk.AddWebhook(ctx, who, admin.WebhookRequest{Subscription: in.ID, WebhookFields: in.Body.request()})
	if err != nil {
		return nil, err
	}
	return &made[savedWebhook]{ETag: etag(w.Version), Location: "/api/v1/webhooks/" + string(w.ID), Body: savedItem(&w)}, nil
}

type changeWebhookInput struct {
	WebhookPath
	Match

	Body webhookFields
}

func (a *API) changeWebhook(ctx context.Context, who connector.Actor, in *changeWebhookInput) (*one[savedWebhook], error) {
	w, err := a.desk.ChangeWebhook(ctx, who, admin.WebhookChange{Webhook: in.ID, Version: in.version(), WebhookFields: in.Body.request()})
	if err != nil {
		return nil, err
	}
	return &one[savedWebhook]{ETag: etag(w.Version), Body: savedItem(&w)}, nil
}

func (a *API) deleteWebhook(ctx context.Context, who connector.Actor, in *WebhookPath) (*done, error) {
	return &done{}, a.desk.DeleteWebhook(ctx, who, in.ID)
}

type revealed struct {
	URL string `json:"url" doc:"a secret: whoever has it can post to the channel"`
}

func (a *API) revealWebhook(ctx context.Context, who connector.Actor, in *WebhookPath) (*one[revealed], error) {
	url, err := a.desk.RevealURL(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	return &one[revealed]{Body: revealed{URL: url.Reveal()}}, nil
}

func (a *API) pauseWebhook(ctx context.Context, who connector.Actor, in *WebhookPath) (*one[heldWebhook], error) {
	return heldAnswer(a.desk.Pause(ctx, who, in.ID))
}

func (a *API) testWebhook(ctx context.Context, who connector.Actor, in *WebhookPath) (*one[message], error) {
	return a.messageAnswer(ctx)(a.desk.TestWebhook(ctx, who, in.ID))
}

type resumeWebhookInput struct {
	WebhookPath

	Body *struct {
		Send      string `json:"send,omitempty" enum:"all,newer,none" doc:"what goes out of that which waits; all when left out. What is left out ends failed (cancelled)"`
		NewerThan string `json:"newerThan,omitempty" doc:"RFC 3339; with newer: what was accepted after it goes out"`
	}
}

func (a *API) resumeWebhook(ctx context.Context, who connector.Actor, in *resumeWebhookInput) (*one[heldWebhook], error) {
	r := admin.Resumption{Webhook: in.ID}
	if in.Body != nil {
		r.Send, _ = admin.ParseChoice(in.Body.Send) // one of them, by the enum
		var err error
		if r.NewerThan, err = timeField("newerThan", in.Body.NewerThan); err != nil {
			return nil, err
		}
	}
	return heldAnswer(a.desk.Resume(ctx, who, r))
}

// timeField reads a time; empty: none.
func timeField(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, connector.Invalid("/"+name, "%s is no time of RFC 3339, such as 2027-01-31T00:00:00Z.", name)
	}
	return t, nil
}

// heldWebhook is a webhook after it was paused or resumed.
type heldWebhook struct {
	Webhook

	Cancelled int `json:"cancelled" doc:"messages that were left out at resume"`
}

func heldAnswer(h admin.Held, err error) (*one[heldWebhook], error) {
	if err != nil {
		return nil, err
	}
	return &one[heldWebhook]{ETag: etag(h.Version), Body: heldWebhook{Webhook: webhookItem(h.Queue), Cancelled: h.Cancelled}}, nil
}
