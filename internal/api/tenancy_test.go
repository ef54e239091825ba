package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/api"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// as calls with a token and an If-Match, and wants a status.
func (h *house) as(token string, want int, method, path, body string, headers ...string) answer {
	h.t.Helper()
	a := h.call(method, path, body, append([]string{"Authorization", token}, headers...)...)
	if a.code != want {
		h.t.Fatalf("%s %s: %d %s, want %d", method, path, a.code, a.raw, want)
	}
	return a
}

// refusedSoon wants a token to be refused within a second.
func (h *house) refusedSoon(token string) {
	h.t.Helper()
	for until := time.Now().Add(time.Second); h.call("GET", "/api/v1/plans", "", "Authorization", token).code != http.StatusUnauthorized; {
		if time.Now().After(until) {
			h.t.Fatal("a second later the token still works")
		}
	}
}

type idBody struct {
	ID, Name, Role, Link, AdminLink, InstanceName, Plan, LicenseKey, LicenseSecret string
	Suspended                                                                      bool
	WebhookQuota                                                                   int
	Expires                                                                        *string
}

type idList struct {
	Items []idBody
	Next  *string
}

func TestAnOrganizationIsFurnishedAndErased(t *testing.T) {
	h := newHouse(t, api.Options{})
	operator := h.token(store.NewToken{})

	org := decoded[idBody](t, h.as(operator, 201, "POST", "/api/v1/organizations", `{"name":"Fabrikam","adminEmail":"ann@fabrikam.example"}`))
	at := "/api/v1/organizations/" + org.ID
	if !strings.Contains(org.AdminLink, "/link/tct_") {
		t.Errorf("the admin's link is %q", org.AdminLink)
	}
	admin := h.token(store.NewToken{Organization: connector.OrganizationID(org.ID), Role: connector.RoleAdmin})
	sub := decoded[idBody](t, h.as(operator, 201, "POST", at+"/subscriptions", `{"plan":"trial","instanceName":"Invoices"}`))
	if sub.WebhookQuota != 10 || sub.Expires == nil {
		t.Errorf("a trial's subscription is %+v", sub)
	}
	keys := decoded[idBody](t, h.as(admin, 201, "POST", "/api/v1/subscriptions/"+sub.ID+"/keys", `{"name":"Invoice app"}`))
	h.as(admin, 409, "POST", "/api/v1/subscriptions/"+sub.ID+"/keys", `{"name":"Invoice app"}`)
	if list := h.as(admin, 200, "GET", "/api/v1/subscriptions/"+sub.ID+"/keys", ""); strings.Contains(list.raw, keys.LicenseSecret) || !strings.Contains(list.raw, keys.LicenseKey) {
		t.Errorf("the list of keys is %s", list.raw)
	}

	h.as(operator, 422, "DELETE", at+"?confirm=fabrikam", "")
	h.as(operator, 204, "DELETE", at+"?confirm=Fabrikam", "")

	h.as(operator, 404, "GET", at, "")
	h.refusedSoon(admin)
	if a := h.call("POST", "/api/v1/messages", `{}`, "Authorization", basic(keys.LicenseKey, keys.LicenseSecret)); a.Code != "license_invalid" {
		t.Errorf("keys of the erased organization: %d %s", a.code, a.raw)
	}
}

func TestMembersComeChangeAndGoButTheLastAdmin(t *testing.T) {
	h := newHouse(t, api.Options{})
	at := "/api/v1/organizations/" + string(h.subscription.Organization) + "/members"
	admin := h.token(store.NewToken{Organization: h.subscription.Organization, Role: connector.RoleAdmin})

	ann := decoded[idBody](t, h.as(admin, 201, "POST", at, `{"email":"ann@contoso.example","role":"admin"}`))
	jan := decoded[idBody](t, h.as(admin, 201, "POST", at, `{"email":"jan@contoso.example","name":"Jan"}`))
	if jan.Role != "member" || !strings.Contains(jan.Link, "/link/tct_") {
		t.Errorf("jan is %+v", jan)
	}
	h.as(admin, 409, "DELETE", at+"/"+ann.ID, "")
	h.as(admin, 409, "PATCH", at+"/"+ann.ID, `{"role":"member"}`)
	h.as(admin, 200, "PATCH", at+"/"+jan.ID, `{"role":"admin"}`)
	h.as(admin, 204, "DELETE", at+"/"+ann.ID, "")

	list := decoded[idList](t, h.as(admin, 200, "GET", at, ""))
	if len(list.Items) != 1 || list.Items[0].ID != jan.ID || list.Items[0].Role != "admin" {
		t.Errorf("the members are %+v, want jan as admin", list.Items)
	}
}

