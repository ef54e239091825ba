package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func (a *API) messageRoutes() []route {
	const all, single = "/api/v1/messages", "/api/v1/messages/{id}"
	return []route{
		{
			method: http.MethodGet, path: all, id: "listMessages", summary: "List messages, the newest first",
			details: "q looks for a webhook's name, a message id, the beginning of a messageKey, or a reason; inside one webhook also in Teams' answers and, " +
				"with the right to read, in texts. One call looks at a bounded number of messages: while next is given there may be more, and searchedTo says how far it came.",
			right: connector.RightView, apps: true, typed: typed(a.listMessages),
		},
		{
			method: http.MethodGet, path: single, id: "readMessage", summary: "Read how far a message has come, with its attempts",
			right: connector.RightView, apps: true, typed: typed(a.readMessage),
		},
		{
			method: http.MethodPost, path: single + "/resend", id: "createResend", summary: "Send what a message says again, as a new one at the end of the queue",
			right: connector.RightSend, typed: typed(a.resendMessage),
		},
		{
			method: http.MethodPost, path: "/api/v1/webhooks/{id}/resend", id: "resendFailedOfWebhook", summary: "Send again what failed or expired in a webhook",
			details: resendDetails, right: connector.RightSend, typed: typed(a.resendFailedOfWebhook),
		},
		{
			method: http.MethodPost, path: "/api/v1/subscriptions/{id}/resend", id: "resendFailedOfSubscription", summary: "Send again what failed or expired in a subscription",
			details: resendDetails, right: connector.RightSend, typed: typed(a.resendFailedOfSubscription),
		},
		{
			method: http.MethodPost, path: single + "/cancel", id: "cancelMessage", summary: "End a message that has not ended; an attempt that is under way may still arrive",
			right: connector.RightSend, typed: typed(a.cancelMessage),
		},
		{
			method: http.MethodPost, path: single + "/resolve", id: "resolveMessage", summary: "Say what became of an uncertain message",
			right: connector.RightSend, typed: typed(a.resolveMessage),
		},
	}
}

// MessageItem is a message as the log shows it.
type MessageItem struct {
	ID           connector.MessageID      `json:"id"`
	Subscription connector.SubscriptionID `json:"subscription"`
	WebhookID    connector.WebhookID      `json:"webhookId"`
	WebhookName  string                   `json:"webhookName"`
	Status       string                   `json:"status" enum:"accepted,held,sent,posted,failed,expired,uncertain"`
	Reason       string                   `json:"reason,omitempty" doc:"why it ended so"`
	Detail       string                   `json:"detail,omitempty" doc:"the same for people"`
	MaybePosted  bool                     `json:"maybePosted,omitempty" doc:"an attempt ended without an answer: the message may be in the channel"`
	Kind         string                   `json:"kind" enum:"text,card,rich"`
	Size         int                      `json:"size" doc:"bytes"`
	MessageKey   string                   `json:"messageKey,omitempty"`
	Keys         string                   `json:"keys,omitempty" doc:"name of the binding keys that it came with; absent: people sent it"`
	ResendOf     connector.MessageID      `json:"resendOf,omitempty"`
	Attempts     int                      `json:"attempts"`
	AcceptedAt   string                   `json:"acceptedAt" format:"date-time"`
	FinishedAt   *string                  `json:"finishedAt" format:"date-time"`
	ExpectedAt   string                   `json:"expectedAt,omitempty" format:"date-time" doc:"when a message that waits is expected to go; absent: it has ended, is held, or nobody knows"`
	ExpiresAt    string                   `json:"expiresAt" format:"date-time" doc:"when its life ends, unless its webhook is held until then"`
}

