package admin

import (
	"context"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// statusHeld is the one status that is not a stored state: the message waits for people.
const statusHeld = "held"

// MessageStatus is the word for how far a message has come: a state's, or held.
func MessageStatus(m *store.MessageEntry) string {
	if m.Held() {
		return statusHeld
	}
	return m.State.String()
}

// MessageQuestion asks for a part of the log; what is empty asks for all.
type MessageQuestion struct {
	Subscription connector.SubscriptionID
	Webhook      connector.WebhookID
	Status       string // a state's word, or held
	From, To     time.Time
	Query        string
}

// maxLogs is how many subscriptions one look at the log spans at most.
const maxLogs = 100

// Messages lists messages, the newest first, of a webhook, a subscription, or
// all subscriptions that somebody sees. Without the right to read, texts and
// Teams' answers are not searched.
func (a *Admin) Messages(ctx context.Context, who connector.Actor, r MessageQuestion, page connector.Page) (store.MessagePage, error) {
	f := store.MessageFilter{Webhook: r.Webhook, From: r.From, To: r.To, Query: r.Query}
	switch {
	case r.Status == statusHeld:
		f.State, f.Held = connector.StateAccepted, true
	case r.Status != "":
		var ok bool
		if f.State, ok = connector.ParseState(r.Status); !ok {
			return store.MessagePage{}, connector.Invalid("/status", "status is one of accepted, held, sent, posted, failed, expired, uncertain.")
		}
	}
	subs, err := a.logsOf(ctx, who, r)
	if err != nil {
		return store.MessagePage{}, err
	}
	f.Texts = r.Webhook != "" && len(subs) == 1 && who.May(connector.RightRead, subs[0].Organization, subs[0].ID)
	for i := range subs {
		f.Subscriptions = append(f.Subscriptions, subs[i].Row)
	}
	found, err := a.store.Messages(ctx, f, page)
	if err != nil {
		return found, err
	}
	all := make([]*MessageEntry, len(found.Items))
	for i := range found.Items {
		all[i] = &found.Items[i]
	}
	return found, a.expect(ctx, all)
}

// expect finds out when messages that wait are expected to go.
func (a *Admin) expect(ctx context.Context, all []*MessageEntry) error {
	waiting := map[connector.LaneID][]*MessageEntry{}
	for _, m := range all {
		if m.State == connector.StateAccepted && !m.Held() {
			waiting[m.Lane] = append(waiting[m.Lane], m)
		}
	}
	for lane, those := range waiting {
		places, err := a.store.Places(ctx, lane, those)
		if err != nil {
			return err
		}
		e, err := a.explained(ctx, lane, places...)
		if err != nil {
			return err
		}
		for i, at := range e.Expected {
			those[i].Expected = at
		}
	}
	return nil
}

// logsOf finds the subscriptions whose messages somebody asks for.
func (a *Admin) logsOf(ctx context.Context, who connector.Actor, r MessageQuestion) ([]store.Subscription, error) {
	switch {
	case r.Webhook != "":
		sub, err := a.onWebhook(ctx, who, connector.RightView, r.Webhook)
		return []store.Subscription{sub}, err
	case r.Subscription != "":
		sub, err := a.onSubscription(ctx, who, connector.RightView, r.Subscription)
		return []store.Subscription{sub}, err
	case who.Keys != nil:
		sub, err := a.onSubscription(ctx, who, connector.RightView, who.Keys.Subscription)
		return []store.Subscription{sub}, err
	}
	all, err := a.SubscriptionsFor(ctx, who)
	if err != nil {
		return nil, err
	}
	var subs []store.Subscription
	for i := range all {
		if who.May(connector.RightView, all[i].Organization, all[i].ID) {
			subs = append(subs, all[i])
		}
	}
	if len(subs) > maxLogs {
		return nil, connector.Invalid("/subscriptionId", "Say whose messages: you see %d subscriptions, and one list spans at most %d. Give subscriptionId or webhookId.", len(subs), maxLogs)
	}
	return subs, nil
}

// Message is all that is known of a message.
type Message struct {
	store.MessageEntry
	SubscriptionRow int64
	Attempts        []connector.Attempt
	// Content is the text or card; Kind zero: it was removed, or may not be read by whoever asks.
	Content connector.Content
	// Next is when the next attempt at its queue may be made; Why says what that waits for.
	Next time.Time
	Why  string
}

// onMessage looks a message up for somebody who wants to do something with it.
func (a *Admin) onMessage(ctx context.Context, who connector.Actor, do connector.Right, id connector.MessageID) (store.MessageEntry, store.Subscription, error) {
	m, err := a.store.Entry(ctx, id)
	if err != nil {
		return m, store.Subscription{}, err
	}
	sub, err := a.onSubscription(ctx, who, do, m.Subscription)
	if isCode(err, connector.NotFound) {
		err = store.NoMessage(id)
	}
	return m, sub, err
}

// Message returns a message with its attempts; its text and Teams' answers only
// to those who may read them.
func (a *Admin) Message(ctx context.Context, who connector.Actor, id connector.MessageID) (Message, error) {
	entry, sub, err := a.onMessage(ctx, who, connector.RightView, id)
	if err != nil {
		return Message{}, err
	}
	m := Message{MessageEntry: entry, SubscriptionRow: sub.Row}
	if m.Attempts, err = a.store.Attempts(ctx, sub.Row, id); err != nil {
		return Message{}, err
	}
	if who.May(connector.RightRead, sub.Organization, sub.ID) {
		m.Content, err = a.store.Content(ctx, sub.ID, id)
		if err != nil && !isCode(err, connector.TextRemoved) {
			return Message{}, err
		}
	} else {
		for i := range m.Attempts {
			m.Attempts[i].Outcome.Answer = ""
		}
	}
	if m.State == connector.StateAccepted {
		q, err := a.queue(ctx, sub.ID, m.Webhook)
		if err != nil {
			return Message{}, err
		}
		m.Next, m.Why = q.Next, q.Why
		if err := a.expect(ctx, []*MessageEntry{&m.MessageEntry}); err != nil {
			return Message{}, err
		}
	}
	return m, nil
}

// CancelMessage ends a message that has not ended. Where an attempt is under way
// it may still arrive, and then says so.
func (a *Admin) CancelMessage(ctx context.Context, who connector.Actor, id connector.MessageID) (Message, error) {
	return a.decide(ctx, who, id, func(f store.MessageFate) error {
		end, err := a.store.CancelMessage(ctx, f)
		if err == nil {
			a.ended([]connector.End{end})
		}
		return err
	})
}

// ResolveMessage says what became of an uncertain message: StateSent or StateFailed.
func (a *Admin) ResolveMessage(ctx context.Context, who connector.Actor, id connector.MessageID, as connector.State) (Message, error) {
	if as != connector.StateSent && as != connector.StateFailed {
		return Message{}, connector.Invalid("/as", "as is sent or failed.")
	}
	return a.decide(ctx, who, id, func(f store.MessageFate) error { return a.store.ResolveMessage(ctx, f, as) })
}

func (a *Admin) decide(
	ctx context.Context, who connector.Actor, id connector.MessageID, do func(store.MessageFate) error,
) (Message, error) {
	m, sub, err := a.onMessage(ctx, who, connector.RightSend, id)
	if err != nil {
		return Message{}, err
	}
	if err := do(store.MessageFate{Subscription: sub.ID, Message: id, By: who.Name, Who: inWords(who)}); err != nil {
		return Message{}, err
	}
	a.wake(m.Lane)
	return a.outcome(ctx, who, id)
}
