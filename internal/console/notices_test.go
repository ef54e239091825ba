package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/console"
	"github.com/teamsconnector/teamsconnector/internal/ingest"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// founded is a browser in which the founder is signed in, and what they founded.
func founded(t *testing.T) (*browser, store.Subscription) {
	t.Helper()
	p := open(t, console.Options{})
	b := p.browser()
	made := b.post("/setup/"+p.setup, founder())
	id, _, _ := strings.Cut(strings.TrimPrefix(made.location, "/subscriptions/"), "?")
	sub, err := p.store.Subscription(t.Context(), connector.SubscriptionID(id))
	must(t, err)
	return b, sub
}

func TestTheBellCountsWhatIsUnreadUntilItIsRead(t *testing.T) {
	b, sub := founded(t)
	other := b.place.browser()
	other.post("/link/"+b.invite("ada@fabrikam.example"), url.Values{"email": {"ada@fabrikam.example"}, "password": {goodPassword}})
	must(t, b.store.Notify(t.Context(), store.NewNotice{Event: "x", Kind: connector.NoticeQuotaUsed, Organization: sub.Organization, Subscription: sub.ID}))

	if got := b.get("/account").body; !strings.Contains(got, "Notices, 1 unread") {
		t.Error("the bell does not count the notice")
	}
	if got := other.get("/account").body; strings.Contains(got, "1 unread") {
		t.Error("another organization hears of it")
	}
	if got := other.get("/notices").body; strings.Contains(got, sub.InstanceName) {
		t.Error("another organization reads it")
	}
	if got := b.get("/notices"); got.status != http.StatusOK || !strings.Contains(got.body, "used up: "+sub.InstanceName) || !strings.Contains(got.body, ">New<") {
		t.Errorf("the page: %d, want the notice as a new one", got.status)
	}
	if got := b.get("/notices").body; strings.Contains(got, "1 unread") || strings.Contains(got, ">New<") {
		t.Error("what was read is new again")
	}
}

// mail makes a mail to somebody, and says where the outbox shows it.
func (p *place) mail(of connector.OrganizationID) (path string) {
	p.t.Helper()
	lic, lane, err := p.store.MailLane(p.t.Context(), of, "jane@contoso.example")
	must(p.t, err)
	body, err := (&connector.Mail{To: "jane@contoso.example", Subject: "You are <invited>", Lines: []string{"Come in."}, Button: "Go", Link: "https://c.test/link/tct_1?next=/console"}).Encode()
	must(p.t, err)
	in := ingest.New(p.store, p.ring, idle{}, ingest.Options{})
	id, err := in.Send(p.t.Context(), lic, connector.Message{Webhook: lane, Content: connector.Content{Kind: connector.KindMail, Body: body}}, 0)
	must(p.t, err)
	return "/operate/outbox/" + string(id)
}

func TestTheOutboxShowsOperatorsEachMailWithItsLink(t *testing.T) {
	b, sub := founded(t)
	path := b.mail(sub.Organization)
	stranger := b.place.browser()
	stranger.post("/link/"+b.invite("ada@fabrikam.example"), url.Values{"email": {"ada@fabrikam.example"}, "password": {goodPassword}})

	list := b.get("/operate/outbox")

	if list.status != http.StatusOK || !strings.Contains(list.body, "jane@contoso.example") || !strings.Contains(list.body, "You are &lt;invited&gt;") || !strings.Contains(list.body, path) || strings.Contains(list.body, "tct_1") {
		t.Fatalf("the outbox: %d", list.status)
	}
	if got := b.get(path); got.status != http.StatusOK || !strings.Contains(got.body, "https://c.test/link/tct_1?next=/console") || !strings.Contains(got.body, "Come in.") {
		t.Errorf("the mail's page: %d, want its text and link", got.status)
	}
	for _, path := range []string{"/operate/outbox", path} {
		if got := stranger.get(path); got.status < 400 || strings.Contains(got.body, "jane@") {
			t.Errorf("%s for who is no operator: %d", path, got.status)
		}
	}
}

func TestWhoGetsTheWarningsIsAListOfAddresses(t *testing.T) {
	b, sub := founded(t)
	path := "/subscriptions/" + string(sub.ID)

	wrong := b.post(path+"/notify", url.Values{"notify": {"jane@contoso.example\nnobody"}})
	right := b.post(path+"/notify", url.Values{"notify": {"jane@contoso.example, joe@contoso.example\r\n"}})

	if wrong.status != http.StatusUnprocessableEntity || !strings.Contains(wrong.body, "nobody: This is not an e-mail address") {
		t.Errorf("a wrong address: %d, want 422 with the address named", wrong.status)
	}
	if right.status != http.StatusSeeOther {
		t.Errorf("two addresses: %d, want 303", right.status)
	}
	if got := b.get(path).body; !strings.Contains(got, ">jane@contoso.example\njoe@contoso.example</textarea>") {
		t.Error("the page does not show the addresses")
	}
}

func TestWhoForgotThePasswordIsMailedALinkAndNobodyLearnsWhoHasAnAccount(t *testing.T) {
	b, _ := founded(t)
	stranger := b.place.browser()

	for _, email := range []string{"mira@contoso.example", "MIRA@contoso.example", "nobody@contoso.example"} {
		if got := stranger.post("/forgot", url.Values{"email": {email}}); got.status != http.StatusSeeOther || got.location != "/forgot?asked=1" {
			t.Errorf("%s: %d to %q, want the same for all", email, got.status, got.location)
		}
	}

	due, err := b.store.NoticesToMail(t.Context(), 10)
	must(t, err)
	if len(due) != 1 || due[0].Kind != connector.NoticePassword || due[0].PersonEmail != "mira@contoso.example" {
		t.Errorf("to be mailed: %+v, want one link for the one who has an account", due)
	}
	if got := stranger.post("/forgot", url.Values{"email": {"mira"}}); got.status != http.StatusUnprocessableEntity {
		t.Errorf("no address: %d, want 422", got.status)
	}
}

func TestALinkOfAMailLeadsOnToItsPageAndToNoOther(t *testing.T) {
	b, _ := founded(t)
	link := "/link/" + b.invite("ada@fabrikam.example")
	typed := url.Values{"email": {"ada@fabrikam.example"}, "password": {goodPassword}}

	if got := b.place.browser().post(link+"?next=/subscriptions", typed); got.status != http.StatusSeeOther || got.location != "/subscriptions" {
		t.Errorf("%d to %q, want 303 to the subscriptions", got.status, got.location)
	}
	link = "/link/" + b.invite("joe@fabrikam.example")
	typed.Set("email", "joe@fabrikam.example")
	if got := b.place.browser().post(link+"?next=//evil.example", typed); got.location != "/" {
		t.Errorf("another site: to %q, want to the console's start", got.location)
	}
}
