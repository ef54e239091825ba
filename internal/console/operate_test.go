package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// operator is the browser of somebody who runs the installation and belongs to no organization.
func (b *browser) operator() *browser {
	b.t.Helper()
	shell := connector.Actor{Name: "test", Shell: true}
	made, err := admin.New(b.store, admin.Options{}).AddPerson(b.t.Context(), shell, admin.PersonRequest{Email: "ops@teams.example", Operator: true})
	must(b.t, err)
	ops := b.browser()
	ops.post("/link/"+made.Link.Reveal(), url.Values{"password": {goodPassword}})
	return ops
}

// stranger is the browser of an admin of another organization.
func (b *browser) stranger() *browser {
	b.t.Helper()
	eve := b.browser()
	eve.post("/link/"+b.invite("eve@fabrikam.example"), url.Values{"password": {goodPassword}})
	return eve
}

// organizationOf is the id of the organization that the console was set up with.
func (b *browser) organizationOf() string {
	b.t.Helper()
	all, err := b.store.Subscriptions(b.t.Context(), "")
	must(b.t, err)
	return string(all[0].Organization)
}

// operatorPages are the pages of operators, about the things that full made.
func operatorPages(b *browser, sub string) []string {
	org := b.organizationOf()
	return []string{
		"/operate/organizations", "/operate/organizations?q=conto", "/operate/organizations?add=1", "/operate/organizations?q=none",
		"/operate/organizations/" + org, "/operate/organizations/" + org + "?dialog=rename", "/operate/organizations/" + org + "?dialog=suspend",
		"/operate/organizations/" + org + "?dialog=erase", "/operate/organizations/" + org + "?dialog=subscribe",
		"/operate/health", "/nodes", "/operate/settings", "/operate/find", "/operate/find?id=" + sub,
		"/operate/orders?state=all", "/operate/plans", "/operate/plans?add=1", "/operate/plans?edit=standard", "/operate/subscriptions", "/operate/subscriptions?q=none",
	}
}

func TestOnlyOperatorsSeeTheOperatorsPages(t *testing.T) {
	b, sub, _, _ := full(t)
	ops, eve := b.operator(), b.stranger()

	for _, page := range operatorPages(b, sub) {
		if got := ops.get(page).status; got != http.StatusOK && got != http.StatusUnprocessableEntity {
			t.Errorf("%s for an operator: %d", page, got)
		}
		if got := eve.get(page).status; got != http.StatusNotFound {
			t.Errorf("%s for an admin of another organization: %d, want 404", page, got)
		}
	}
	for _, form := range []string{"/name", "/suspend", "/erase", "/subscriptions"} {
		if got := eve.post("/operate/organizations/"+b.organizationOf()+form, url.Values{}).status; got != http.StatusNotFound {
			t.Errorf("%s sent by an admin of another organization: %d, want 404", form, got)
		}
	}
	if strings.Contains(eve.get("/console").body, "/operate") || !strings.Contains(ops.get("/console").body, "/operate") {
		t.Error("the navigation offers the operator's pages to the wrong people")
	}
}

func TestOperatorsNeverSeeATextOrAURL(t *testing.T) {
	b, sub, hook, message := full(t)
	ops := b.operator()
	pages := append(operatorPages(b, sub), "/webhooks/"+hook, "/messages?webhook="+hook, "/messages/"+message,
		"/subscriptions/"+sub, "/messages?webhook="+hook+"&q=Order", "/members?organization="+b.organizationOf())

	for _, page := range pages {
		got := ops.get(page)
		for _, secret := range []string{"Order 4711", "4QdQqrSXTnRFbrJ", "0112b6e0d15ffd916cf998a5a31e2248", "sig="} {
			if strings.Contains(got.body, secret) {
				t.Errorf("%s shows %q to an operator", page, secret)
			}
		}
	}
	if own := b.get("/messages/" + message); !strings.Contains(own.body, "Order 4711") {
		t.Error("its own people don't see the text: this test proves nothing")
	}
	if got := ops.post("/webhooks/"+hook+"/reveal", url.Values{}); strings.Contains(got.body, "4QdQqrSXTnRFbrJ") {
		t.Errorf("the URL is revealed to an operator: %d", got.status)
	}
}

func TestAnOrganizationIsCreatedSuspendedAndErasedByItsName(t *testing.T) {
	b, _, _, _ := full(t)
	ops, org := b.operator(), b.organizationOf()
	at := "/operate/organizations/" + org

	made := ops.post("/operate/organizations", url.Values{"name": {"Northwind"}, "adminEmail": {"ann@northwind.example"}})
	blank := ops.post("/operate/organizations", url.Values{"name": {" "}, "adminEmail": {"ann@northwind.example"}})
	ops.post(at+"/suspend", url.Values{"suspend": {"1"}})
	stopped := ops.get(at)
	ops.post(at+"/suspend", url.Values{})
	open := ops.get(at)
	wrong := ops.post(at+"/erase", url.Values{"confirm": {"contoso"}})
	still := ops.get(at)
	ops.post(at+"/erase", url.Values{"confirm": {"Contoso"}})

	if link := between(made.body, `data-copy="`+b.url, `"`); !strings.HasPrefix(link, "/link/tct_") {
		t.Errorf("created: %d, link %q", made.status, link)
	}
	if blank.status != http.StatusUnprocessableEntity || !strings.Contains(blank.body, `id="name-err"`) || !strings.Contains(blank.body, `value="ann@northwind.example"`) {
		t.Errorf("a blank name: %d, or not the form with what was typed", blank.status)
	}
	if !strings.Contains(stopped.body, "Suspended") || strings.Contains(open.body, "Suspended") {
		t.Error("suspending is not seen, or not undone")
	}
	if wrong.status != http.StatusUnprocessableEntity || !strings.Contains(wrong.body, `id="confirm-err"`) || still.status != http.StatusOK {
		t.Errorf("another name: %d, then the page: %d", wrong.status, still.status)
	}
	if got := ops.get(at).status; got != http.StatusNotFound {
		t.Errorf("after its erasure: %d, want 404", got)
	}
}