func entryItem(m admin.MessageEntry) MessageItem {
	return MessageItem{
		ID: m.ID, Subscription: m.Subscription, WebhookID: m.Webhook, WebhookName: m.WebhookName, Status: admin.MessageStatus(&m),
		Reason: string(m.Reason), Detail: m.Detail, MaybePosted: m.Unclear && m.State != connector.StateSent && m.State != connector.StatePosted,
		Kind: m.Kind.String(), Size: m.Size, MessageKey: m.Key, Keys: m.Keys, ResendOf: m.ResendOf, Attempts: m.Attempts,
		AcceptedAt: stamp(m.AcceptedAt), FinishedAt: optional(m.FinishedAt), ExpectedAt: stamp(m.Expected), ExpiresAt: stamp(m.Expires),
	}
}

// Attempt is one call to Teams and what came of it.
type Attempt struct {
	N          int    `json:"n"`
	At         string `json:"at" format:"date-time"`
	Verdict    string `json:"verdict" enum:"sent,posted,uncertain,throttled,retry,refused,gone"`
	Reason     string `json:"reason"`
	Detail     string `json:"detail,omitempty" doc:"what happened and what to do, for people"`
	HTTPStatus int    `json:"httpStatus,omitempty" doc:"absent: no answer came"`
	Answer     string `json:"answer,omitempty" doc:"Teams' own words, for those who may read messages"`
	RunID      string `json:"runId,omitempty" doc:"of the flow's run"`
	TookMS     int64  `json:"tookMs"`
}

func attemptItem(t *connector.Attempt) Attempt {
	o := &t.Outcome
	return Attempt{
		N: t.N, At: stamp(t.At), Verdict: o.Verdict.String(), Reason: string(o.Reason), Detail: o.Detail, HTTPStatus: o.HTTPStatus,
		Answer: o.Answer, RunID: o.RunID, TookMS: o.Took.Milliseconds(),
	}
}

type listMessagesInput struct {
	Paging

	WebhookID    connector.WebhookID      `query:"webhookId" maxLength:"64"`
	Subscription connector.SubscriptionID `query:"subscriptionId" maxLength:"64" doc:"needed only by those who see very many"`
	Status       string                   `query:"status" enum:"accepted,held,sent,posted,failed,expired,uncertain"`
	From         string                   `query:"from" maxLength:"64" doc:"accepted then or later; RFC 3339"`
	To           string                   `query:"to" maxLength:"64" doc:"accepted before; RFC 3339"`
	Query        string                   `query:"q" maxLength:"300"`
}

type messageList struct {
	Items      []MessageItem `json:"items" nullable:"false"`
	Next       *string       `json:"next" doc:"cursor of the next part; null: this was the last"`
	SearchedTo *string       `json:"searchedTo" format:"date-time" doc:"when the oldest message was accepted that was looked at; null: all were, or the page is full"`
}

func (a *API) listMessages(ctx context.Context, who connector.Actor, in *listMessagesInput) (*one[messageList], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	r := admin.MessageQuestion{Subscription: in.Subscription, Webhook: in.WebhookID, Status: in.Status, Query: in.Query}
	if r.From, err = timeField("from", in.From); err != nil {
		return nil, err
	}
	if r.To, err = timeField("to", in.To); err != nil {
		return nil, err
	}
	found, err := a.desk.Messages(ctx, who, r, page)
	if err != nil {
		return nil, err
	}
	part := asList(found.List, entryItem).Body
	return &one[messageList]{Body: messageList{Items: part.Items, Next: part.Next, SearchedTo: optional(found.SearchedTo)}}, nil
}

// MessagePath names the message.
type MessagePath struct {
	ID connector.MessageID `path:"id"`
}

// message is all that is known of a message, and the answer that its send call would get now.
type message struct {
	MessageItem

	SentMessage bool                `json:"sentMessage" doc:"Microsoft accepted the message"`
	Message     string              `json:"message" doc:"what happened and what to do, for people"`
	MessageID   connector.MessageID `json:"messageId"`
	NextAt      *string             `json:"nextAt" format:"date-time" doc:"when the next attempt may be made once it is the first of its queue"`
	WaitsFor    string              `json:"waitsFor,omitempty" doc:"what that attempt waits for"`
	TextMessage string              `json:"textMessage,omitempty" doc:"for those who may read messages"`
	Title       *string             `json:"title,omitempty"`
	Level       *string             `json:"level,omitempty"`
	Facts       []sendFact          `json:"facts,omitempty" nullable:"false"`
	Link        *sendLink           `json:"link,omitempty"`
	Card        any                 `json:"card,omitempty" doc:"for those who may read messages"`
	TextRemoved bool                `json:"textRemoved" doc:"its text is not kept any more, so it can't be sent again"`
	Tries       []Attempt           `json:"tries" nullable:"false" doc:"the attempts, the first one first"`
}

