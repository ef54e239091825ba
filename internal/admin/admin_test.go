package admin_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

const (
	trusted = "http://127.0.0.1:9911"
	invoke  = "/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=canaryAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	flow    = "https://default0123456789abcdef0123456789abcd.ef.environment.api.powerplatform.com/powerautomate/automations/direct/workflows/0123456789abcdef0123456789abcdef" + invoke
)

// desk is an Admin over a real store.
func desk(t *testing.T) (*admin.Admin, *store.Store) {
	t.Helper()
	key, err := keyring.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.New(key)
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Ring: ring})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return admin.New(st, admin.Options{TrustedTargets: []string{trusted}}), st
}

func setup(t *testing.T, a *admin.Admin, name string) admin.SetupResult {
	t.Helper()
	made, err := a.Setup(t.Context(), admin.SetupRequest{Name: name, By: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// codeOf is the code of a rule that was broken; empty: none was.
func codeOf(err error) connector.Code {
	var rule *connector.Error
	if errors.As(err, &rule) {
		return rule.Code
	}
	return ""
}

func TestSetupMakesAllThatASendNeedsButTheWebhook(t *testing.T) {
	a, st := desk(t)

	made := setup(t, a, "Contoso")

	row, err := st.KeysByLicense(t.Context(), made.Keys.LicenseKey)
	if err != nil {
		t.Fatal(err)
	}
	if row.SecretHash != keyring.Hash(made.LicenseSecret.Reveal()) || row.License.Subscription != made.Subscription.ID {
		t.Errorf("the keys open %v, want subscription %s with their own secret", row.License, made.Subscription.ID)
	}
	if made.Subscription.Plan != "enterprise" || !made.Subscription.Expires.IsZero() || !made.Subscription.Valid(st.Now()) {
		t.Errorf("the subscription is %+v, want a valid enterprise one without end", made.Subscription)
	}
}

func TestWrongNamesAndAddressesMakeNothing(t *testing.T) {
	a, _ := desk(t)
	made := setup(t, a, "Contoso")
	long := strings.Repeat("x", connector.MaxNameRunes+1)

	for what, err := range map[string]error{
		"organization": second(a.Setup(t.Context(), admin.SetupRequest{Name: " \t"})),
		"e-mail":       second(a.Setup(t.Context(), admin.SetupRequest{Name: "x", Email: "ann@contoso.com, bob@contoso.com"})),
		"keys":         second(a.CreateKeys(t.Context(), shellActor(), admin.KeysRequest{Subscription: made.Subscription.ID, Name: long})),
		"token":        second(a.CreateToken(t.Context(), shellActor(), admin.TokenRequest{Name: "a\x00b"})),
		"webhook":      second(a.AddWebhook(t.Context(), shellActor(), hookAt(made.Subscription.ID, "\xff", connector.NewSecret(flow), ""))),
		"flow owner":   second(a.AddWebhook(t.Context(), shellActor(), hookAt(made.Subscription.ID, "x", connector.NewSecret(flow), "\u200b"))),
	} {
		if codeOf(err) != connector.InvalidField {
			t.Errorf("%s: got %v, want invalid_field", what, err)
		}
	}

	subs, err := a.Subscriptions(t.Context())
	if err != nil || len(subs) != 1 {
		t.Errorf("%d subscriptions (%v), want the first one only", len(subs), err)
	}
	hooks, err := a.Webhooks(t.Context(), shellActor(), made.Subscription.ID, admin.WebhookFilter{}, connector.Page{Limit: 10})
	if err != nil || len(hooks.Items) != 0 {
		t.Errorf("%d webhooks (%v), want none", len(hooks.Items), err)
	}
	keys, err := a.KeysOf(t.Context(), shellActor(), made.Subscription.ID)
	if err != nil || len(keys) != 1 {
		t.Errorf("%d pairs of keys (%v), want the first one only", len(keys), err)
	}
}

func hookAt(sub connector.SubscriptionID, name string, url connector.Secret, owner string) admin.WebhookRequest {
	return admin.WebhookRequest{Subscription: sub, WebhookFields: admin.WebhookFields{Name: &name, URL: url, FlowOwner: &owner}}
}

func second[T any](_ T, err error) error { return err }

func TestProfileFollowsTheURLUnlessChosen(t *testing.T) {
	a, _ := desk(t)
	made := setup(t, a, "Contoso")
	guid := "01234567-89ab-cdef-0123-456789abcdef"

	for name, want := range map[string]struct {
		url     string
		chosen  connector.Profile
		profile connector.Profile
		warned  bool
	}{
		"workflows":  {url: flow, profile: connector.ProfileFlowBot},
		"chosen":     {url: flow + "1", chosen: connector.ProfilePostAsUser, profile: connector.ProfilePostAsUser},
		"logic app":  {url: "https://prod-01.westeurope.logic.azure.com/workflows/0123456789abcdef0123456789abcdef" + invoke, profile: connector.ProfileLogicApp, warned: true},
		"connector":  {url: "https://contoso.webhook.office.com/webhookb2/" + guid + "@" + guid + "/IncomingWebhook/0123456789abcdef0123456789abcdef/" + guid, profile: connector.ProfileOffice365, warned: true},
		"government": {url: "https://prod-01.usgovvirginia.logic.azure.us/workflows/0123456789abcdef0123456789abcdef" + invoke, profile: connector.ProfilePostAsUser},
		"trusted":    {url: trusted + "/hook", profile: connector.ProfileNone},
	} {
		r := hookAt(made.Subscription.ID, name, connector.NewSecret(want.url), "")
		if want.chosen != 0 {
			r.Profile = &want.chosen
		}
		w, err := a.AddWebhook(t.Context(), shellActor(), r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if w.Profile != want.profile || w.Payload != connector.PayloadAdaptive {
			t.Errorf("%s: profile %v payload %v, want %v and adaptive", name, w.Profile, w.Payload, want.profile)
		}
		if (len(w.Warnings) > 0) != want.warned {
			t.Errorf("%s: warnings %q, want some: %v", name, w.Warnings, want.warned)
		}
	}
}

func TestAWrongURLIsExplainedAndNotQuoted(t *testing.T) {
	a, _ := desk(t)
	made := setup(t, a, "Contoso")

	for _, url := range []string{
		"https://contoso.com/canary", "http://127.0.0.1:9912/canary", "canary", strings.Replace(flow, "&sig=", "&gis=", 1),
		"https://make.powerautomate.com/environments/canary/flows", strings.ReplaceAll(flow, "&", "&amp;"),
	} {
		_, err := a.AddWebhook(t.Context(), shellActor(), hookAt(made.Subscription.ID, "x", connector.NewSecret(url), ""))

		var rule *connector.Error
		if !errors.As(err, &rule) || len(rule.Fields) != 1 || rule.Fields[0].Pointer != "/url" {
			t.Errorf("%v, want a rule about /url", err)
			continue
		}
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("the URL is quoted: %v", err)
		}
	}
}

func TestTheSameURLTwiceIsSavedWithAWarning(t *testing.T) {
	a, _ := desk(t)
	made, other := setup(t, a, "Contoso"), setup(t, a, "Fabrikam")
	add := func(sub connector.SubscriptionID, name string) admin.Webhook {
		w, err := a.AddWebhook(t.Context(), shellActor(), hookAt(sub, name, connector.NewSecret(flow), ""))
		if err != nil {
			t.Fatal(err)
		}
		return w
	}

	first, twice, foreign := add(made.Subscription.ID, "Builds"), add(made.Subscription.ID, "Copy"), add(other.Subscription.ID, "Theirs")

	if len(first.Warnings) != 0 {
		t.Errorf("the first webhook is warned about: %q", first.Warnings)
	}
	if len(twice.Warnings) != 1 || !strings.Contains(twice.Warnings[0], `"Builds"`) {
		t.Errorf("warnings are %q, want one that names Builds", twice.Warnings)
	}
	if len(foreign.Warnings) != 0 {
		t.Errorf("another organization hears of it: %q", foreign.Warnings)
	}
}

func TestNoWebhookBeyondTheQuota(t *testing.T) {
	a, st := desk(t)
	made := setup(t, a, "Contoso")
	one := 1
	if _, err := st.ChangeSubscription(t.Context(), store.SubscriptionChange{Subscription: made.Subscription.ID, WebhookQuota: &one}); err != nil {
		t.Fatal(err)
	}
	add := func(name string) error {
		return second(a.AddWebhook(t.Context(), shellActor(), hookAt(made.Subscription.ID, name, connector.NewSecret(flow), "")))
	}

	if err := add("first"); err != nil {
		t.Fatal(err)
	}
	if err := add("second"); codeOf(err) != connector.WebhookQuotaExhausted {
		t.Errorf("got %v, want webhook_quota_exhausted", err)
	}
}

func TestKeysOfOneNameAreMadeOnce(t *testing.T) {
	a, st := desk(t)
	made, other := setup(t, a, "Contoso"), setup(t, a, "Fabrikam")
	create := func(sub connector.SubscriptionID) (admin.Keys, error) {
		return a.CreateKeys(t.Context(), shellActor(), admin.KeysRequest{Subscription: sub, Name: "Build server"})
	}

	keys, err := create(made.Subscription.ID)
	if err != nil {
		t.Fatal(err)
	}
	row, err := st.KeysByLicense(t.Context(), keys.LicenseKey)
	if err != nil || row.SecretHash != keyring.Hash(keys.LicenseSecret.Reveal()) {
		t.Errorf("the keys don't open with their secret (%v)", err)
	}
	if _, err := create(made.Subscription.ID); codeOf(err) != connector.NameTaken {
		t.Errorf("a second pair of the name: %v, want name_taken", err)
	}
	if _, err := create(other.Subscription.ID); err != nil {
		t.Errorf("the name in another subscription: %v", err)
	}
}

// shellActor is whoever holds the data folder.
func shellActor() connector.Actor { return connector.Actor{Name: "command line: test", Shell: true} }

func TestATokenIsKnownByItsHashOnly(t *testing.T) {
	a, st := desk(t)

	token, err := a.CreateToken(t.Context(), shellActor(), admin.TokenRequest{Name: "ci"})
	if err != nil {
		t.Fatal(err)
	}

	row, err := st.ActorByToken(t.Context(), keyring.Hash(token.Text.Reveal()))
	if err != nil || row.Name != "token ci" || !row.Operator || !keyring.WellFormed(token.Text.Reveal()) {
		t.Errorf("the token is %+v (%v), want the operator's ci", row, err)
	}
}

func TestChooseTakesAnInstanceByNameOrIDOrTheOnlyOne(t *testing.T) {
	a, st := desk(t)
	if _, err := a.Choose(t.Context(), ""); codeOf(err) != connector.NotFound || !strings.Contains(err.Error(), "setup") {
		t.Errorf("without any: %v, want the next step", err)
	}
	first := setup(t, a, "Contoso").Subscription.ID
	if sub, err := a.Choose(t.Context(), ""); err != nil || sub.ID != first {
		t.Errorf("the only one: %v, %v", sub.ID, err)
	}
	fabrikam := setup(t, a, "Fabrikam").Subscription.ID
	made, err := st.CreateSubscription(t.Context(), store.NewSubscription{
		Organization: setup(t, a, "Northwind").Organization.ID, Plan: "standard", InstanceName: "CONTOSO", By: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	twin := made.ID

	for asked, want := range map[string]connector.SubscriptionID{"fabrikam": fabrikam, string(first): first, string(twin): twin} {
		if sub, err := a.Choose(t.Context(), asked); err != nil || sub.ID != want {
			t.Errorf("Choose(%q) = %v, %v; want %v", asked, sub.ID, err, want)
		}
	}
	for _, vague := range []string{"", "contoso", "Adatum"} {
		_, err := a.Choose(t.Context(), vague)
		if codeOf(err) == "" || !strings.Contains(err.Error(), string(fabrikam)) && vague != "contoso" || !strings.Contains(err.Error(), string(twin)) {
			t.Errorf("Choose(%q): %v, want an error that names the ones to choose from", vague, err)
		}
	}
}

func TestASecondSetupOfOneNameNamesTheWayOut(t *testing.T) {
	a, _ := desk(t)
	setup(t, a, "Contoso")

	_, err := a.Setup(t.Context(), admin.SetupRequest{Name: "contoso", By: "test"})

	if codeOf(err) != connector.NameTaken || !strings.Contains(err.Error(), "keys create") {
		t.Errorf("got %v, want name_taken and the next step", err)
	}
}
