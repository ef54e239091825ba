package admin

import (
	"context"
	"strconv"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// Notify tells people of an event, once: on the console and by mail. Where the event
// is a change of the store, its notice is better written in the same transaction.
func (a *Admin) Notify(ctx context.Context, n store.NewNotice) error { return a.store.Notify(ctx, n) }

// ForgotPassword mails a link for a new password, where the address has an account. Nobody learns whether it has.
func (a *Admin) ForgotPassword(ctx context.Context, email string) error {
	if err := connector.CheckEmail("/email", email); err != nil {
		return err
	}
	return a.store.AskPassword(ctx, email)
}

// Notice is something that a person should hear of, in words.
type Notice struct {
	ID           int64 // ascending
	Kind         connector.NoticeKind
	At           time.Time
	Subject      string
	Lines        []string
	Button, Path string                   // where one does something about it
	Subscription connector.SubscriptionID // empty: of none
	Webhook      connector.WebhookID      // empty: of none
	Read         bool
}

// Notices lists what a person should hear of, the newest first: of their organizations, of
// the subscriptions that they are the Technical Contact of, and the operator's.
func (a *Admin) Notices(ctx context.Context, who connector.Actor, page connector.Page) (connector.List[Notice], error) {
	none := connector.List[Notice]{}
	if who.Person == "" {
		return none, connector.Errorf(connector.Forbidden, "Notices are a person's. Use a token of a person, or sign in.")
	}
	before, err := rowAfter(page.After)
	if err != nil {
		return none, err
	}
	upTo, _, err := a.store.NoticesRead(ctx, who.Person)
	if err != nil {
		return none, err
	}
	rows, err := a.store.Notices(ctx, who.Person, before, page.Limit+1)
	if err != nil {
		return none, err
	}
	all := make([]Notice, len(rows))
	for i := range rows {
		n := &rows[i]
		s := say(rows[i : i+1])
		all[i] = Notice{
			ID: n.Row, Kind: n.Kind, At: n.At, Subject: s.subject, Lines: s.lines, Button: s.button, Path: s.path,
			Subscription: n.Subscription, Webhook: n.Webhook, Read: n.Row <= upTo,
		}
	}
	return connector.Cut(all, page.Limit, func(n Notice) string { return strconv.FormatInt(n.ID, 10) }), nil
}

// rowAfter reads the key of a list that goes by rows; 0: from the start.
func rowAfter(key string) (int64, error) {
	if key == "" {
		return 0, nil
	}
	row, err := strconv.ParseInt(key, 10, 64)
	if err != nil || row < 1 {
		return 0, connector.Invalid("/cursor", "This is no cursor of this list. Take it from next of the page before.")
	}
	return row, nil
}

// UnreadNotices counts what a person has not read yet, 100 at most.
func (a *Admin) UnreadNotices(ctx context.Context, who connector.Actor) (int, error) {
	_, unread, err := a.store.NoticesRead(ctx, who.Person)
	return unread, err
}

// ReadNotices notes that a person has read all up to one.
func (a *Admin) ReadNotices(ctx context.Context, who connector.Actor, upTo int64) error {
	return a.store.ReadNotices(ctx, who.Person, upTo)
}

// Mail is an e-mail as the operator sees it.
type Mail = store.MailEntry

// MailStatus is how far a mail has come, in one word: waiting, sent, failed.
func MailStatus(m *Mail) string {
	switch {
	case !m.State.Final():
		return "waiting"
	case m.State == connector.StateSent || m.State == connector.StatePosted:
		return "sent"
	}
	return "failed"
}

// MailDetail says what came of a mail last, or what it waits for; empty: nothing is to be said.
func MailDetail(m *Mail) string {
	switch {
	case m.State.Final():
		return m.Detail
	case m.LaneCause != "":
		return m.LaneCause
	}
	return m.Last
}

// Mails is the outbox: all mails of the installation, the newest first, for operators.
func (a *Admin) Mails(ctx context.Context, who connector.Actor, page connector.Page) (connector.List[Mail], error) {
	if !who.May(connector.RightOperate, "", "") {
		return connector.List[Mail]{}, connector.Refused(connector.RightOperate)
	}
	before, err := rowAfter(page.After)
	if err != nil {
		return connector.List[Mail]{}, err
	}
	all, err := a.store.Mails(ctx, connector.Seq(before), page.Limit+1)
	return connector.Cut(all, page.Limit, func(m Mail) string { return strconv.FormatInt(int64(m.Seq), 10) }), err
}

// Mail returns one mail with what it says, its link too, for operators.
func (a *Admin) Mail(ctx context.Context, who connector.Actor, id connector.MessageID) (Mail, error) {
	if !who.May(connector.RightOperate, "", "") {
		return Mail{}, connector.Refused(connector.RightOperate)
	}
	return a.store.Mail(ctx, id)
}
