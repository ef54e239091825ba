package console

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// shownMessages is how many messages one page of the log shows.
const shownMessages = 50

// messagesView is what the log shows.
type messagesView struct {
	instances []admin.SubscriptionRow
	sub       *admin.SubscriptionRow // nil: all that the person sees
	hook      *admin.Queue           // nil: of all webhooks
	page      admin.MessagePage
	query     url.Values
	// mayAct: the person may resend and cancel what is shown.
	mayAct bool
	failed *admin.Failed // what would be sent again, where somebody asks; nil: nobody does
}

// messageParameters are what the log's address holds.
func messageParameters() []string {
	return []string{"instance", "webhook", "status", "q", "day", "cursor"}
}

// path leads to the same view with some of its parameters changed; an empty value takes one out.
func (m *messagesView) path(change ...string) string {
	q := url.Values{}
	for _, name := range messageParameters() {
		if v := m.query.Get(name); v != "" {
			q.Set(name, v)
		}
	}
	for i := 0; i+1 < len(change); i += 2 {
		q.Del(change[i])
		if change[i+1] != "" {
			q.Set(change[i], change[i+1])
		}
	}
	return "/messages?" + q.Encode()
}

// messageStates are the states that the log can be narrowed to: the API's word, and what people read.
func messageStates() [][2]string {
	return [][2]string{
		{"accepted", "Waiting"},
		{"held", "Held"},
		{"sent", "Handed to Teams"},
		{"posted", "Posted"},
		{"failed", "Failed"},
		{"expired", "Expired"},
		{"uncertain", "Unclear"},
	}
}

// stateWord is a message's state as people read it.
func stateWord(status string) string {
	for _, s := range messageStates() {
		if s[0] == status {
			return s[1]
		}
	}
	return status
}

// stateClass is its colour.
func stateClass(status string) string {
	switch status {
	case "sent", "posted":
		return "ok"
	case "held", "uncertain":
		return "throttled"
	case "failed", "expired":
		return "failing"
	}
	return ""
}

func (c *Console) messages(v *visit) error {
	m, ask, err := c.messagesOf(v, v.r.URL.Query())
	if err != nil {
		return err
	}
	ctx, who := v.r.Context(), v.session.Actor
	if m.query.Get("resend") != "" && m.mayAct {
		f, err := c.desk.Failed(ctx, who, ask)
		if err != nil {
			return err
		}
		m.failed = &f
	}
	m.page, err = c.desk.Messages(ctx, who, ask, connector.Page{After: m.query.Get("cursor"), Limit: shownMessages})
	if err != nil {
		return err
	}
	if v.r.Header.Get("HX-Request") != "" {
		return v.part(messageRows(v, m))
	}
	return v.show(http.StatusOK, page{title: "Messages", tab: "messages"}, messagesPage(v, m))
}

// messagesOf reads from an address, or from a form with the same fields, whose messages are meant.
func (c *Console) messagesOf(v *visit, query url.Values) (m messagesView, ask admin.MessageQuestion, err error) {
	m.query = query
	ctx, who := v.r.Context(), v.session.Actor
	if m.instances, err = c.desk.SubscriptionsFor(ctx, who); err != nil {
		return m, ask, err
	}
	ask = admin.MessageQuestion{Status: m.query.Get("status"), Query: m.query.Get("q")}
	if id := m.query.Get("webhook"); id != "" {
		hook, err := c.desk.Webhook(ctx, who, connector.WebhookID(id))
		if err != nil {
			return m, ask, err
		}
		m.hook, ask.Webhook = &hook, hook.ID
		m.query.Set("instance", string(hook.Subscription))
	}
	ask.Subscription = connector.SubscriptionID(m.query.Get("instance"))
	if ask.Subscription == "" && len(m.instances) == 1 {
		ask.Subscription = m.instances[0].ID
	}
	for i := range m.instances {
		if m.instances[i].ID == ask.Subscription {
			m.sub = &m.instances[i]
			m.mayAct = who.May(connector.RightSend, m.sub.Organization, m.sub.ID)
		}
	}
	if ask.From, err = dayField(m.query, "day"); !ask.From.IsZero() {
		ask.To = ask.From.AddDate(0, 0, 1)
	}
	return m, ask, err
}

// someFailed reports whether something is shown that can be sent again together.
func (m *messagesView) someFailed() bool {
	return m.mayAct && slices.ContainsFunc(m.page.Items, func(e admin.MessageEntry) bool {
		return e.State == connector.StateFailed || e.State == connector.StateExpired
	})
}

// resendFailed sends all that failed again, of what the log shows.
func (c *Console) resendFailed(v *visit) error {
	query := url.Values{}
	for _, name := range messageParameters() {
		query.Set(name, v.field(name))
	}
	m, ask, err := c.messagesOf(v, query)
	if err != nil {
		return err
	}
	done, err := c.desk.ResendFailed(v.r.Context(), v.session.Actor, ask)
	if err != nil {
		return err
	}
	said := many(done.Sent, "message was", "messages were") + " sent again."
	switch {
	case done.Stopped != nil:
		said += " Then it stopped: " + done.Stopped.Message
	case done.More:
		said += " There are more: do it once again."
	}
	return v.done(m.path("cursor", ""), said)
}