// An admin who invites somebody of another organization gets no link into their account.
func TestAnInvitationOpensNobodyElsesAccount(t *testing.T) {
	h := newHouse(t, api.Options{})
	operator := h.token(store.NewToken{})
	other := decoded[idBody](t, h.as(operator, 201, "POST", "/api/v1/organizations", `{"name":"Fabrikam","adminEmail":"ann@fabrikam.example"}`))
	admin := h.token(store.NewToken{Organization: h.subscription.Organization, Role: connector.RoleAdmin})

	invited := decoded[idBody](t, h.as(admin, 201, "POST", "/api/v1/organizations/"+string(h.subscription.Organization)+"/members", `{"email":"Ann@fabrikam.example"}`))

	if invited.Link != "" {
		t.Errorf("the admin got the link %q into an account of %s", invited.Link, other.Name)
	}
}

func TestASubscriptionFollowsItsNewPlan(t *testing.T) {
	h := newHouse(t, api.Options{})
	operator := h.token(store.NewToken{})
	admin := h.token(store.NewToken{Organization: h.subscription.Organization, Role: connector.RoleAdmin})
	at := "/api/v1/subscriptions/" + string(h.subscription.ID)

	read := h.as(admin, 200, "GET", at, "")
	renamed := h.as(admin, 200, "PATCH", at, `{"instanceName":"Support Portal"}`, "If-Match", read.header.Get("ETag"))
	h.as(admin, 412, "PATCH", at, `{"instanceName":"Other"}`, "If-Match", read.header.Get("ETag"))
	h.as(admin, 403, "PATCH", at, `{"plan":"standard"}`)
	moved := decoded[idBody](t, h.as(operator, 200, "PATCH", at, `{"plan":"standard","messageQuota":7}`))
	h.as(operator, 422, "PATCH", at, `{"expires":"tomorrow"}`)
	endless := decoded[idBody](t, h.as(operator, 200, "PATCH", at, `{"expires":""}`))

	if got := decoded[idBody](t, renamed); got.InstanceName != "Support Portal" {
		t.Errorf("renamed: %+v", got)
	}
	if moved.Plan != "standard" || moved.WebhookQuota != 50 || moved.Expires == nil || endless.Expires != nil {
		t.Errorf("moved to %+v, then endless: %+v", moved, endless)
	}
}

func TestASuspendedOrganizationSendsNothing(t *testing.T) {
	h := newHouse(t, api.Options{})
	operator := h.token(store.NewToken{})
	at := "/api/v1/organizations/" + string(h.subscription.Organization)

	h.as(operator, 200, "PATCH", at, `{"suspended":true}`)
	refused := h.post(h.body("textMessage", "hello"))
	h.as(operator, 200, "PATCH", at, `{"suspended":false}`)

	if refused.code != http.StatusForbidden || refused.Code != "subscription_expired" || !strings.Contains(*refused.Message, "suspended") {
		t.Errorf("suspended: %d %s", refused.code, refused.raw)
	}
	if a := h.post(h.body("textMessage", "hello"), "Prefer", "respond-async"); a.code != http.StatusAccepted {
		t.Errorf("let go on: %d %s", a.code, a.raw)
	}
}

