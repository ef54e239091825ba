package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// flowURL is a Workflows webhook as Microsoft shows it.
const flowURL = "https://default3f1c9a00000000000000000000000.4e.environment.api.powerplatform.com/powerautomate/automations/direct/workflows/" +
	"0112b6e0d15ffd916cf998a5a31e2248/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=4QdQqrSXTnRFbrJ-JK1s9QpBTSab5w-_EmStoFzWQTM"

// withWebhook is a furnished console with one webhook, and the webhook's id.
func withWebhook(t *testing.T) (b *browser, sub, hook string) {
	t.Helper()
	b, path := furnished(t)
	sub = strings.TrimPrefix(path, "/subscriptions/")
	added := b.post("/console/webhooks", url.Values{"instance": {sub}, "name": {"Support tickets"}, "url": {flowURL}, "owner": {"Mira Kaya"}})
	if added.status != http.StatusSeeOther {
		t.Fatalf("add a webhook: %d %s", added.status, between(added.body, `class="err"`, "</p>"))
	}
	return b, sub, between(b.get("/console").body, `data-copy="wh_`, `"`)
}

func TestAWebhookIsAddedListedEditedAndDeleted(t *testing.T) {
	b, sub, id := withWebhook(t)
	id = "wh_" + id
	list := b.get("/console?instance=" + sub)
	if !strings.Contains(list.body, "Support tickets") || !strings.Contains(list.body, "Flow of Mira Kaya") || !strings.Contains(list.body, "1 of 1,000 in use") {
		t.Fatal("the list lacks the webhook, its flow owner or the count")
	}
	if strings.Contains(list.body, "sig=") || strings.Contains(list.body, "4QdQqrSX") {
		t.Error("the list shows the URL")
	}

	b.post("/webhooks/"+id+"/edit", url.Values{"name": {"Tickets"}, "owner": {"Jan"}, "url": {""}})
	edited := b.get("/console")
	asked := b.get("/console?instance=" + sub + "&delete=" + id)
	b.post("/webhooks/"+id+"/delete", url.Values{})
	gone := b.get("/console")

	if !strings.Contains(edited.body, "Tickets") || !strings.Contains(edited.body, "Flow of Jan") || !strings.Contains(edited.body, id) {
		t.Error("the edit is not seen, or the Webhook ID changed")
	}
	if !strings.Contains(asked.body, "Delete the webhook “Tickets”?") {
		t.Error("nobody asks before a webhook is deleted")
	}
	if strings.Contains(gone.body, id) || !strings.Contains(gone.body, "0 of 1,000 in use") {
		t.Error("the deleted webhook is still there")
	}
}

func TestTheAdderExplainsAWrongURLInItsPlaceAndKeepsWhatWasTyped(t *testing.T) {
	b, path := furnished(t)
	sub := strings.TrimPrefix(path, "/subscriptions/")

	got := b.post("/console/webhooks", url.Values{"instance": {sub}, "name": {"Alerts"}, "url": {"https://make.powerautomate.com/environments/secret-canary"}, "owner": {"Mira"}})

	if got.status != http.StatusUnprocessableEntity {
		t.Errorf("status %d, want 422", got.status)
	}
	for _, want := range []string{`value="Alerts"`, `value="Mira"`, `id="url-err"`, "not the webhook&#39;s URL"} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(got.body, "secret-canary") {
		t.Error("the page repeats the URL, which may be a secret")
	}
}

func TestAddWebhookIsDisabledUntilAnInstanceIsChosen(t *testing.T) {
	b, path := furnished(t)
	own, err := b.store.Subscriptions(t.Context(), "")
	must(t, err)
	second, err := b.store.CreateSubscription(t.Context(), store.NewSubscription{
		Organization: own[0].Organization, Plan: "trial", InstanceName: "Acceptance", By: "test",
	})
	must(t, err)

	none, chosen := b.get("/console"), b.get("/console?instance="+string(second.ID))

	if !strings.Contains(none.body, "Choose an instance") || !strings.Contains(between(none.body, `class="btn primary end"`, ">"), "disabled") {
		t.Error("without an instance a webhook can be added")
	}
	if !strings.Contains(chosen.body, "add=1") || !strings.Contains(chosen.body, "0 of 10 in use") {
		t.Error("with an instance none can be added")
	}
	_ = path
}

func TestAPausedWebhookSaysByWhomAndGoesOn(t *testing.T) {
	b, _, id := withWebhook(t)
	at := "/webhooks/wh_" + id

	b.post(at+"/pause", url.Values{})
	paused := b.get("/console")
	b.post(at+"/resume", url.Values{"send": {"all"}})
	open := b.get("/console")

	if !strings.Contains(paused.body, "Paused by mira@contoso.example") {
		t.Error("the list does not say who paused it")
	}
	if strings.Contains(open.body, "Paused by") {
		t.Error("it is still paused")
	}
}

