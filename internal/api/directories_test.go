package api_test

import (
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/api"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

type directoryBody struct {
	ID, Issuer, Name, ClientID, SignInURL, RedirectURI string
	AdminGroups, MemberGroups                          []string
}

const tenant = "8f2c1d3e-1111-2222-3333-444455556666"

func TestAnOrganizationIsBoundToItsTenantAndToNoOthers(t *testing.T) {
	h := newHouse(t, api.Options{})
	at := "/api/v1/organizations/" + string(h.subscription.Organization) + "/directories"
	operator := h.token(store.NewToken{})
	admin := h.token(store.NewToken{Organization: h.subscription.Organization, Role: connector.RoleAdmin})
	other := decoded[idBody](t, h.as(operator, 201, "POST", "/api/v1/organizations", `{"name":"Fabrikam"}`))

	made := h.as(operator, 201, "POST", at, `{"tenantId":"`+strings.ToUpper(tenant)+`","adminGroups":["Admin"],"memberGroups":["Member"]}`)
	d := decoded[directoryBody](t, made)

	if d.Issuer != "https://login.microsoftonline.com/"+tenant+"/v2.0" || !strings.HasSuffix(d.RedirectURI, "/signin/oidc/callback") || len(d.AdminGroups) != 1 {
		t.Errorf("the directory is %+v", d)
	}
	h.as(operator, 409, "POST", "/api/v1/organizations/"+other.ID+"/directories", `{"tenantId":"`+tenant+`"}`)
	h.as(operator, 404, "GET", "/api/v1/organizations/"+other.ID+"/directories/"+d.ID, "")
	h.as(admin, 403, "POST", at, `{"issuer":"https://id.contoso.example"}`)
	own := decoded[directoryBody](t, h.as(operator, 201, "POST", at, `{"issuer":"https://id.contoso.example","clientId":"us","clientSecret":"canary-secret","name":"Contoso"}`))
	if !strings.HasSuffix(own.RedirectURI, "/signin/oidc/"+own.ID+"/callback") || !strings.HasSuffix(own.SignInURL, "/signin/oidc/"+own.ID) {
		t.Errorf("an issuer of its own is %+v", own)
	}
	list := h.as(admin, 200, "GET", at, "")
	if !strings.Contains(list.raw, d.ID) || !strings.Contains(list.raw, own.ID) || strings.Contains(list.raw, "canary") {
		t.Errorf("the list is %s", list.raw)
	}
	h.as(operator, 412, "PATCH", at+"/"+d.ID, `{"name":"Contoso staff"}`, "If-Match", `"7"`)
	h.as(operator, 200, "PATCH", at+"/"+d.ID, `{"name":"Contoso staff","adminGroups":[]}`, "If-Match", `"1"`)
	if got := decoded[directoryBody](t, h.as(admin, 200, "GET", at+"/"+d.ID, "")); got.Name != "Contoso staff" || len(got.AdminGroups) != 0 || got.MemberGroups[0] != "Member" {
		t.Errorf("changed, it is %+v", got)
	}
	h.as(operator, 204, "DELETE", at+"/"+d.ID, "")
	h.as(operator, 404, "DELETE", at+"/"+d.ID, "")
	h.as(operator, 201, "POST", "/api/v1/organizations/"+other.ID+"/directories", `{"tenantId":"`+tenant+`"}`)
}

func TestAWrongDirectoryIsExplainedAtItsField(t *testing.T) {
	h := newHouse(t, api.Options{})
	at := "/api/v1/organizations/" + string(h.subscription.Organization) + "/directories"
	operator := h.token(store.NewToken{})
	for body, pointer := range map[string]string{
		`{}`: "/tenantId",
		`{"tenantId":"` + tenant + `","issuer":"https://id.example"}`:                   "/tenantId",
		`{"tenantId":"contoso.onmicrosoft.com"}`:                                        "/tenantId",
		`{"issuer":"http://id.example"}`:                                                "/issuer",
		`{"issuer":"https://me:secret@id.example"}`:                                     "/issuer",
		`{"issuer":"https://login.microsoftonline.com/common/v2.0"}`:                    "/issuer",
		`{"issuer":"https://id.example","clientSecret":"s"}`:                            "/clientId",
		`{"issuer":"https://id.example","adminGroups":["a\nb"]}`:                        "/adminGroups",
		`{"issuer":"https://id.example","memberGroups":[""]}`:                           "/memberGroups",
		`{"issuer":"https://id.example","name":"` + strings.Repeat("n", 81) + `"}`:      "/name",
		`{"issuer":"https://id.example","clientId":"` + strings.Repeat("c", 257) + `"}`: "/clientId",
	} {
		if got := h.as(operator, 422, "POST", at, body); !strings.Contains(got.raw, `"`+pointer+`"`) || strings.Contains(got.raw, "me:secret") {
			t.Errorf("%.80s is answered %s, want %s", body, got.raw, pointer)
		}
	}
	if list := decoded[idList](t, h.as(operator, 200, "GET", at, "")); len(list.Items) != 0 {
		t.Errorf("wrong ones were kept: %+v", list.Items)
	}
}

// Whose access was ended is let in again by an operator who says so, and with nothing of what they had.
func TestAnInvitationGivesNoEndedAccessBack(t *testing.T) {
	h := newHouse(t, api.Options{})
	at := "/api/v1/organizations/" + string(h.subscription.Organization) + "/members"
	operator := h.token(store.NewToken{})
	admin := h.token(store.NewToken{Organization: h.subscription.Organization, Role: connector.RoleAdmin})
	fabrikam := decoded[idBody](t, h.as(operator, 201, "POST", "/api/v1/organizations", `{"name":"Fabrikam"}`))
	const jan = `{"email":"jan@contoso.example","role":"admin"}`
	member := decoded[idBody](t, h.as(operator, 201, "POST", at, jan))
	h.as(operator, 201, "POST", "/api/v1/organizations/"+fabrikam.ID+"/members", jan)
	if err := h.store.DisablePerson(t.Context(), connector.PersonID(member.ID), "test"); err != nil {
		t.Fatal(err)
	}

	h.as(admin, 409, "POST", at, jan)
	h.as(operator, 409, "POST", at, jan)
	h.as(admin, 403, "POST", at, `{"email":"jan@contoso.example","again":true}`)
	again := decoded[idBody](t, h.as(operator, 201, "POST", at, `{"email":"jan@contoso.example","again":true}`))

	if again.ID != member.ID || again.Role != "member" || again.Link == "" {
		t.Errorf("let in again is %+v", again)
	}
	if there := decoded[idList](t, h.as(operator, 200, "GET", "/api/v1/organizations/"+fabrikam.ID+"/members", "")); len(there.Items) != 0 {
		t.Errorf("the other organization has %+v again", there.Items)
	}
}

func TestAnAdminResetsThePasswordOfWhoIsOnlyTheirs(t *testing.T) {
	h := newHouse(t, api.Options{})
	at := "/api/v1/organizations/" + string(h.subscription.Organization) + "/members"
	operator := h.token(store.NewToken{})
	admin := h.token(store.NewToken{Organization: h.subscription.Organization, Role: connector.RoleAdmin})
	jan := decoded[idBody](t, h.as(admin, 201, "POST", at, `{"email":"jan@contoso.example"}`))

	reset := decoded[idBody](t, h.as(admin, 200, "POST", at+"/"+jan.ID+"/reset", ""))

	if reset.ID != jan.ID || !strings.Contains(reset.Link, "/link/tct_") || reset.Link == jan.Link {
		t.Errorf("the link is %q after %q", reset.Link, jan.Link)
	}
	h.as(operator, 201, "POST", "/api/v1/organizations", `{"name":"Fabrikam","adminEmail":"jan@contoso.example"}`)
	if got := h.as(admin, 409, "POST", at+"/"+jan.ID+"/reset", ""); !strings.Contains(got.raw, "not only your organization") || strings.Contains(got.raw, "/link/") {
		t.Errorf("of somebody of two organizations: %s", got.raw)
	}
}
