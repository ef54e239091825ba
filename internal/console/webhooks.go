package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// shownWebhooks is how many webhooks one page shows.
const shownWebhooks = 50

// webhooksView is what the console's page of webhooks shows.
type webhooksView struct {
	instances []admin.SubscriptionRow // that the person may see
	sub       *admin.SubscriptionRow  // nil: none is chosen
	hooks     []admin.Queue
	inUse     int
	next      string // cursor of the next page; empty: this is the last
	query     url.Values
	owners    []string // for suggestions and the filter
	mayAdd    bool
	dialog    string // which is open: add, edit, delete, resume
	hook      *admin.Queue
	form      form
	// shut says why no webhook can be added, instead of the form; nil: one can.
	shut *connector.Error
}

// path leads to the same view with some of its parameters changed; an empty value takes one out.
func (p *webhooksView) path(change ...string) string {
	q := url.Values{}
	for _, name := range []string{"instance", "q", "status", "owner", "cursor"} {
		if v := p.query.Get(name); v != "" {
			q.Set(name, v)
		}
	}
	if p.sub != nil {
		q.Set("instance", string(p.sub.ID))
	}
	for i := 0; i+1 < len(change); i += 2 {
		q.Del(change[i])
		if change[i+1] != "" {
			q.Set(change[i], change[i+1])
		}
	}
	return "/console?" + q.Encode()
}

func (c *Console) webhooks(v *visit) error {
	p, err := c.webhooksOf(v, v.r.URL.Query())
	if err != nil {
		return err
	}
	if v.r.Header.Get("HX-Request") != "" && p.sub != nil {
		return v.part(webhookRows(v, p))
	}
	q := v.r.URL.Query()
	if p.sub != nil && p.mayAdd && q.Get("add") != "" {
		p.dialog = "add"
		p.shutBy(p.sub.Takes(p.inUse, v.now()))
	}
	for _, name := range []string{"edit", "delete", "resume"} {
		if id := q.Get(name); id != "" {
			hook, err := c.desk.Webhook(v.r.Context(), v.session.Actor, connector.WebhookID(id))
			if err != nil {
				return err
			}
			p.dialog, p.hook = name, &hook
			p.form.values["name"], p.form.values["owner"] = hook.Name, hook.FlowOwner
		}
	}
	return v.webhooks(http.StatusOK, p)
}

func (v *visit) webhooks(status int, p webhooksView) error {
	return v.show(status, page{title: "Webhooks", tab: "console"}, webhooksPage(v, p))
}

// webhooksOf gathers what the page shows.
func (c *Console) webhooksOf(v *visit, query url.Values) (p webhooksView, err error) {
	ctx, who := v.r.Context(), v.session.Actor
	p.query, p.form = query, v.typed("name", "owner")
	if p.instances, err = c.desk.SubscriptionsFor(ctx, who); err != nil {
		return p, err
	}
	wanted := connector.SubscriptionID(query.Get("instance"))
	for i := range p.instances {
		if p.instances[i].ID == wanted || wanted == "" && len(p.instances) == 1 {
			p.sub = &p.instances[i]
		}
	}
	switch {
	case p.sub == nil && wanted != "":
		return p, connector.NoSuch("instance", string(wanted))
	case p.sub == nil:
		return p, nil
	}
	p.mayAdd = who.May(connector.RightConfigure, p.sub.Organization, p.sub.ID)
	f := admin.WebhookFilter{Query: query.Get("q"), Status: statusNamed(query.Get("status"))}
	if owner := query.Get("owner"); owner != "" {
		f.FlowOwner = &owner
	}
	list, err := c.desk.Webhooks(ctx, who, p.sub.ID, f, connector.Page{After: query.Get("cursor"), Limit: shownWebhooks})
	if err != nil {
		return p, err
	}
	p.hooks, p.next = list.Items, list.Next
	if p.inUse, err = c.desk.WebhooksInUse(ctx, who, p.sub.ID); err != nil {
		return p, err
	}
	p.owners, err = c.desk.FlowOwners(ctx, who, p.sub.ID)
	return p, err
}

// filters are the statuses that the list can be narrowed to, as people read them.
func filters() []admin.Status {
	return []admin.Status{
		admin.StatusDelivering, admin.StatusWaiting, admin.StatusRetrying, admin.StatusStopped, admin.StatusPaused, admin.StatusNotUsed,
	}
}

func statusNamed(word string) admin.Status {
	for _, s := range filters() {
		if s.String() == word {
			return s
		}
	}
	return 0
}

func (c *Console) addWebhook(v *visit) error {
	query := url.Values{"instance": {v.field("instance")}}
	fields := v.webhookFields()
	made, failed := c.desk.AddWebhook(v.r.Context(), v.session.Actor, admin.WebhookRequest{
		Subscription: connector.SubscriptionID(v.field("instance")), WebhookFields: fields,
	})
	if failed == nil {
		return c.savedWebhook(v, made, query, "The webhook “"+made.Name+"” works.")
	}
	p, err := c.webhooksOf(v, query)
	if err != nil {
		return err
	}
	return v.webhooksFailed(p, "add", failed)
}

// webhookFields are what the Webhook Adder and the Webhook Editor ask for.
func (v *visit) webhookFields() admin.WebhookFields {
	name, owner := v.field("name"), strings.TrimSpace(v.field("owner"))
	return admin.WebhookFields{Name: &name, URL: connector.NewSecret(strings.TrimSpace(v.field("url"))), FlowOwner: &owner}
}