func (a *API) readMessage(ctx context.Context, who connector.Actor, in *MessagePath) (*one[message], error) {
	return a.messageAnswer(ctx)(a.desk.Message(ctx, who, in.ID))
}

func (a *API) resendMessage(ctx context.Context, who connector.Actor, in *MessagePath) (*made[message], error) {
	m, err := a.desk.ResendMessage(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	out, err := a.messageOf(ctx, m)
	return &made[message]{Location: "/api/v1/messages/" + string(m.ID), Body: out}, err
}

func (a *API) cancelMessage(ctx context.Context, who connector.Actor, in *MessagePath) (*one[message], error) {
	return a.messageAnswer(ctx)(a.desk.CancelMessage(ctx, who, in.ID))
}

type resolveMessageInput struct {
	MessagePath

	Body struct {
		As string `json:"as" enum:"sent,failed" doc:"what somebody saw in the channel"`
	}
}

func (a *API) resolveMessage(ctx context.Context, who connector.Actor, in *resolveMessageInput) (*one[message], error) {
	as, _ := connector.ParseState(in.Body.As) // one of them, by the enum
	return a.messageAnswer(ctx)(a.desk.ResolveMessage(ctx, who, in.ID, as))
}

// messageAnswer answers with a message as the desk gave it, unless that refused.
func (a *API) messageAnswer(ctx context.Context) func(m admin.Message, err error) (*one[message], error) {
	return func(m admin.Message, err error) (*one[message], error) {
		if err != nil {
			return nil, err
		}
		out, err := a.messageOf(ctx, m)
		return &one[message]{Body: out}, err
	}
}

// messageOf is a message as it is answered.
func (a *API) messageOf(ctx context.Context, m admin.Message) (message, error) {
	answer, err := a.ingest.Message(ctx, connector.License{SubscriptionRow: m.SubscriptionRow}, m.ID, m.Expected)
	if err != nil {
		return message{}, err
	}
	out := message{
		MessageItem: entryItem(m.MessageEntry), SentMessage: answer.Sent, Message: answer.Text, MessageID: m.ID,
		NextAt: optional(m.Next), WaitsFor: m.Why, TextRemoved: !m.Readable, Tries: make([]Attempt, 0, len(m.Attempts)),
	}
	out.Status, out.ExpectedAt = answer.Status, stamp(answer.ExpectedAt) // what the engine knows is newer than what is on disk
	for i := range m.Attempts {
		out.Tries = append(out.Tries, attemptItem(&m.Attempts[i]))
	}
	return out, out.show(m.Content)
}

// show puts the text or card in, for those who may read it.
func (m *message) show(c connector.Content) error {
	switch c.Kind {
	case connector.KindText:
		m.TextMessage = string(c.Body)
	case connector.KindCard:
		m.Card = json.RawMessage(c.Body)
	case connector.KindRich:
		rich, err := connector.DecodeRich(c.Body)
		if err != nil {
			return err
		}
		m.TextMessage, m.Title, m.Level = rich.Text, rich.Title, rich.Level
		for _, f := range rich.Facts {
			m.Facts = append(m.Facts, sendFact(f))
		}
		if rich.Link != nil {
			m.Link = &sendLink{URL: rich.Link.URL}
			if rich.Link.Text != nil {
				m.Link.Text = *rich.Link.Text
			}
		}
	case connector.KindMail: // stands in no subscription's list
	}
	return nil
}
