package console

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// How much one page shows of what goes back for long.
const (
	shownNotices = 30
	shownMails   = 50
)

// unread is how many notices the person has not read; where that can't be told, a page comes without it.
func (v *visit) unread() int {
	n, err := v.desk.UnreadNotices(v.r.Context(), v.session.Actor)
	if err != nil {
		v.log.DebugContext(v.r.Context(), "notices not counted", "error", err)
	}
	return n
}

// unreadWord is the number in the bell.
func unreadWord(n int) string {
	if n > 99 {
		return "99+"
	}
	return count(n)
}

// bellLabel is the bell for who can't see it.
func bellLabel(n int) string {
	if n == 0 {
		return "Notices"
	}
	return "Notices, " + unreadWord(n) + " unread"
}

// notices shows what the person should hear of; what was shown counts as read.
func (c *Console) notices(v *visit) error {
	ctx, who := v.r.Context(), v.session.Actor
	list, err := c.desk.Notices(ctx, who, connector.Page{After: v.r.URL.Query().Get("cursor"), Limit: shownNotices})
	if err != nil {
		return err
	}
	if len(list.Items) > 0 && !list.Items[0].Read {
		if err := c.desk.ReadNotices(ctx, who, list.Items[0].ID); err != nil {
			return err
		}
	}
	return v.show(http.StatusOK, page{title: "Notices"}, noticesPage(v, list))
}

// outbox shows the mails of the installation to operators.
func (c *Console) outbox(v *visit) error {
	list, err := c.desk.Mails(v.r.Context(), v.session.Actor, connector.Page{After: v.r.URL.Query().Get("cursor"), Limit: shownMails})
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, page{title: "Outbox", tab: "operate", part: "outbox"}, outboxPage(v, list))
}

func (c *Console) letter(v *visit) error {
	m, err := c.desk.Mail(v.r.Context(), v.session.Actor, connector.MessageID(v.r.PathValue("id")))
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, page{title: "Mail", tab: "operate", part: "outbox"}, letterPage(v, &m))
}

// mailState is a mail's state as people read it, and its colour.
func mailState(m *admin.Mail) (word, class string) {
	switch admin.MailStatus(m) {
	case "sent":
		return "Sent", "ok"
	case "failed":
		return "Failed", "failing"
	}
	if m.LaneState == connector.LaneStopped {
		return "Held", "throttled"
	}
	return "Waiting", ""
}

// changeNotify sets who gets the warnings of a subscription.
func (c *Console) changeNotify(v *visit) error {
	id := connector.SubscriptionID(v.r.PathValue("id"))
	all := strings.FieldsFunc(v.field("notify"), func(r rune) bool { return strings.ContainsRune(" \t\r\n,;", r) })
	_, failed := c.desk.ChangeSubscription(v.r.Context(), v.session.Actor, admin.SubscriptionChange{Subscription: id, Notify: &all})
	if failed == nil {
		return v.done("/subscriptions/"+string(id), "Saved who gets the warnings.")
	}
	d, err := c.dashboard(v)
	if err != nil {
		return err
	}
	if err := d.form.take(failed); err != nil {
		return err
	}
	d.form.values["notify"] = v.field("notify")
	for i := range all { // they stand in one box
		if said := d.form.errs["notify."+strconv.Itoa(i)]; said != "" {
			d.form.errs["notify"] = all[i] + ": " + said
		}
	}
	return v.dashboard(http.StatusUnprocessableEntity, d)
}
