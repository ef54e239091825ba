package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// figures are what a page of usage shows under its labels.
func figures(page string, labels ...string) (all []string) {
	for _, label := range labels {
		all = append(all, between(page, "<dt>"+label+"</dt><dd>", "</dd>"))
	}
	return all
}

func TestTheUsageDashboardShowsWhatEachPeriodCounted(t *testing.T) {
	b, sub, hook := withWebhook(t)
	hook = "wh_" + hook
	b.post("/subscriptions/"+sub+"/keys", url.Values{"name": {"App"}})
	now := time.Now().UTC()
	before := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC).Add(-time.Hour)
	b.endedAt(sub, hook, connector.StateSent, now)
	b.endedAt(sub, hook, connector.StateSent, now)
	b.endedAt(sub, hook, connector.StateUncertain, now)
	b.endedAt(sub, hook, connector.StateFailed, before)
	labels := []string{"Webhooks used", "Messages accepted", "Sent", "Failed", "Expired", "Unclear"}

	for period, want := range map[string]string{"": "[1 4 2 0 0 1]", "&period=last-month": "[0 0 0 1 0 0]", "&period=none": "[1 4 2 0 0 1]"} {
		page := b.get("/usage?instance=" + sub + period).body
		if got := fmt.Sprint(figures(page, labels...)); got != want {
			t.Errorf("%q: %s, want %s", period, got, want)
		}
		if got := figures(page, "Messages this month"); !strings.HasPrefix(got[0], "4 ") {
			t.Errorf("%q: %q messages of the quota, want 4", period, got)
		}
		if strings.Contains(page, "style=") || !strings.Contains(page, "<svg") {
			t.Errorf("%q: the page has inline style, or no chart", period)
		}
	}
	if page := b.get("/usage?period=total").body; !strings.Contains(page, fmt.Sprintf("%s: 2 sent, 0 failed, 0 expired, 1 unclear", now.Format("January 2006"))) {
		t.Error("the chart of all time does not sum up by month, or the only instance is not preselected")
	}
	live := b.do(http.MethodGet, "/usage?instance="+sub, nil, "HX-Request", "true").body
	if strings.Contains(live, "<html") || !strings.Contains(live, `id="usage-days"`) || !strings.Contains(live, `id="usage-hooks"`) {
		t.Error("what is fetched again is not the figures and both tables alone")
	}
}

func TestUsageIsAFileThatNoSpreadsheetRuns(t *testing.T) {
	b, sub, hook := withWebhook(t)
	hook = "wh_" + hook
	b.post("/subscriptions/"+sub+"/keys", url.Values{"name": {"App"}})
	b.post("/webhooks/"+hook+"/edit", url.Values{"name": {"=1+1"}})
	b.ended(sub, hook, connector.StateSent)

	days := b.get("/usage.csv?instance=" + sub)
	hooks := b.get("/usage.csv?by=webhook&instance=" + sub)
	all := b.get("/operate/usage.csv")
	wrong := b.get("/operate/usage.csv?month=May")

	today := time.Now().UTC()
	if rows := strings.Split(days.body, "\n"); len(rows) != today.Day()+2 || rows[today.Day()] != today.Format(time.DateOnly)+",1,1,0,0,0" {
		t.Errorf("by day: %q, want a row for each day of the month", rows)
	}
	if want := "webhookId,name,accepted,sent,failed,expired,uncertain\n" + hook + ",'=1+1,1,1,0,0,0\n"; hooks.body != want {
		t.Errorf("by webhook: %q, want %q", hooks.body, want)
	}
	if !strings.Contains(all.body, sub+",Contoso,enterprise,1,1,1,0,0,0\n") || !strings.Contains(all.header.Get("Content-Disposition"), today.Format("usage-2006-01.csv")) {
		t.Errorf("of all: %q as %q", all.body, all.header.Get("Content-Disposition"))
	}
	if wrong.status != http.StatusUnprocessableEntity {
		t.Errorf("a month that is none: %d", wrong.status)
	}
}

func TestUsageOfOthersIsNotThere(t *testing.T) {
	b, sub, _ := withWebhook(t)
	stranger := b.browser()
	stranger.post("/link/"+b.invite("eve@fabrikam.example"), url.Values{"password": {goodPassword}})

	for _, path := range []string{"/usage?instance=", "/usage.csv?instance="} {
		if foreign, none := stranger.get(path+sub), stranger.get(path+"sub_none"); foreign.status != http.StatusNotFound || none.status != http.StatusNotFound {
			t.Errorf("%s: a foreign subscription %d, an unknown one %d, want 404 for both", path, foreign.status, none.status)
		}
	}
	if got := stranger.get("/operate/usage.csv"); got.status != http.StatusNotFound {
		t.Errorf("usage of all for who is no operator: %d", got.status)
	}
	if page := stranger.get("/usage"); page.status != http.StatusOK || strings.Contains(page.body, "All organizations") {
		t.Errorf("the page: %d, or it offers what operators have", page.status)
	}
}

func TestAUsedUpQuotaAndAnInvalidLicenseSayWhereToGo(t *testing.T) {
	b, sub, _ := withWebhook(t)
	one := 1
	_, err := b.store.ChangeSubscription(t.Context(), store.SubscriptionChange{Subscription: connector.SubscriptionID(sub), WebhookQuota: &one, By: "test"})
	must(t, err)

	full := b.get("/console?add=1&instance=" + sub).body
	sent := b.post("/console/webhooks", url.Values{"instance": {sub}, "name": {"Second"}, "url": {flowURL}})
	usage := b.get("/usage?instance=" + sub).body
	b.post("/subscriptions/"+sub+"/cancel", url.Values{})
	invalid := b.get("/console?add=1&instance=" + sub).body

	if !strings.Contains(full, `id="shut"`) || !strings.Contains(full, `href="/usage?instance=`+sub+`">Usage Dashboard</a>`) || strings.Contains(full, "Webhook Adder") {
		t.Error("no pop-up says that the quota is used up and leads to the Usage dashboard")
	}
	if sent.status != http.StatusForbidden || !strings.Contains(sent.body, `id="shut"`) {
		t.Errorf("the form sent all the same: %d, or no pop-up", sent.status)
	}
	if !strings.Contains(usage, "All 1 webhooks of the plan are in use") {
		t.Error("the Usage dashboard does not say that the quota is used up")
	}
	if !strings.Contains(invalid, "was cancelled") || !strings.Contains(invalid, `href="/subscriptions/`+sub+`">Subscription and keys</a>`) {
		t.Error("no pop-up says that the license is not valid and leads to the keys")
	}
}