func TestTheAuditLogTellsWhoDidWhatToItsOwnOrganization(t *testing.T) {
	h := newHouse(t, api.Options{})
	operator := h.token(store.NewToken{})
	admin := h.token(store.NewToken{Organization: h.subscription.Organization, Role: connector.RoleAdmin, Name: "Ann's"})
	member := h.token(store.NewToken{Organization: h.subscription.Organization, Role: connector.RoleMember})
	at := "/api/v1/organizations/" + string(h.subscription.Organization) + "/audit"
	h.as(admin, 201, "POST", "/api/v1/subscriptions/"+string(h.subscription.ID)+"/keys", `{"name":"Audited"}`)
	h.as(operator, 201, "POST", "/api/v1/organizations", `{"name":"Fabrikam"}`)

	own := h.as(admin, 200, "GET", at+"?action=keys.create&limit=1", "")
	if none := h.as(admin, 200, "GET", at+"?action=keys&actor=nobody", ""); strings.Contains(none.raw, "Audited") {
		t.Error("the log is not chosen by who it was")
	}
	if day := h.as(admin, 200, "GET", at+"?to=2020-01-01T00:00:00Z", ""); strings.Contains(day.raw, "Audited") {
		t.Error("the log is not chosen by when it was")
	}
	h.as(admin, 422, "GET", at+"?from=yesterday", "")
	h.as(member, 403, "GET", at, "")
	h.as(admin, 403, "GET", "/api/v1/audit", "")
	all := h.as(operator, 200, "GET", "/api/v1/audit?limit=2", "")

	if !strings.Contains(own.raw, "token Ann's") || !strings.Contains(own.raw, "Audited") {
		t.Errorf("the newest entry about keys is %s", own.raw)
	}
	if !strings.Contains(all.raw, "Fabrikam") || !strings.Contains(all.raw, `"next":"`) {
		t.Errorf("the operator reads %s", all.raw)
	}
	if whole := h.as(admin, 200, "GET", at+"?limit=200", ""); strings.Contains(whole.raw, "Fabrikam") {
		t.Error("an organization's log tells of another one")
	}
}

func TestARevokedTokenIsRefused(t *testing.T) {
	h := newHouse(t, api.Options{})
	admin := h.token(store.NewToken{Organization: h.subscription.Organization, Role: connector.RoleAdmin, Name: "admin"})
	ci := h.token(store.NewToken{Organization: h.subscription.Organization, Role: connector.RoleMember, Name: "ci"})
	_, _, elsewhere := h.setup("Fabrikam")
	stranger := h.token(store.NewToken{Organization: elsewhere.Organization, Role: connector.RoleAdmin, Name: "stranger"})
	list := decoded[idList](t, h.as(admin, 200, "GET", "/api/v1/organizations/"+string(h.subscription.Organization)+"/tokens", ""))
	at := ""
	for _, token := range list.Items {
		if token.Name == "ci" {
			at = "/api/v1/tokens/" + token.ID
		}
	}

	h.as(stranger, 404, "DELETE", at, "")
	h.as(ci, 403, "DELETE", at, "")
	h.as(admin, 204, "DELETE", at, "")

	h.refusedSoon(ci)
}

func TestAnExportHasEverythingOfItsOrganizationButSecrets(t *testing.T) {
	h := newHouse(t, api.Options{})
	admin := h.token(store.NewToken{Organization: h.subscription.Organization, Role: connector.RoleAdmin, Name: "admin"})
	_, _, elsewhere := h.setup("Fabrikam")
	id := h.post(h.body("textMessage", "canary-text"), "Prefer", "respond-async").MessageID

	export := h.as(admin, 200, "GET", "/api/v1/organizations/"+string(h.subscription.Organization)+"/export", "")

	for _, want := range []string{string(h.subscription.ID), string(h.webhook.ID), h.key, id, `"kind":"organization"`, `"kind":"audit"`, `"kind":"end"`} {
		if !strings.Contains(export.raw, want) {
			t.Errorf("the export lacks %q", want)
		}
	}
	for _, secret := range []string{"canary-text", "sig=", h.secret, string(elsewhere.ID)} {
		if strings.Contains(export.raw, secret) {
			t.Errorf("the export has %q", secret)
		}
	}
}