func TestAnOperatorGivesASubscription(t *testing.T) {
	b, _, _, _ := full(t)
	ops, at := b.operator(), "/operate/organizations/"+b.organizationOf()

	given := ops.post(at+"/subscriptions", url.Values{"plan": {"standard"}, "instanceName": {"Acceptance"}, "technicalContact.email": {"jan@contoso.example"}})
	twice := ops.post(at+"/subscriptions", url.Values{"plan": {"standard"}, "instanceName": {"acceptance"}})
	address := ops.post(at+"/subscriptions", url.Values{"plan": {"standard"}, "instanceName": {"Third"}, "technicalContact.email": {"jan"}})

	if given.status != http.StatusSeeOther || !strings.Contains(ops.get(at).body, "Acceptance") {
		t.Errorf("given: %d, or not listed", given.status)
	}
	if twice.status != http.StatusUnprocessableEntity || !strings.Contains(twice.body, `id="instanceName-err"`) {
		t.Errorf("the same name: %d", twice.status)
	}
	if address.status != http.StatusUnprocessableEntity || !strings.Contains(address.body, `id="technicalContact.email-err"`) {
		t.Errorf("a wrong address: %d", address.status)
	}
}

func TestTheSearchOfOrganizationsMindsNoCase(t *testing.T) {
	b, _ := furnished(t)
	b.stranger()
	ops := b.operator()

	found, byID := ops.get("/operate/organizations?q=CONT").body, ops.get("/operate/organizations?q="+b.organizationOf()).body

	for _, page := range []string{found, byID} {
		if !strings.Contains(page, "Contoso</a>") || strings.Contains(page, "Fabrikam") {
			t.Error("the search does not choose")
		}
	}
}

func TestFindLeadsToWhatAnIDNames(t *testing.T) {
	b, sub, hook, message := full(t)
	ops := b.operator()
	keys, err := b.store.KeysOf(t.Context(), connector.SubscriptionID(sub))
	must(t, err)

	for id, page := range map[string]string{
		hook: "/webhooks/" + hook, message: "/messages/" + message, sub: "/subscriptions/" + sub,
		" " + b.organizationOf() + " ": "/operate/organizations/" + b.organizationOf(),
	} {
		if got := ops.post("/operate/find", url.Values{"q": {id}}); got.status != http.StatusSeeOther || got.location != page {
			t.Errorf("%s: %d to %q, want %s", id, got.status, got.location, page)
		}
	}
	for _, id := range []string{string(keys[0].ID), keys[0].LicenseKey} {
		if got := ops.get(ops.post("/operate/find", url.Values{"q": {id}}).location).body; !strings.Contains(got, "Binding keys") || !strings.Contains(got, "Contoso") {
			t.Errorf("%s: the page does not say what it is and whose", id)
		}
	}
	b.post("/webhooks/"+hook+"/delete", url.Values{})
	if got := ops.get(ops.post("/operate/find", url.Values{"q": {hook}}).location).body; !strings.Contains(got, "Deleted") || !strings.Contains(got, "Contoso") {
		t.Error("a deleted webhook is not found")
	}
}

func TestFindRepeatsNoSecret(t *testing.T) {
	b, _ := furnished(t)
	ops := b.operator()

	for _, secret := range []string{"tcs_canary0canary0", "tct_canary0canary0", "https://canary0.example/?sig=canary0"} {
		got := ops.post("/operate/find", url.Values{"q": {secret}})
		if got.status != http.StatusUnprocessableEntity || strings.Contains(got.body, "canary0") {
			t.Errorf("%s: %d, or the page repeats it", secret, got.status)
		}
	}
}

func TestHealthListsTheWebhooksInTroubleByID(t *testing.T) {
	b, sub, hook, _ := full(t)
	ops := b.operator()
	well := ops.get("/operate/health").body
	b.post("/webhooks/"+hook+"/resume", url.Values{"send": {"all"}})
	queue, err := b.store.Queue(t.Context(), connector.SubscriptionID(sub), connector.WebhookID(hook))
	must(t, err)
	rows, err := b.store.Fetch(t.Context(), []connector.FetchRequest{{Lane: queue.Lane}})
	must(t, err)
	rows[0].Lane.Failures = 3
	must(t, b.store.Settle(t.Context(), []connector.Settlement{{Lane: rows[0].Lane, Group: rows[0].Group}}))

	ill := ops.get("/operate/health").body

	if strings.Contains(well, hook) || !strings.Contains(well, "Takes messages") {
		t.Error("a paused webhook is in trouble, or the service is not ready")
	}
	if !strings.Contains(ill, hook) || strings.Contains(ill, "Support tickets") {
		t.Error("the failing webhook is not listed, or by its name")
	}
}
