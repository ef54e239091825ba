package console_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/console"
)

// furnished is a console with its first person signed in, and the path of their subscription.
func furnished(t *testing.T) (*browser, string) {
	t.Helper()
	p := open(t, console.Options{})
	b := p.browser()
	made := b.post("/setup/"+p.setup, founder())
	path, _, _ := strings.Cut(made.location, "?")
	return b, path
}

// between is the text of a page between two marks.
func between(page, before, after string) string {
	_, rest, _ := strings.Cut(page, before)
	text, _, _ := strings.Cut(rest, after)
	return html.UnescapeString(text)
}

func TestKeysAreShownOnceAndListedWithoutTheirSecret(t *testing.T) {
	b, path := furnished(t)

	made := b.post(path+"/keys", url.Values{"name": {"Invoice app"}})
	again := b.post(path+"/keys", url.Values{"name": {"Invoice app"}})

	secret := between(made.body, `data-copy="tcs_`, `"`)
	if made.status != http.StatusOK || len(secret) != 58 {
		t.Fatalf("made: %d, secret of %d characters", made.status, len(secret))
	}
	list := b.get(path)
	if strings.Contains(list.body, secret) || !strings.Contains(list.body, "Invoice app") {
		t.Error("the list shows the secret, or lacks the keys")
	}
	if again.status != http.StatusUnprocessableEntity || !strings.Contains(again.body, `id="name-err"`) || !strings.Contains(again.body, `value="Invoice app"`) {
		t.Errorf("the same name again: %d, want the form with the error beside the field", again.status)
	}
}

func TestDeletingKeysAsksFirst(t *testing.T) {
	b, path := furnished(t)
	b.post(path+"/keys", url.Values{"name": {"Invoice app"}})
	id := between(b.get(path).body, "?delete=", `"`)

	asked := b.get(path + "?delete=" + id)
	done := b.post(path+"/keys/"+id+"/delete", url.Values{})

	if !strings.Contains(asked.body, "Yes, delete") || !strings.Contains(asked.body, "Invoice app") {
		t.Error("nobody asks before the keys are deleted")
	}
	if done.status != http.StatusSeeOther {
		t.Errorf("deleted: %d", done.status)
	}
	if after := b.get(path); !strings.Contains(after.body, "are deleted") || strings.Contains(after.body, "?delete=") {
		t.Error("the next page does not say so, or still lists them")
	}
	if reload := b.get(path); strings.Contains(reload.body, "are deleted") {
		t.Error("it is said twice")
	}
}

// Part 5 of product.md: Delete names what still waits under that key.
func TestTheQuestionBeforeKeysAreDeletedNamesWhatWaitsUnderThem(t *testing.T) {
	b, sub, hook, _ := full(t)
	path := "/subscriptions/" + sub
	b.post(path+"/keys", url.Values{"name": {"Idle app"}})
	all, err := b.store.KeysOf(t.Context(), connector.SubscriptionID(sub))
	must(t, err)
	asked := map[string]string{}
	for _, k := range all {
		asked[k.Name] = b.get(path + "?delete=" + string(k.ID)).body
		b.post(path+"/keys/"+string(k.ID)+"/delete", url.Values{})
	}

	if question := between(asked["Invoice app"], "<dialog", "</dialog>"); !strings.Contains(question, `href="/messages?webhook=`+hook+`">Support tickets</a>: 3 messages`) || strings.Contains(question, "Alerts") {
		t.Errorf("the question about keys under which 3 messages wait is %s", question)
	}
	if question := between(asked["Idle app"], "<dialog", "</dialog>"); strings.Contains(question, "Waiting") || !strings.Contains(question, "Yes, delete") {
		t.Errorf("the question about keys under which nothing waits is %s", question)
	}
	if gone := b.get(path + "?delete=" + string(all[0].ID)); gone.status != http.StatusNotFound {
		t.Errorf("the question about keys that were deleted in another tab: %d", gone.status)
	}
}

func TestTheInstanceGetsAnotherName(t *testing.T) {
	b, path := furnished(t)

	b.post(path+"/name", url.Values{"instanceName": {"Support Portal"}})
	blank := b.post(path+"/name", url.Values{"instanceName": {" "}})

	if page := b.get("/subscriptions"); !strings.Contains(page.body, "Support Portal") {
		t.Error("the list does not show the new name")
	}
	if blank.status != http.StatusUnprocessableEntity || !strings.Contains(blank.body, `id="instanceName-err"`) {
		t.Errorf("a blank name: %d", blank.status)
	}
}

func TestAnInvitedMemberChoosesAPasswordAndSeesNoKeys(t *testing.T) {
	b, path := furnished(t)
	org := between(b.get("/members").body, `action="/organizations/`, "/")

	invited := b.post("/organizations/"+org+"/members", url.Values{"email": {"jan@contoso.example"}, "role": {"member"}})
	link := between(invited.body, `data-copy="`+b.url, `"`)
	jan := b.browser()
	chosen := jan.post(link, url.Values{"password": {goodPassword}, "name": {"Jan"}})

	if invited.status != http.StatusOK || !strings.HasPrefix(link, "/link/tct_") {
		t.Fatalf("invited: %d, link %q", invited.status, link)
	}
	if chosen.status != http.StatusSeeOther || jan.get("/subscriptions").status != http.StatusOK {
		t.Fatalf("password chosen: %d, then the subscriptions: %d", chosen.status, jan.get("/subscriptions").status)
	}
	if page := jan.get(path); page.status != http.StatusOK || strings.Contains(page.body, "Create Binding Keys") {
		t.Errorf("the dashboard: %d, or it offers keys to a member", page.status)
	}
	if refused := jan.post(path+"/keys", url.Values{"name": {"x"}}); refused.status != http.StatusForbidden {
		t.Errorf("a member makes keys: %d, want 403", refused.status)
	}
	if used := b.browser().get(link); used.status != http.StatusNotFound {
		t.Errorf("the link again: %d, want 404", used.status)
	}
}

func TestSomebodyElsesSubscriptionIsNotThere(t *testing.T) {
	b, path := furnished(t)
	stranger := b.browser()
	link := b.invite("eve@fabrikam.example")
	stranger.post("/link/"+link, url.Values{"password": {goodPassword}})

	foreign, none := stranger.get(path), stranger.get("/subscriptions/sub_none")

	if foreign.status != http.StatusNotFound || none.status != http.StatusNotFound {
		t.Errorf("a foreign subscription %d, an unknown one %d, want 404 for both", foreign.status, none.status)
	}
}

func TestATokenIsShownOnceAndRevoked(t *testing.T) {
	b, _ := furnished(t)
	org := between(b.get("/members").body, `action="/organizations/`, "/")

	made := b.post("/organizations/"+org+"/tokens", url.Values{"name": {"CI"}, "role": {"member"}, "expires": {"90"}})
	id := between(made.body, "token=", `"`)
	b.post("/organizations/"+org+"/tokens/"+id+"/revoke", url.Values{})

	if !strings.Contains(made.body, `data-copy="tct_`) {
		t.Error("the token is not shown")
	}
	if page := b.get("/members"); strings.Contains(page.body, id) || strings.Contains(page.body, `data-copy="tct_`) {
		t.Error("the token is still listed, or shown again")
	}
}