func TestSettingsAreSavedAndWrongOnesExplained(t *testing.T) {
	b, _, id := withWebhook(t)
	at := "/webhooks/wh_" + id

	saved := b.post(at+"/settings", url.Values{"profile": {"post-as-user"}, "order": {"guaranteed"}, "onUnclear": {"ask"}, "messageLife": {"48"}, "urgent": {"1"}})
	wrong := b.post(at+"/settings", url.Values{"profile": {"flow-bot"}, "messageLife": {"a day"}})

	page := b.get(at).body
	if saved.status != http.StatusSeeOther {
		t.Errorf("saved: %d", saved.status)
	}
	for _, want := range []string{`value="post-as-user" selected`, `value="guaranteed" selected`, `value="ask" selected`, `name="urgent" value="1" checked`, `value="48"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, `name="combine" value="1" checked`) {
		t.Error("combine is on although its box was not ticked")
	}
	if wrong.status != http.StatusUnprocessableEntity || !strings.Contains(wrong.body, `id="messageLife-err"`) {
		t.Errorf("a wrong life: %d", wrong.status)
	}
}

func TestTheURLIsShownToAdminsOnlyAndNoted(t *testing.T) {
	b, _, id := withWebhook(t)

	shown := b.post("/webhooks/wh_"+id+"/reveal", url.Values{})
	again := b.get("/webhooks/wh_" + id)

	if !strings.Contains(shown.body, "4QdQqrSXTnRFbrJ") || strings.Contains(again.body, "4QdQqrSXTnRFbrJ") {
		t.Error("the URL is not shown, or shown again")
	}
	if log, err := b.store.Audit(t.Context(), store.AuditFilter{Action: "webhook.reveal"}, connector.Page{Limit: 1}); err != nil || len(log.Items) != 1 {
		t.Errorf("the audit log notes %d looks (%v), want 1", len(log.Items), err)
	}
}

func TestTheListIsSearchedAndFilteredInItsAddress(t *testing.T) {
	b, sub, _ := withWebhook(t)

	hit, miss := b.get("/console?instance="+sub+"&q=tick"), b.get("/console?instance="+sub+"&q=nothing")
	owner, status := b.get("/console?instance="+sub+"&owner=Mira+Kaya"), b.get("/console?instance="+sub+"&status=Stopped")
	part := b.do(http.MethodGet, "/console?instance="+sub, nil, "HX-Request", "true")

	if !strings.Contains(hit.body, "Support tickets") || strings.Contains(miss.body, "Support tickets") || !strings.Contains(miss.body, "No webhook fits") {
		t.Error("the search does not choose")
	}
	if !strings.Contains(owner.body, "Support tickets") || strings.Contains(status.body, "Support tickets") {
		t.Error("the filters do not choose")
	}
	if strings.Contains(part.body, "<html") || !strings.HasPrefix(part.body, `<tbody id="rows"`) {
		t.Error("the script does not get the rows alone")
	}
}

func TestMessagesOfNobodyElseAreListed(t *testing.T) {
	b, _, id := withWebhook(t)
	stranger := b.browser()
	stranger.post("/link/"+b.invite("eve@fabrikam.example"), url.Values{"password": {goodPassword}})

	own, foreign := b.get("/messages?webhook=wh_"+id), stranger.get("/messages?webhook=wh_"+id)

	if own.status != http.StatusOK || !strings.Contains(own.body, "No messages yet") {
		t.Errorf("one's own log: %d", own.status)
	}
	if foreign.status != http.StatusNotFound || stranger.get("/webhooks/wh_"+id).status != http.StatusNotFound {
		t.Errorf("somebody else's: %d, want 404", foreign.status)
	}
}

// Issue 6: two people editing at once.
func TestWhoIsOvertakenInAnEditIsToldAndKeepsWhatWasTyped(t *testing.T) {
	b, sub, id := withWebhook(t)
	id = "wh_" + id
	opened := url.Values{"version": {between(b.get("/console?instance="+sub+"&edit="+id).body, `name="version" value="`, `"`)}, "name": {"Mine"}, "owner": {"Ada"}, "url": {""}}
	settings := url.Values{"version": opened["version"], "urgent": {"1"}}
	b.post("/webhooks/"+id+"/edit", url.Values{"name": {"Theirs"}, "owner": {"Jan"}, "url": {""}})

	late := b.post("/webhooks/"+id+"/edit", opened)
	stale := b.post("/webhooks/"+id+"/settings", settings)
	opened.Set("version", between(late.body, `name="version" value="`, `"`))
	again := b.post("/webhooks/"+id+"/edit", opened)

	if late.status != http.StatusUnprocessableEntity || !strings.Contains(late.body, "it is “Theirs”") || !strings.Contains(late.body, `value="Mine"`) {
		t.Errorf("the slower one gets %d %q", late.status, between(late.body, `class="err"`, "</p>"))
	}
	if stale.status != http.StatusUnprocessableEntity || !strings.Contains(stale.body, "Somebody changed these settings") {
		t.Errorf("old settings get %d", stale.status)
	}
	if again.status != http.StatusSeeOther || !strings.Contains(b.get("/console").body, "Mine") {
		t.Errorf("saved again: %d", again.status)
	}
}

// Issue 6: a webhook deleted in another tab.
func TestAWebhookThatWasDeletedInAnotherTabIsSaidToBeGone(t *testing.T) {
	b, sub, id := withWebhook(t)
	id = "wh_" + id
	b.post("/webhooks/"+id+"/delete", url.Values{})

	for _, path := range []string{"/webhooks/" + id, "/console?instance=" + sub + "&edit=" + id} {
		if got := b.get(path); got.status != http.StatusNotFound || !strings.Contains(got.body, "Not here") {
			t.Errorf("GET %s: %d", path, got.status)
		}
	}
	for _, do := range []string{"edit", "settings", "pause", "resume", "test", "delete"} {
		got := b.post("/webhooks/"+id+"/"+do, url.Values{"name": {"x"}, "send": {"all"}})
		if got.status != http.StatusNotFound || !strings.Contains(got.body, "Not here") {
			t.Errorf("%s: %d", do, got.status)
		}
	}
}
