package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/console"
)

// filled is the form of an order as somebody fills it in.
func filled(b *browser) url.Values {
	b.t.Helper()
	page := b.get("/marketplace/subscribe").body
	return url.Values{
		"form": {between(page, `name="form" value="`, `"`)}, "organization": {between(page, `name="organization" value="`, `"`)},
		"plan": {"standard"}, "technicalContact.firstName": {"Mira"}, "technicalContact.lastName": {"Kaya"}, "technicalContact.email": {"mira@contoso.example"},
		"billing.company": {"Contoso"}, "billing.email": {"bills@contoso.example"}, "billing.reference": {"PO 4711"}, "terms": {"1"},
	}
}

func TestAnOrderOfTwoTabsIsOneSubscription(t *testing.T) {
	b, _ := furnished(t)
	tab, other := filled(b), filled(b)
	other.Set("plan", "enterprise")

	first, second := b.post("/marketplace/subscribe", tab), b.post("/marketplace/subscribe", other)

	if first.status != http.StatusSeeOther || first.location != second.location || !strings.HasPrefix(first.location, "/orders/ord_") {
		t.Fatalf("the first tab leads to %d %q, the second to %q", first.status, first.location, second.location)
	}
	for _, want := range []string{"Your request has been received", "PO 4711", "Standard", "mira@contoso.example"} {
		if page := b.get(first.location); !strings.Contains(page.body, want) {
			t.Errorf("the page of the order lacks %q", want)
		}
	}
	if page := b.get("/subscriptions").body; strings.Count(page, `href="/subscriptions/sub_`) != 2 {
		t.Errorf("%d subscriptions stand, want that of the set-up and one more", strings.Count(page, `href="/subscriptions/sub_`))
	}
}

func TestAnOrderSaysWhatIsMissingBesideItsField(t *testing.T) {
	b, _ := furnished(t)
	for field, id := range map[string]string{
		"terms": "terms", "technicalContact.lastName": "technicalContact.lastName", "billing.email": "billing.email", "plan": "plan",
	} {
		typed := filled(b)
		typed.Del(field)
		got := b.post("/marketplace/subscribe", typed)
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.body, `id="`+id+`-err"`) || !strings.Contains(got.body, `value="PO 4711"`) {
			t.Errorf("without %s: %d, or no error beside it, or what was typed is lost", field, got.status)
		}
	}
}

func TestASecondTrialIsRefusedWithTheReason(t *testing.T) {
	b, _ := furnished(t)
	page := b.get("/marketplace/trial").body
	typed := url.Values{"form": {between(page, `name="form" value="`, `"`)}, "organization": {between(page, `name="organization" value="`, `"`)}}

	unread := b.post("/marketplace/trial", typed)
	typed.Set("terms", "1")
	enabled, twice := b.post("/marketplace/trial", typed), b.post("/marketplace/trial", typed)

	if unread.status != http.StatusUnprocessableEntity || enabled.status != http.StatusSeeOther || twice.location != enabled.location {
		t.Fatalf("without the terms %d, enabled %d, the same click again to %q", unread.status, enabled.status, twice.location)
	}
	path, _, _ := strings.Cut(enabled.location, "?")
	if sub := b.get(path); !strings.Contains(sub.body, "Mira Kaya") || !strings.Contains(b.get("/subscriptions").body, "Trial") {
		t.Error("whoever enabled the trial is not its Technical Contact, or it does not say that it is one")
	}
	if again := b.get("/marketplace/trial"); again.status != http.StatusConflict || !strings.Contains(again.body, "one for each organization") {
		t.Errorf("a second trial: %d", again.status)
	}
	typed.Set("form", "99")
	if again := b.post("/marketplace/trial", typed); again.status != http.StatusConflict || !strings.Contains(again.body, "one for each organization") {
		t.Errorf("a second trial sent at once: %d", again.status)
	}
	if form := b.get("/marketplace/subscribe"); !strings.Contains(form.body, "selected>Contoso 2 (now trial") {
		t.Error("a subscription after the trial is not offered as the same instance")
	}
}

func TestTheMarketplaceIsReadWithoutAnAccountOnlyWhereSignupIsOpen(t *testing.T) {
	closed := open(t, console.Options{}).browser().get("/marketplace")
	p := openUnder(t, admin.Options{Signup: true}, func(*auth.Auth) console.Options { return console.Options{} }).browser()
	public := p.get("/marketplace")

	if closed.status != http.StatusSeeOther || !strings.HasPrefix(closed.location, "/signin?next=") {
		t.Errorf("closed: %d to %q", closed.status, closed.location)
	}
	if public.status != http.StatusOK || !strings.Contains(public.body, "Try for Free") || !strings.Contains(public.body, "/api/mendix/MSTeamsConnectorModule") {
		t.Errorf("open: %d, or it lacks a button", public.status)
	}
	if trial := p.get("/marketplace/trial"); trial.status != http.StatusSeeOther {
		t.Errorf("a trial without an account: %d", trial.status)
	}
}

func TestACancelledSubscriptionComesBackWithAnOrder(t *testing.T) {
	b, path := furnished(t)

	asked := b.get(path + "?cancel=1")
	b.post(path+"/cancel", url.Values{})
	typed := filled(b)
	typed.Set("subscription", strings.TrimPrefix(path, "/subscriptions/"))
	cancelled := b.get(path)
	b.post("/marketplace/subscribe", typed)

	if !strings.Contains(asked.body, "Yes, cancel it") || !strings.Contains(cancelled.body, "Cancelled") {
		t.Error("nobody asks first, or the page does not say that it is cancelled")
	}
	if back := b.get(path); !strings.Contains(back.body, "Active") || !strings.Contains(back.body, "standard") {
		t.Error("an order does not bring the subscription back")
	}
}
