package console

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

// shownChoices is how many webhooks the composer offers.
const shownChoices = 200

// composer is what the page on which somebody writes a message shows.
type composer struct {
	instances []admin.SubscriptionRow // that the person may send for
	sub       *admin.SubscriptionRow  // nil: none is chosen
	hooks     []admin.Queue
	more      bool         // there are more webhooks than offered
	hook      *admin.Queue // nil: none is chosen
	form      form
	drawn     drawing
	// problem is what keeps the message from being sent; nil: nothing.
	problem *connector.Error
}

// composeFields are what the form holds beside the webhook.
func composeFields() []string {
	return []string{"kind", "textMessage", "title", "level", "facts", "linkText", "linkUrl", "card", "form"}
}

// messageKinds are the kinds of messages that people write, and how they read.
func messageKinds() [][2]string {
	return [][2]string{{"text", "Text"}, {"rich", "Text with title, facts and link"}, {"card", "Adaptive Card"}}
}

// levels are the levels of a message, and how people read them.
func levels() [][2]string {
	return [][2]string{{"", "None"}, {connector.LevelInfo, "Info"}, {connector.LevelGood, "Good"}, {connector.LevelWarning, "Warning"}, {connector.LevelError, "Error"}}
}

func (c *Console) compose(v *visit) error {
	p, err := c.composerOf(v, v.r.URL.Query())
	if err != nil {
		return err
	}
	return v.compose(http.StatusOK, p)
}

func (v *visit) compose(status int, p composer) error {
	return v.show(status, page{title: "New message", tab: "messages", cards: true}, composePage(v, p))
}

// composerOf gathers the webhooks that the person may send to.
func (c *Console) composerOf(v *visit, query url.Values) (p composer, err error) {
	ctx, who := v.r.Context(), v.session.Actor
	p.form = v.typed(composeFields()...)
	p.form.values["kind"] = cmp.Or(p.form.values["kind"], "text")
	if _, err := uuid.Parse(p.form.values["form"]); err != nil {
		p.form.values["form"] = uuid.NewString()
	}
	all, err := c.desk.SubscriptionsFor(ctx, who)
	if err != nil {
		return p, err
	}
	p.instances = slices.DeleteFunc(all, func(s admin.SubscriptionRow) bool { return !who.May(connector.RightSend, s.Organization, s.ID) })
	chosen := connector.SubscriptionID(query.Get("instance"))
	if id := query.Get("webhook"); id != "" {
		hook, err := c.desk.Webhook(ctx, who, connector.WebhookID(id))
		if err != nil {
			return p, err
		}
		p.hook, chosen = &hook, hook.Subscription
	}
	for i := range p.instances {
		if p.instances[i].ID == chosen || chosen == "" && len(p.instances) == 1 {
			p.sub = &p.instances[i]
		}
	}
	switch {
	case p.sub == nil && chosen != "":
		return p, connector.Errorf(connector.Forbidden, "You may not send messages for this instance.")
	case p.sub == nil:
		return p, nil
	}
	list, err := c.desk.Webhooks(ctx, who, p.sub.ID, admin.WebhookFilter{}, connector.Page{Limit: shownChoices})
	p.hooks, p.more = list.Items, list.Next != ""
	return p, err
}

// draft draws what was typed, or sends it.
func (c *Console) draft(v *visit) error {
	p, err := c.composerOf(v, url.Values{"webhook": {v.field("webhook")}, "instance": {v.field("instance")}})
	if err != nil {
		return err
	}
	content := p.read()
	if err := p.draw(content); err != nil {
		return err
	}
	switch {
	case v.r.Header.Get("HX-Request") != "":
		return v.part(composed(v, p))
	case v.field("do") != "send":
		return v.compose(http.StatusOK, p)
	case p.problem != nil:
		return v.compose(http.StatusUnprocessableEntity, p)
	}
	// A second click sends nothing; another text, or another webhook, does.
	sum := sha256.Sum256(append([]byte(fmt.Sprint(p.hook.ID, content.Kind, " ")), content.Body...))
	m, failed := c.desk.SendMessage(v.r.Context(), v.session.Actor, connector.Message{
		Webhook: p.hook.ID, Content: content, Key: "console-" + p.form.values["form"] + "-" + hex.EncodeToString(sum[:8]),
	})
	if failed != nil {
		if err := p.form.take(failed); err != nil {
			return err
		}
		return v.compose(http.StatusUnprocessableEntity, p)
	}
	return v.done("/messages/"+string(m.ID), "The message is on its way to “"+p.hook.Name+"”.")
}

