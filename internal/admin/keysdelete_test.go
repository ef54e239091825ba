package admin_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func TestDeletedKeysOpenNothingAndASecondTimeTheyAreGone(t *testing.T) {
	q := queue(t)
	q.accept()
	q.accept()
	by := map[string]admin.KeysDeletion{
		"name": {Name: "first keys", By: "test"}, "license": {LicenseKey: q.made.Keys.LicenseKey, By: "test"},
	}

	got, err := q.DeleteKeys(t.Context(), by["name"])
	if err != nil || !got.Before.IsZero() || got.LicenseKey != q.made.Keys.LicenseKey {
		t.Fatalf("deleted %+v (%v)", got, err)
	}
	if len(got.Waiting) != 1 || got.Waiting[0] != (store.KeysWaiting{Webhook: q.hook.ID, Name: "Builds", Waiting: 2}) || got.Uncounted != nil {
		t.Errorf("what waits is %+v (%v), want 2 for Builds", got.Waiting, got.Uncounted)
	}
	if _, err := q.store.KeysByLicense(t.Context(), q.made.Keys.LicenseKey); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the keys still open: %v", err)
	}
	gone := q.store.Now()
	for what, r := range by {
		again, err := q.DeleteKeys(t.Context(), r)
		if err != nil || again.Before.IsZero() || again.Before.After(gone) || again.ID != got.ID {
			t.Errorf("again by %s: %+v (%v), want them gone since then", what, again, err)
		}
	}
}

func TestOnlyTheKeysThatAreMeantAreDeleted(t *testing.T) {
	q := queue(t)
	other := setup(t, q.Admin, "Fabrikam")
	create := func(sub connector.SubscriptionID) admin.Keys {
		keys, err := q.CreateKeys(t.Context(), shellActor(), admin.KeysRequest{Subscription: sub, Name: "App"})
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	old, theirs := create(q.made.Subscription.ID), create(other.Subscription.ID)
	if _, err := q.DeleteKeys(t.Context(), admin.KeysDeletion{Name: "App", Instance: "Contoso"}); err != nil {
		t.Fatal(err)
	}
	fresh := create(q.made.Subscription.ID) // rotated: the same name again

	again, err := q.DeleteKeys(t.Context(), admin.KeysDeletion{LicenseKey: old.LicenseKey})
	if err != nil || again.Before.IsZero() || again.ID != old.ID {
		t.Errorf("by the old LicenseKey: %+v (%v), want the old pair, gone", again, err)
	}
	valid := func(key string) bool { _, err := q.store.KeysByLicense(t.Context(), key); return err == nil }
	if valid(old.LicenseKey) || !valid(fresh.LicenseKey) || !valid(theirs.LicenseKey) || !valid(q.made.Keys.LicenseKey) {
		t.Errorf("valid are old %v, new %v, theirs %v, first %v; want all but the old",
			valid(old.LicenseKey), valid(fresh.LicenseKey), valid(theirs.LicenseKey), valid(q.made.Keys.LicenseKey))
	}
	if got, err := q.DeleteKeys(t.Context(), admin.KeysDeletion{Name: "App", Instance: "Contoso"}); err != nil || got.ID != fresh.ID || !got.Before.IsZero() {
		t.Errorf("by the name: %+v (%v), want the new pair", got, err)
	}
}

func TestKeysThatNeverWereAreAnErrorThatQuotesNoSecret(t *testing.T) {
	q := queue(t)
	setup(t, q.Admin, "Fabrikam")
	secret := q.made.LicenseSecret.Reveal()

	for say, r := range map[string]admin.KeysDeletion{
		`had no keys named "Ap"`:  {Name: "Ap", Instance: "Contoso"},
		"There are 2 instances":   {Name: "first keys"},
		"This is a LicenseSecret": {LicenseKey: secret},
		"not a whole LicenseKey":  {LicenseKey: "tck_canary"},
		"not of the instance":     {LicenseKey: q.made.Keys.LicenseKey, Instance: "Fabrikam"},
	} {
		_, err := q.DeleteKeys(t.Context(), r)
		if codeOf(err) == "" || !strings.Contains(err.Error(), say) || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%+v: %v, want %q", r, err, say)
		}
	}
	if _, err := q.store.KeysByLicense(t.Context(), q.made.Keys.LicenseKey); err != nil {
		t.Errorf("the keys were deleted all the same: %v", err)
	}
}
