package auth_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

type house struct {
	store       *store.Store
	faults      *store.Faults
	key, secret string
	rows        store.SetupRows
}

func newHouse(t *testing.T) *house {
	t.Helper()
	master, err := keyring.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.New(master)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{faults: &store.Faults{}}
	h.store, err = store.Open(t.Context(), store.Options{Dir: t.TempDir(), Ring: ring, Faults: h.faults})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.store.Close() })
	h.key, h.secret, err = keyring.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	h.rows, err = h.store.Setup(t.Context(), store.NewSetup{Name: "Acme", LicenseKey: h.key, SecretHash: keyring.Hash(h.secret), By: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func codeOf(err error) connector.Code {
	var e *connector.Error
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

func TestRightPairStandsForItsSubscription(t *testing.T) {
	h := newHouse(t)

	lic, err := auth.New(h.store, auth.Options{}).License(t.Context(), h.key, connector.NewSecret(h.secret))

	if err != nil || lic.Subscription != h.rows.Subscription.ID || lic.Keys != h.rows.Keys.ID || lic.SubscriptionRow != h.rows.Subscription.Row {
		t.Errorf("License = %+v, %v; want that of %s", lic, err, h.rows.Subscription.ID)
	}
}

func TestEveryWrongPairGetsTheSameAnswer(t *testing.T) {
	h := newHouse(t)
	otherKey, otherSecret, err := keyring.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	a := auth.New(h.store, auth.Options{})
	said := make(map[string]bool)
	for name, pair := range map[string][2]string{
		"unknown key":    {otherKey, h.secret},
		"wrong secret":   {h.key, otherSecret},
		"unknown pair":   {otherKey, otherSecret},
		"swapped":        {h.secret, h.key},
		"secret twice":   {h.secret, h.secret},
		"key as secret":  {h.key, h.key},
		"typing error":   {h.key, h.secret[:10] + "0" + h.secret[11:len(h.secret)-1] + "q"},
		"cut off":        {h.key, h.secret[:40]},
		"nothing":        {"", ""},
		"no secret":      {h.key, ""},
		"line feed":      {h.key + "\n", h.secret},
		"upper case":     {strings.ToUpper(h.key), h.secret},
		"SQL":            {"' OR 1=1 --", h.secret},
		"a million":      {strings.Repeat("k", 1_000_000), h.secret},
		"not UTF-8":      {"\xff", "\xfe"},
		"zero character": {h.key + "\x00", h.secret},
	} {
		for range 2 { // also from memory
			_, err := a.License(t.Context(), pair[0], connector.NewSecret(pair[1]))
			if codeOf(err) != connector.LicenseInvalid {
				t.Errorf("%s: %v, want %s", name, err, connector.LicenseInvalid)
				continue
			}
			said[err.Error()] = true
			for _, s := range pair {
				if len(s) > 8 && strings.Contains(err.Error(), s) {
					t.Errorf("%s: the error quotes what was sent", name)
				}
			}
		}
	}
	if len(said) != 1 {
		t.Errorf("%d different answers, want one: %v", len(said), said)
	}
	if _, err := a.License(t.Context(), h.key, connector.NewSecret(h.secret)); err != nil {
		t.Errorf("the right pair after the wrong ones: %v", err)
	}
}

func TestDatabaseThatIsAwayMakesNoLicenseWrong(t *testing.T) {
	h := newHouse(t)
	a := auth.New(h.store, auth.Options{})
	h.faults.FailStatement(1, "FROM keys", nil)

	_, err := a.License(t.Context(), h.key, connector.NewSecret(h.secret))

	var e *connector.Error
	if !errors.As(err, &e) || e.Code != connector.NotAccepted || e.RetryAfter <= 0 {
		t.Errorf("got %v, want %s with a time to wait", err, connector.NotAccepted)
	}
	if _, err := a.License(t.Context(), h.key, connector.NewSecret(h.secret)); err != nil {
		t.Errorf("after the fault: %v", err)
	}
}

func TestCallerThatLeavesIsNoFaultOfTheDatabase(t *testing.T) {
	h := newHouse(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	_, err := auth.New(h.store, auth.Options{}).License(ctx, h.key, connector.NewSecret(h.secret))

	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestDeletedKeysAreRefusedWithinTheirTime(t *testing.T) {
	h := newHouse(t)
	a := auth.New(h.store, auth.Options{CacheAge: time.Hour}) // cut to MaxCacheAge
	if _, err := a.License(t.Context(), h.key, connector.NewSecret(h.secret)); err != nil {
		t.Fatal(err)
	}
	if err := h.store.DeleteKeys(t.Context(), h.rows.Subscription.ID, h.rows.Keys.ID, "test"); err != nil {
		t.Fatal(err)
	}
	deleted := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()

	for {
		<-tick.C
		_, err := a.License(t.Context(), h.key, connector.NewSecret(h.secret))
		if codeOf(err) == connector.LicenseInvalid {
			break
		}
		if took := time.Since(deleted); err != nil || took > time.Second {
			t.Fatalf("after %v: %v, want %s", took, err, connector.LicenseInvalid)
		}
	}
}

func TestLicenseIsAnsweredFromMemory(t *testing.T) {
	h := newHouse(t)
	a := auth.New(h.store, auth.Options{})
	if _, err := a.License(t.Context(), h.key, connector.NewSecret(h.secret)); err != nil {
		t.Fatal(err)
	}
	h.faults.FailStatement(1, "FROM keys", nil)

	_, err := a.License(t.Context(), h.key, connector.NewSecret(h.secret))
	if err != nil {
		t.Errorf("the second time: %v, want no query", err)
	}
}
