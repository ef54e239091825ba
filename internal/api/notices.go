package api

import (
	"context"
	"net/http"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func (a *API) noticeRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/api/v1/notices", id: "listNotices",
			summary: "List what the person of the token should hear of, the newest first", typed: typed(a.listNotices),
		},
		{
			method: http.MethodGet, path: "/api/v1/mails", id: "listMails", summary: "List the e-mails of the installation, the newest first",
			right: connector.RightOperate, typed: typed(a.listMails),
		},
		{
			method: http.MethodGet, path: "/api/v1/mails/{id}", id: "readMail", summary: "Read an e-mail, with its text and its link",
			right: connector.RightOperate, typed: typed(a.readMail),
		},
	}
}

// notice is something that people should hear of.
type notice struct {
	Kind         connector.NoticeKind     `json:"kind" doc:"such as webhook_stopped, quota_near, term_ending"`
	At           string                   `json:"at" format:"date-time"`
	Subject      string                   `json:"subject"`
	Text         []string                 `json:"text" doc:"paragraphs; they say what to do"`
	Subscription connector.SubscriptionID `json:"subscription,omitempty"`
	Webhook      connector.WebhookID      `json:"webhook,omitempty"`
	Read         bool                     `json:"read" doc:"on the console"`
}

func noticeItem(n admin.Notice) notice {
	return notice{Kind: n.Kind, At: stamp(n.At), Subject: n.Subject, Text: n.Lines, Subscription: n.Subscription, Webhook: n.Webhook, Read: n.Read}
}

func (a *API) listNotices(ctx context.Context, who connector.Actor, in *Paging) (*listed[notice], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	list, err := a.desk.Notices(ctx, who, page)
	if err != nil {
		return nil, err
	}
	return asList(list, noticeItem), nil
}

// mail is an e-mail in the outbox.
type mail struct {
	ID           connector.MessageID `json:"id"`
	To           string              `json:"to" doc:"empty: the text was removed after its time"`
	Subject      string              `json:"subject"`
	Organization string              `json:"organization,omitempty" doc:"of which it tells; absent: of the installation"`
	Status       string              `json:"status" enum:"waiting,sent,failed"`
	Detail       string              `json:"detail,omitempty" doc:"what came of it, or what it waits for"`
	Attempts     int                 `json:"attempts"`
	CreatedAt    string              `json:"createdAt" format:"date-time"`
	FinishedAt   *string             `json:"finishedAt" format:"date-time" doc:"null: it waits"`
	Text         []string            `json:"text,omitempty" doc:"paragraphs; of one mail only"`
	Link         string              `json:"link,omitempty" doc:"of one mail only; it may lead into an account, once"`
}

func mailItem(m admin.Mail) mail {
	return mail{
		ID: m.ID, To: m.Mail.To, Subject: m.Mail.Subject, Organization: m.For, Status: admin.MailStatus(&m), Detail: admin.MailDetail(&m),
		Attempts: m.Attempts, CreatedAt: stamp(m.AcceptedAt), FinishedAt: optional(m.FinishedAt),
	}
}

func (a *API) listMails(ctx context.Context, who connector.Actor, in *Paging) (*listed[mail], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	list, err := a.desk.Mails(ctx, who, page)
	if err != nil {
		return nil, err
	}
	return asList(list, mailItem), nil
}

func (a *API) readMail(ctx context.Context, who connector.Actor, in *MessagePath) (*one[mail], error) {
	m, err := a.desk.Mail(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	item := mailItem(m)
	item.Text, item.Link = m.Mail.Lines, m.Mail.Link
	return &one[mail]{Body: item}, nil
}
