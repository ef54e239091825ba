package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// TestWait is how long a test waits for Teams' answer.
const TestWait = 10 * time.Second

// Send takes a message as ingest does, and waits for its end so long at most.
type Send func(ctx context.Context, of connector.License, m connector.Message, wait time.Duration) (connector.MessageID, error)

// people are a license for what people send: it counts for the subscription and came with no keys.
func people(sub store.Subscription) connector.License {
	return connector.License{Organization: sub.Organization, Subscription: sub.ID, SubscriptionRow: sub.Row}
}

// TestWebhook sends a small text before all that waits, also to a webhook that is
// stopped, which goes on when Teams accepts it. It counts as a message.
func (a *Admin) TestWebhook(ctx context.Context, who connector.Actor, id connector.WebhookID) (Message, error) {
	sub, err := a.onWebhook(ctx, who, connector.RightSend, id)
	if err != nil {
		return Message{}, err
	}
	hook, err := a.store.Webhook(ctx, sub.ID, id)
	if err != nil {
		return Message{}, err
	}
	text := fmt.Sprintf("Test of the webhook \"%s\": it works. Sent by %s, %s.", hook.Name, inWords(who), a.store.Now().UTC().Format("2 January 2006, 15:04:05 UTC"))
	made, err := a.sendFor(ctx, who, sub, connector.Message{
		Webhook: id, Test: true, Content: connector.Content{Kind: connector.KindText, Body: []byte(text)},
	}, "webhook.test")
	if err != nil {
		return Message{}, err
	}
	return a.outcome(ctx, who, made)
}

// SendMessage sends what somebody wrote, at the end of the queue. It counts as a message.
func (a *Admin) SendMessage(ctx context.Context, who connector.Actor, m connector.Message) (Message, error) {
	sub, err := a.onWebhook(ctx, who, connector.RightSend, m.Webhook)
	if err != nil {
		return Message{}, err
	}
	made, err := a.sendFor(ctx, who, sub, m, "message.send")
	if err != nil {
		return Message{}, err
	}
	return a.outcome(ctx, who, made)
}

// ResendMessage sends what a message says as a new one, at the end of the queue.
// It counts as a message.
func (a *Admin) ResendMessage(ctx context.Context, who connector.Actor, id connector.MessageID) (Message, error) {
	was, sub, err := a.onMessage(ctx, who, connector.RightSend, id)
	if err != nil {
		return Message{}, err
	}
	if !was.State.Final() {
		return Message{}, connector.Errorf(connector.Conflict, "The message has not ended yet, so it can't be sent again. Cancel it first, or wait.")
	}
	made, err := a.resend(ctx, who, sub, &was)
	if err != nil {
		return Message{}, err
	}
	return a.outcome(ctx, who, made)
}

func (a *Admin) resend(ctx context.Context, who connector.Actor, sub store.Subscription, was *store.MessageEntry) (connector.MessageID, error) {
	content, err := a.store.Content(ctx, sub.ID, was.ID)
	if err != nil {
		return "", err
	}
	return a.sendFor(ctx, who, sub, connector.Message{Webhook: was.Webhook, ResendOf: was.ID, Content: content}, "message.resend")
}

func (a *Admin) sendFor(ctx context.Context, who connector.Actor, sub store.Subscription, m connector.Message, action string) (connector.MessageID, error) {
	if a.send == nil {
		return "", errors.New("this desk sends no messages")
	}
	var wait time.Duration
	if m.Test {
		wait = TestWait
	}
	id, err := a.send(ctx, people(sub), m, wait)
	if err != nil {
		return "", err
	}
	sent, err := a.store.Entry(ctx, id)
	if err != nil {
		return "", err
	}
	return id, a.store.Note(ctx, store.Deed{Subscription: sub.ID, Lane: sent.Lane, By: who.Name, Action: action, Object: string(id)})
}

// outcome is a message for somebody who has just done something with it: they
// see what came of it, also with a token that may do nothing else.
func (a *Admin) outcome(ctx context.Context, who connector.Actor, id connector.MessageID) (Message, error) {
	if who.Scopes != nil {
		who.Scopes = append(slices.Clone(who.Scopes), connector.RightView)
	}
	return a.Message(ctx, who, id)
}
