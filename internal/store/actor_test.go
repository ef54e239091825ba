package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func TestATokenStandsForWhatItsOwnerMayNow(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		ann, _, err := h.AddPerson(t.Context(), store.NewPerson{
			Email: "Ann@contoso.example", Join: h.organization, Role: connector.RoleMember, Link: keyring.Hash("link"), LinkLife: time.Hour, By: "test",
		})
		if err != nil {
			t.Fatal(err)
		}
		give := func(text string, n store.NewToken) store.Token {
			t.Helper()
			n.Name, n.Hash, n.By = text, keyring.Hash(text), "test"
			token, err := h.CreateToken(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		give("hers", store.NewToken{Person: ann, Scopes: []connector.Right{connector.RightView, connector.RightSend}})
		give("theirs", store.NewToken{Organization: h.organization, Role: connector.RoleAdmin})
		give("operators", store.NewToken{})
		revoked := give("revoked", store.NewToken{})
		if err := h.RevokeToken(t.Context(), revoked, "test"); err != nil {
			t.Fatal(err)
		}
		who := func(text string) connector.Actor {
			t.Helper()
			a, err := h.ActorByToken(t.Context(), keyring.Hash(text))
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			return a
		}

		hers, theirs, operators := who("hers"), who("theirs"), who("operators")
		_, gone := h.ActorByToken(t.Context(), keyring.Hash("revoked"))
		if err := h.ChangeMember(t.Context(), store.MemberChange{Organization: h.organization, Person: ann, By: "test"}); err != nil {
			t.Fatal(err)
		}
		left := who("hers")

		if hers.Person != ann || hers.Operator || hers.Roles[h.organization] != connector.RoleMember || !slices.Equal(hers.Scopes, []connector.Right{connector.RightView, connector.RightSend}) {
			t.Errorf("a person's token stands for %+v", hers)
		}
		if hers.May(connector.RightConfigure, h.organization, "") || !hers.May(connector.RightSend, h.organization, "") {
			t.Error("scopes do not hold")
		}
		if theirs.Person != "" || theirs.Operator || theirs.Roles[h.organization] != connector.RoleAdmin || theirs.Scopes != nil {
			t.Errorf("an organization's token stands for %+v", theirs)
		}
		if !operators.Operator || len(operators.Roles) > 0 {
			t.Errorf("an operator's token stands for %+v", operators)
		}
		if !errors.Is(gone, store.ErrNotFound) {
			t.Errorf("a revoked token: %v, want not found", gone)
		}
		if left.Sees(h.organization, "") {
			t.Error("who left the organization still sees it with their token")
		}
	})
}

func TestAPlanIsChangedFromTheVersionThatWasSeen(t *testing.T) {
	promise(t, func(t *testing.T, h *house) {
		made, err := h.CreatePlan(t.Context(), store.Plan{Name: "gold", Trial: true, WebhookQuota: 3}, "test")
		if err != nil {
			t.Fatal(err)
		}
		change := func(version int64, name string) (store.Plan, error) {
			return h.ChangePlan(t.Context(), store.PlanChange{Plan: made.ID, Version: version, By: "test", Edit: func(p *store.Plan) error {
				p.Name, p.Trial = name, false
				return nil
			}})
		}

		changed, err := change(1, "silver")
		_, late := change(1, "bronze")
		_, taken := change(0, "trial")
		plans, readErr := h.Plans(t.Context())

		if want := (store.Plan{ID: made.ID, Name: "silver", WebhookQuota: 3, Version: 2}); err != nil || readErr != nil || changed != want || plans[len(plans)-1] != want {
			t.Errorf("changed is %+v (%v), the last of the list %+v (%v)", changed, err, plans[len(plans)-1], readErr)
		}
		if codeOf(late) != connector.Changed || codeOf(taken) != connector.NameTaken {
			t.Errorf("from an old version: %v; to a name that is taken: %v", late, taken)
		}
	})
}
