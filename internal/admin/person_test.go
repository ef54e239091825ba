package admin_test

import (
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func TestWhereSignupIsClosedOnlyTheOperatorMakesAccounts(t *testing.T) {
	_, st := desk(t)
	a := admin.New(st, admin.Options{Closed: true})
	org := setup(t, a, "Contoso").Organization.ID
	mira := connector.Actor{Name: "mira@contoso.example", Person: "per_mira", Roles: map[connector.OrganizationID]connector.Role{org: connector.RoleAdmin}}
	jan := admin.PersonRequest{Email: "jan@contoso.example", Organization: org}

	if _, err := a.AddPerson(t.Context(), mira, jan); codeOf(err) != connector.Forbidden || !strings.Contains(err.Error(), "who runs it") {
		t.Errorf("an admin invites somebody new: %v", err)
	}
	if _, err := a.AddPerson(t.Context(), connector.Actor{Name: "ops", Operator: true}, admin.PersonRequest{Email: jan.Email}); err != nil {
		t.Fatal(err)
	}
	if got, err := a.AddPerson(t.Context(), mira, jan); err != nil || got.Role != connector.RoleMember {
		t.Errorf("an admin invites who has an account: %+v, %v", got, err)
	}
}

func TestWhatEndsWithAMemberIsNamedBeforeItDoes(t *testing.T) {
	a, st := desk(t)
	made := setup(t, a, "Contoso")
	org, shell := made.Organization.ID, connector.Actor{Name: "test", Shell: true}
	jan, err := a.AddPerson(t.Context(), shell, admin.PersonRequest{Email: "jan@contoso.example", Organization: org})
	if err != nil {
		t.Fatal(err)
	}
	name, owner := "Alarms", "Jan@Contoso.example"
	webhook := admin.WebhookRequest{Subscription: made.Subscription.ID, WebhookFields: admin.WebhookFields{Name: &name, URL: connector.NewSecret(flow), FlowOwner: &owner}}
	if _, err := a.AddWebhook(t.Context(), shell, webhook); err != nil {
		t.Fatal(err)
	}
	contact := store.Contact{Email: jan.Email}
	if _, err := a.ChangeSubscription(t.Context(), shell, admin.SubscriptionChange{Subscription: made.Subscription.ID, Contact: &contact}); err != nil {
		t.Fatal(err)
	}
	janActs, err := st.PersonActor(t.Context(), jan.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.CreateToken(t.Context(), janActs, admin.TokenRequest{Name: "Laptop", Person: jan.ID}); err != nil {
		t.Fatal(err)
	}

	ends, err := a.MemberEnds(t.Context(), shell, org, jan.ID)

	if err != nil || len(ends.Contact) != 1 || len(ends.Tokens) != 1 || ends.Tokens[0] != "Laptop" || ends.FlowOwner != 1 || ends.Elsewhere {
		t.Errorf("what ends is %+v, %v", ends, err)
	}
	stranger := connector.Actor{Name: "eve", Person: "per_eve"}
	if _, err := a.MemberEnds(t.Context(), stranger, org, jan.ID); codeOf(err) != connector.NotFound {
		t.Errorf("a stranger is answered %v", err)
	}
	if err := a.RemoveMember(t.Context(), janActs, org, jan.ID); err != nil {
		t.Fatal(err)
	}
	if ends, err := a.MemberEnds(t.Context(), shell, org, jan.ID); err == nil && len(ends.Contact) > 0 {
		t.Errorf("removed, they are still the contact of %v", ends.Contact)
	}
}
