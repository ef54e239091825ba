package console_test

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func TestAdminsReadTheirOwnAuditLogAndOperatorsAll(t *testing.T) {
	b, _, _, _ := full(t)
	ops, eve, org := b.operator(), b.stranger(), b.organizationOf()
	jan := b.browser()
	jan.post("/link/"+b.invitedMember("member@contoso.example"), url.Values{"password": {goodPassword}})

	theirs, all := eve.get("/audit"), ops.get("/audit").body

	if theirs.status != http.StatusOK || !strings.Contains(theirs.body, "organization.create") || strings.Contains(theirs.body, "Invoice app") {
		t.Errorf("an admin of another organization: %d, or the log is not theirs", theirs.status)
	}
	if !strings.Contains(all, "Invoice app") || !strings.Contains(all, "Fabrikam") {
		t.Error("the operator does not read all")
	}
	if got := ops.get("/audit?organization=" + org).body; !strings.Contains(got, "Invoice app") || strings.Contains(got, ">organization.create<") {
		t.Error("the operator does not read one organization's")
	}
	for _, page := range []string{"/audit", "/audit.csv"} {
		if got := eve.get(page + "?organization=" + org).status; got != http.StatusNotFound {
			t.Errorf("%s of another organization: %d, want 404", page, got)
		}
		if got := jan.get(page + "?organization=" + org).status; got != http.StatusForbidden {
			t.Errorf("%s for a member: %d, want 403", page, got)
		}
		if got := jan.get(page).status; got != http.StatusForbidden {
			t.Errorf("%s of the installation for a member: %d, want 403", page, got)
		}
	}
}

// invitedMember lets a member into the first organization and returns the secret of their link.
func (p *place) invitedMember(email string) string {
	p.t.Helper()
	all, err := p.store.Subscriptions(p.t.Context(), "")
	must(p.t, err)
	made, err := admin.New(p.store, admin.Options{}).AddPerson(p.t.Context(), connector.Actor{Name: "test", Shell: true},
		admin.PersonRequest{Email: email, Organization: all[0].Organization, Role: connector.RoleMember})
	must(p.t, err)
	return made.Link.Reveal()
}

func TestTheAuditLogIsFilteredInItsAddressAndPaged(t *testing.T) {
	b, sub, hook, _ := full(t)
	for range 60 {
		b.post("/webhooks/"+hook+"/reveal", url.Values{})
	}

	first := b.get("/audit?action=webhook&object=" + hook).body
	older := b.get(between(between(first, `aria-label="Pages"`, `Next page`), `First page</a> <a href="`, `"`)).body
	day := b.get("/audit?from=2020-01-01&to=2020-01-31").body

	if n := strings.Count(first, ">webhook.reveal<"); n != 50 || strings.Contains(first, "keys.create") || strings.Contains(first, "webhook.create") {
		t.Errorf("the first page holds %d looks at the URL, or others", n)
	}
	if !strings.Contains(older, "webhook.create") || strings.Contains(older, "Alerts") || strings.Contains(older, sub) {
		t.Error("the second page does not go on with the same filters")
	}
	if !strings.Contains(day, "Nothing fits") || !strings.Contains(day, `value="2020-01-31"`) {
		t.Error("the days do not choose, or are not kept")
	}
	if got := b.get("/audit?from=yesterday").status; got != http.StatusUnprocessableEntity {
		t.Errorf("no day: %d, want 422", got)
	}
}

func TestTheAuditLogAsCSVHoldsNoSecretAndNoFormula(t *testing.T) {
	b, sub, hook, _ := full(t)
	made := b.post("/subscriptions/"+sub+"/keys", url.Values{"name": {"=HYPERLINK(1)"}}).body
	b.post("/webhooks/"+hook+"/reveal", url.Values{})

	got := b.get("/audit.csv")
	rows, err := csv.NewReader(strings.NewReader(got.body)).ReadAll()
	none := b.get("/audit.csv?actor=nobody")

	if err != nil || got.header.Get("Content-Type") != "text/csv; charset=utf-8" || len(rows) < 8 || rows[0][1] != "actor" {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if rows[2][4] != "'=HYPERLINK(1)" || rows[1][2] != "webhook.reveal" {
		t.Errorf("the newest rows are %q, %q", rows[1], rows[2])
	}
	if none.body != "at,actor,action,object,detail,organization\n" {
		t.Errorf("without entries: %q", none.body)
	}
	secret := between(made, `data-copy="tcs_`, `"`)
	for _, page := range []string{got.body, b.get("/audit").body, b.operator().get("/audit").body} {
		for _, leak := range []string{secret, "4QdQqrSXTnRFbrJ", "sig=", "Order 4711", goodPassword} {
			if leak == "" || strings.Contains(page, leak) {
				t.Errorf("the log holds %q", leak)
			}
		}
	}
}
