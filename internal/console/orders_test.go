package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/console"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// ordered is a console where the operator approves orders and two wait, with their ids.
func ordered(t *testing.T) (b *browser, first, second string) {
	t.Helper()
	p := openUnder(t, admin.Options{AskOperator: true}, func(*auth.Auth) console.Options { return console.Options{} })
	b = p.browser()
	b.post("/setup/"+p.setup, founder())
	first = strings.TrimPrefix(b.post("/marketplace/subscribe", filled(b)).location, "/orders/")
	second = strings.TrimPrefix(b.post("/marketplace/subscribe", filled(b)).location, "/orders/")
	return b, first, second
}

func TestAnOrderIsApprovedOrDeclinedWithTheReasonOnce(t *testing.T) {
	b, first, second := ordered(t)
	ops := b.operator()
	at := "/operate/orders/"
	waiting := ops.get("/operate/orders").body

	approved := ops.post(at+first+"/approve", url.Values{})
	blank := ops.post(at+second+"/decline", url.Values{"reason": {" "}})
	declined := ops.post(at+second+"/decline", url.Values{"reason": {"No budget this year"}})
	again := ops.post(at+first+"/decline", url.Values{"reason": {"Too late"}})
	said := ops.get("/operate/orders")

	if !strings.Contains(waiting, at+first+"/approve") || !strings.Contains(waiting, "?decline="+second) || !strings.Contains(waiting, "PO 4711") {
		t.Error("the orders that wait are not listed with what to do")
	}
	if blank.status != http.StatusUnprocessableEntity || !strings.Contains(blank.body, `id="reason-err"`) {
		t.Errorf("declined without a reason: %d", blank.status)
	}
	if approved.location != "/operate/orders" || declined.location != "/operate/orders" || again.location != "/operate/orders" {
		t.Errorf("approved: %d, declined: %d, decided again: %d", approved.status, declined.status, again.status)
	}
	if !strings.Contains(said.body, "was approved already") || strings.Contains(said.body, first) {
		t.Error("a second decision is not told what became of the order, or it waits still")
	}
	if page := ops.get("/operate/orders?state=refused").body; !strings.Contains(page, "No budget this year") || !strings.Contains(page, second) || strings.Contains(page, first) {
		t.Error("the list of what was declined lacks the reason, or holds more")
	}
	if own := b.get("/orders/" + second).body; !strings.Contains(own, "No budget this year") {
		t.Error("those who ordered don't read why")
	}
	if got := b.get("/subscriptions").body; strings.Count(got, ">Active<") != 2 || strings.Count(got, ">Cancelled<") != 1 {
		t.Error("the subscriptions don't follow their orders")
	}
}

func TestOnlyOperatorsDecideOrdersAndChangePlans(t *testing.T) {
	b, first, _ := ordered(t)
	eve := b.stranger()
	for _, form := range []string{"/operate/orders/" + first + "/approve", "/operate/orders/" + first + "/decline", "/operate/plans", "/operate/plans/standard"} {
		if got := eve.post(form, url.Values{"reason": {"x"}}).status; got != http.StatusNotFound {
			t.Errorf("%s sent by an admin of an organization: %d, want 404", form, got)
		}
	}
	if page := b.operator().get("/operate/orders").body; !strings.Contains(page, first) {
		t.Error("the order is decided")
	}
}

func TestTheNoticeOfAnOrderLeadsToTheOrders(t *testing.T) {
	b, _, _ := ordered(t)
	ops := b.operator()
	b.post("/marketplace/subscribe", filled(b))

	if page := ops.get("/notices").body; !strings.Contains(page, "An order waits for your approval") || !strings.Contains(page, `href="/operate/orders"`) {
		t.Error("the notice is not there, or leads elsewhere")
	}
}

func TestAPlanIsMadeAndChangedAndAStaleFormChangesNothing(t *testing.T) {
	b, _ := furnished(t)
	ops := b.operator()
	typed := url.Values{"name": {"Team"}, "price": {"20 a month"}, "type": {"paid"}, "webhookQuota": {"25"}, "messageQuota": {"0"}, "termMonths": {"6"}}

	made := ops.post("/operate/plans", typed)
	twice := ops.post("/operate/plans", typed)
	at := "/operate/plans/" + between(ops.get("/operate/plans").body, "?edit=plan_", `"`)
	at = strings.Replace(at, "/plans/", "/plans/plan_", 1)
	form := ops.get("/operate/plans?edit=" + strings.TrimPrefix(at, "/operate/plans/")).body
	typed.Set("version", between(form, `name="version" value="`, `"`))
	typed.Set("webhookQuota", "30")
	changed, stale := ops.post(at, typed), ops.post(at, typed)
	typed.Set("messageQuota", "many")
	wrong := ops.post(at, typed)

	if made.status != http.StatusSeeOther || twice.status != http.StatusUnprocessableEntity || !strings.Contains(twice.body, `id="name-err"`) {
		t.Errorf("made: %d, the same name again: %d", made.status, twice.status)
	}
	if !strings.Contains(form, `value="25"`) || changed.status != http.StatusSeeOther || stale.status != http.StatusConflict {
		t.Errorf("changed: %d, by a form of before: %d", changed.status, stale.status)
	}
	if wrong.status != http.StatusUnprocessableEntity || !strings.Contains(wrong.body, `id="messageQuota-err"`) || !strings.Contains(wrong.body, `value="many"`) {
		t.Errorf("no number: %d, or not beside its field", wrong.status)
	}
	if page := b.get("/marketplace").body; !strings.Contains(page, "20 a month") {
		t.Error("people don't see the new plan")
	}
}

func TestSubscriptionsOfAllOrganizationsShowWhatIsUsed(t *testing.T) {
	b, sub, _, _ := full(t)
	ops := b.operator()
	one := 1
	_, err := b.store.ChangeSubscription(t.Context(), store.SubscriptionChange{Subscription: connector.SubscriptionID(sub), MessageQuota: &one, By: "test"})
	must(t, err)

	all, found, none := ops.get("/operate/subscriptions").body, ops.get("/operate/subscriptions?status=active&q=CONT").body, ops.get("/operate/subscriptions?status=expired").body

	for _, page := range []string{all, found} {
		if !strings.Contains(page, sub) || !strings.Contains(page, "2 of 1,000") || !strings.Contains(page, "3 of 1<") || !strings.Contains(page, "/operate/organizations/"+b.organizationOf()) {
			t.Error("the subscription, what is used of it, or its organization is not there")
		}
	}
	if strings.Contains(none, sub) {
		t.Error("an active subscription is listed as expired")
	}
}