// read makes of the form what goes to a webhook; what can't be read is a problem.
func (p *composer) read() connector.Content {
	f := p.form.values
	text := strings.ReplaceAll(f["textMessage"], "\r\n", "\n") // as browsers send it
	switch f["kind"] {
	case "card":
		return connector.Content{Kind: connector.KindCard, Body: []byte(strings.TrimSpace(f["card"]))}
	case "rich":
		r := connector.Rich{Text: text, Title: given(f["title"]), Level: given(f["level"])}
		r.Facts, p.problem = facts(f["facts"])
		if f["linkUrl"] != "" || f["linkText"] != "" {
			r.Link = &connector.Link{Text: given(f["linkText"]), URL: strings.TrimSpace(f["linkUrl"])}
		}
		if r.Plain() {
			break
		}
		body, err := r.Encode()
		if err != nil {
			p.problem = connector.Invalid("/textMessage", "The message can't be written as JSON.")
		}
		return connector.Content{Kind: connector.KindRich, Body: body}
	}
	return connector.Content{Kind: connector.KindText, Body: []byte(text)}
}

// given is what was typed; nil: nothing.
func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// facts reads a fact a line, its name before the first colon.
func facts(text string) (all []connector.Fact, problem *connector.Error) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, connector.Invalid("/facts", "Line %d has no colon. Write each fact as “Name: value”.", n)
		}
		all = append(all, connector.Fact{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)})
	}
	return all, nil
}

// draw finds out how Teams shows the message, or what is wrong with it.
func (p *composer) draw(content connector.Content) (err error) {
	p.check(content)
	p.mark()
	if len(p.form.errs) == 0 {
		p.drawn.posts, err = teams.Posts(content, p.hook.Payload)
	}
	return err
}

func (p *composer) check(content connector.Content) {
	p.drawn.kind = content.Kind
	switch {
	case p.problem != nil:
	case content.Kind == connector.KindCard:
		p.drawn.warnings, p.problem = teams.CheckCard(content.Body)
	case content.Kind == connector.KindRich:
		p.problem = teams.CheckRich(content.Body)
	default:
		p.problem = teams.CheckText(content.Body)
	}
	if p.problem == nil && p.hook == nil {
		p.problem = connector.Invalid("/webhook", "Choose a webhook.")
	}
}

// mark puts each fault beside its field of the form.
func (p *composer) mark() {
	if p.problem == nil {
		return
	}
	for _, fault := range p.problem.Fields {
		at, rest, _ := strings.Cut(strings.TrimPrefix(fault.Pointer, "/"), "/")
		text := fault.Detail
		switch at {
		case "facts":
			number, _, _ := strings.Cut(rest, "/")
			if i, err := strconv.Atoi(number); err == nil {
				text = fmt.Sprintf("Fact %d: %s", i+1, text)
			}
		case "link":
			at = map[string]string{"text": "linkText", "url": "linkUrl"}[rest]
		case "card":
			if rest != "" {
				text = rest + ": " + text
			}
		}
		p.form.errs[at] = strings.TrimSpace(p.form.errs[at] + " " + text)
	}
	if len(p.problem.Fields) == 0 {
		p.form.errs[""] = p.problem.Message
	}
}

// blank reports whether nothing was written yet.
func (p *composer) blank() bool {
	f := p.form.values
	if f["kind"] == "card" {
		return f["card"] == ""
	}
	return f["textMessage"] == "" && (f["kind"] == "text" || f["title"] == "" && f["facts"] == "" && f["linkUrl"] == "")
}

// offered reports whether a webhook is among those to choose from.
func (p *composer) offered(id connector.WebhookID) bool {
	return slices.ContainsFunc(p.hooks, func(q admin.Queue) bool { return q.ID == id })
}
