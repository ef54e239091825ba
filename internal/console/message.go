package console

import (
	"net/http"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

// messageView is what a message's page shows.
type messageView struct {
	admin.Message
	status string
	// mayAct: the person may resend, cancel and resolve it.
	mayAct bool
	hook   *admin.Queue // nil: the webhook was deleted
	drawing
}

// drawing is a message as Teams draws it.
type drawing struct {
	kind  connector.Kind
	posts []teams.Post // none: the text was removed, or may not be read
	// warnings are what Teams draws differently than the card asks for.
	warnings []string
}

func (c *Console) message(v *visit) error {
	ctx, who := v.r.Context(), v.session.Actor
	m, err := c.desk.Message(ctx, who, connector.MessageID(v.r.PathValue("id")))
	if err != nil {
		return err
	}
	view := messageView{Message: m, status: admin.MessageStatus(&m.MessageEntry)}
	sub, err := c.desk.Subscription(ctx, who, m.Subscription)
	if err != nil {
		return err
	}
	view.mayAct = who.May(connector.RightSend, sub.Organization, sub.ID)
	payload := connector.PayloadAdaptive
	switch hook, err := c.desk.Webhook(ctx, who, m.Webhook); {
	case err == nil:
		view.hook, payload = &hook, hook.Payload
	case !is(err, connector.WebhookNotFound):
		return err
	}
	if err := view.draw(payload); err != nil {
		return err
	}
	if v.r.Header.Get("HX-Request") != "" {
		return v.part(messageBody(v, view))
	}
	return v.show(http.StatusOK, page{title: "Message", tab: "messages", cards: len(view.posts) > 0}, messagePage(v, view))
}

// draw finds out what goes to Teams for a message whose content may be read.
func (m *messageView) draw(payload connector.Payload) (err error) {
	if m.Content.Kind == 0 {
		return nil
	}
	m.kind = m.Content.Kind
	if m.kind == connector.KindCard {
		m.warnings, _ = teams.CheckCard(m.Content.Body) // it was taken: what is wrong by today's rules is seen in the picture
	}
	m.posts, err = teams.Posts(m.Content, payload)
	return err
}

func (c *Console) resendMessage(v *visit) error {
	made, err := c.desk.ResendMessage(v.r.Context(), v.session.Actor, connector.MessageID(v.r.PathValue("id")))
	if err != nil {
		return err
	}
	return v.done(local(v.field("back"), "/messages/"+string(made.ID)), "It is sent again, as a new message at the end of the queue.")
}

func (c *Console) cancelMessage(v *visit) error {
	id := connector.MessageID(v.r.PathValue("id"))
	if _, err := c.desk.CancelMessage(v.r.Context(), v.session.Actor, id); err != nil {
		return err
	}
	return v.done(local(v.field("back"), "/messages/"+string(id)), "It will not be sent.")
}

func (c *Console) resolveMessage(v *visit) error {
	id := connector.MessageID(v.r.PathValue("id"))
	as := map[string]connector.State{"sent": connector.StateSent, "failed": connector.StateFailed}[v.field("as")]
	if _, err := c.desk.ResolveMessage(v.r.Context(), v.session.Actor, id, as); err != nil {
		return err
	}
	return v.done("/messages/"+string(id), "Noted.")
}
