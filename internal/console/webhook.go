package console

import (
	"net/http"
	"strconv"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/snippet"
)

// webhookView is what the settings page of a webhook shows.
type webhookView struct {
	admin.Queue
	form         form
	mayConfigure bool
	mayReveal    bool
	// url is the URL in the open, which an admin asked for and the audit log notes; empty: masked.
	url string
	// snippets are calls that send to it.
	snippets []call
}

// call is a snippet that sends, in a language.
type call struct{ language, code string }

func (c *Console) webhook(v *visit) error {
	w, err := c.webhookOf(v)
	if err != nil {
		return err
	}
	if v.r.Header.Get("HX-Request") != "" {
		return v.part(webhookNow(v, w))
	}
	return v.webhook(http.StatusOK, w)
}

func (v *visit) webhook(status int, w webhookView) error {
	return v.show(status, page{title: w.Name, tab: "console"}, webhookPage(v, w))
}

func (c *Console) webhookOf(v *visit) (w webhookView, err error) {
	w.Queue, err = c.desk.Webhook(v.r.Context(), v.session.Actor, connector.WebhookID(v.r.PathValue("id")))
	if err != nil {
		return w, err
	}
	w.form = v.typed("messageLife")
	if v.r.Method == http.MethodGet && w.MessageLife > 0 {
		w.form.values["messageLife"] = strconv.Itoa(int(w.MessageLife.Hours()))
	}
	sub, err := c.desk.Subscription(v.r.Context(), v.session.Actor, w.Subscription)
	if err != nil {
		return w, err
	}
	w.mayReveal = v.session.Actor.May(connector.RightManage, sub.Organization, sub.ID)
	w.mayConfigure = v.session.Actor.May(connector.RightConfigure, sub.Organization, sub.ID)
	for _, l := range snippet.Languages() {
		code, err := snippet.Render(l.ID, v.absolute(""), string(w.ID))
		if err != nil {
			return w, err
		}
		w.snippets = append(w.snippets, call{l.Name, code})
	}
	return w, nil
}

// settings saves how a webhook's messages go out.
func (c *Console) settings(v *visit) error {
	id := connector.WebhookID(v.r.PathValue("id"))
	life, failed := hours(v.field("messageLife"))
	if failed == nil {
		f := admin.WebhookFields{MessageLife: &life, Combine: checked(v, "combine"), Urgent: checked(v, "urgent")}
		if p, ok := connector.ParseProfile(v.field("profile")); ok {
			f.Profile = &p
		}
		if p, ok := connector.ParsePayload(v.field("payload")); ok {
			f.Payload = &p
		}
		if o, ok := connector.ParseOrder(v.field("order")); ok {
			f.Order = &o
		}
		if o, ok := connector.ParseOnUnclear(v.field("onUnclear")); ok {
			f.OnUnclear = &o
		}
		_, failed = c.desk.ChangeWebhook(v.r.Context(), v.session.Actor, admin.WebhookChange{Webhook: id, Version: v.madeFor(), WebhookFields: f})
	}
	if failed == nil {
		return v.done("/webhooks/"+string(id), "Saved.")
	}
	w, err := c.webhookOf(v)
	if err != nil {
		return err
	}
	failed = overtaken(failed, "Somebody changed these settings since you opened them. They are shown as they stand now: change them again, and save.")
	if err := w.form.take(failed); err != nil {
		return err
	}
	return v.webhook(http.StatusUnprocessableEntity, w)
}

// madeFor is the version that a form was made for; 0: it does not say, and any is meant.
func (v *visit) madeFor() int64 {
	n, err := strconv.ParseInt(v.field("version"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// overtaken tells in the form itself that somebody else was faster.
func overtaken(err error, said string) error {
	if is(err, connector.Changed) {
		return connector.Invalid("", "%s", said)
	}
	return err
}

// checked is whether a box of a form is ticked.
func checked(v *visit, name string) *bool { return new(v.field(name) != "") }

// hours reads a number of hours; empty is the default.
func hours(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 14*24 {
		return 0, connector.Invalid("/messageLife", "Give a number of hours from 1 to 336 (14 days), or leave it empty for 24.")
	}
	return time.Duration(n) * time.Hour, nil
}

// reveal shows a URL in the open, once, to who may see it; the audit log notes it.
func (c *Console) reveal(v *visit) error {
	w, err := c.webhookOf(v)
	if err != nil {
		return err
	}
	secret, err := c.desk.RevealURL(v.r.Context(), v.session.Actor, w.ID)
	if err != nil {
		return err
	}
	w.url = secret.Reveal()
	return v.webhook(http.StatusOK, w)
}