// savedWebhook leads back to the list, or to the test's answer where that was asked for.
func (c *Console) savedWebhook(v *visit, made admin.Webhook, query url.Values, said string) error {
	for _, warning := range made.Warnings {
		said += " " + warning
	}
	if v.field("test") != "" {
		return c.test(v, made.ID, said)
	}
	p := webhooksView{query: query}
	return v.done(p.path(), said)
}

// webhooksFailed shows the dialog again, with the error beside its field; where
// no webhook can be added at all, it says so and where to go.
func (v *visit) webhooksFailed(p webhooksView, dialog string, failed error) error {
	p.dialog = dialog
	if p.shutBy(failed) {
		return v.webhooks(http.StatusForbidden, p)
	}
	if err := p.form.take(failed); err != nil {
		return err
	}
	return v.webhooks(http.StatusUnprocessableEntity, p)
}

// shutBy reports whether an error says that no webhook can be added at all; it is shown then.
func (p *webhooksView) shutBy(err error) bool {
	if is(err, connector.WebhookQuotaExhausted) || is(err, connector.SubscriptionExpired) {
		errors.As(err, &p.shut)
	}
	return p.shut != nil
}

func (c *Console) editWebhook(v *visit) error {
	id := connector.WebhookID(v.r.PathValue("id"))
	hook, err := c.desk.Webhook(v.r.Context(), v.session.Actor, id)
	if err != nil {
		return err
	}
	query := url.Values{"instance": {string(hook.Subscription)}}
	made, failed := c.desk.ChangeWebhook(v.r.Context(), v.session.Actor, admin.WebhookChange{Webhook: id, Version: v.madeFor(), WebhookFields: v.webhookFields()})
	if failed == nil {
		return c.savedWebhook(v, made, query, "“"+made.Name+"” is saved.")
	}
	p, err := c.webhooksOf(v, query)
	if err != nil {
		return err
	}
	p.hook = &hook
	failed = overtaken(failed, "Somebody changed this webhook since you opened it: it is “"+hook.Name+"” with "+masked(hook.Host)+" and the flow owner "+
		nameOr(hook.FlowOwner, "not named")+" now. What you typed is still here: save again to put it in the place of that.")
	return v.webhooksFailed(p, "edit", failed)
}

func (c *Console) deleteWebhook(v *visit) error {
	id := connector.WebhookID(v.r.PathValue("id"))
	hook, err := c.desk.Webhook(v.r.Context(), v.session.Actor, id)
	if err != nil {
		return err
	}
	if err := c.desk.DeleteWebhook(v.r.Context(), v.session.Actor, id); err != nil {
		return err
	}
	said := "“" + hook.Name + "” is deleted; its place is free again."
	if hook.Waiting > 0 {
		said += " " + many(hook.Waiting, "message that waited", "messages that waited") + " for it ended failed."
	}
	return v.done("/console?instance="+string(hook.Subscription), said)
}

func (c *Console) pauseWebhook(v *visit) error {
	held, err := c.desk.Pause(v.r.Context(), v.session.Actor, connector.WebhookID(v.r.PathValue("id")))
	if err != nil {
		return err
	}
	return v.done(v.back(held.Queue), "“"+held.Name+"” is paused: messages are accepted and wait.")
}

func (c *Console) resumeWebhook(v *visit) error {
	r := admin.Resumption{Webhook: connector.WebhookID(v.r.PathValue("id"))}
	choice, ok := admin.ParseChoice(v.field("send"))
	if !ok {
		return connector.Invalid("/send", "Say which of the messages that wait are sent: all or none.")
	}
	r.Send = choice
	held, err := c.desk.Resume(v.r.Context(), v.session.Actor, r)
	if err != nil {
		return err
	}
	said := "“" + held.Name + "” goes on."
	if held.Cancelled > 0 {
		said += " " + many(held.Cancelled, "message was", "messages were") + " left out."
	}
	return v.done(v.back(held.Queue), said)
}

// back is where a form of a webhook was sent from.
func (v *visit) back(q admin.Queue) string {
	return local(v.field("back"), "/console?instance="+string(q.Subscription))
}

// testWebhook sends a test and shows what Teams answered.
func (c *Console) testWebhook(v *visit) error {
	return c.test(v, connector.WebhookID(v.r.PathValue("id")), "")
}

// test leads to the message that was sent, with what Teams answered.
func (c *Console) test(v *visit, id connector.WebhookID, said string) error {
	m, err := c.desk.TestWebhook(v.r.Context(), v.session.Actor, id)
	if err != nil {
		return err
	}
	if said != "" {
		said += " "
	}
	switch m.State {
	case connector.StateSent, connector.StatePosted:
		said += "Teams accepted the test."
	case connector.StateAccepted:
		said += "The test is on its way."
	default:
		said += "The test did not arrive: " + m.Detail
	}
	return v.done("/messages/"+string(m.ID), said)
}

// hookClass is the colour of a webhook's status.
func hookClass(s admin.Status) string {
	switch s { //nolint:exhaustive // the others have no colour
	case admin.StatusDelivering:
		return "ok"
	case admin.StatusWaiting, admin.StatusRetrying, admin.StatusPaused:
		return "throttled"
	case admin.StatusStopped:
		return "failing"
	}
	return ""
}

// masked is a webhook's URL as it is ever shown.
func masked(host string) string { return "https://" + host + "/…" }
