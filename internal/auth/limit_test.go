package auth_test

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func from(t *testing.T, address string) context.Context {
	t.Helper()
	return auth.WithAddress(t.Context(), netip.MustParseAddr(address))
}

func retryAfter(err error) float64 {
	var e *connector.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.RetryAfter.Seconds()
}

func TestTenWrongSecretsLockOutTheirOwnAddressOnly(t *testing.T) {
	h := newHouse(t)
	a := auth.New(h.store, auth.Options{})
	_, wrong, err := keyring.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if _, err := a.License(from(t, "192.0.2.1"), h.key, connector.NewSecret(wrong)); codeOf(err) != connector.LicenseInvalid {
			t.Fatalf("wrong secret %d: %v", i+1, err)
		}
	}

	_, eleventh := a.License(from(t, "192.0.2.1"), h.key, connector.NewSecret(wrong))
	_, right := a.License(from(t, "192.0.2.1"), h.key, connector.NewSecret(h.secret))
	_, elsewhere := a.License(from(t, "192.0.2.2"), h.key, connector.NewSecret(h.secret))

	if codeOf(eleventh) != connector.RateLimited || retryAfter(eleventh) <= 0 || retryAfter(eleventh) > 60 {
		t.Errorf("the 11th: %v after %v s, want %s", eleventh, retryAfter(eleventh), connector.RateLimited)
	}
	if codeOf(right) != connector.RateLimited {
		t.Errorf("the right one from the same address: %v, want %s, or guessing goes on", right, connector.RateLimited)
	}
	if elsewhere != nil {
		t.Errorf("the right one from another address: %v", elsewhere)
	}
}

func (h *house) token(t *testing.T) string {
	t.Helper()
	text, err := keyring.NewToken()
	if err == nil {
		_, err = h.store.CreateToken(t.Context(), store.NewToken{Name: "test", Hash: keyring.Hash(text), By: "test"})
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestWrongTokensAreHeldUpButNoRightOne(t *testing.T) {
	h := newHouse(t)
	a := auth.New(h.store, auth.Options{})
	bad := func(address string) error {
		_, err := a.Bearer(from(t, address), connector.NewSecret("tct_nonsense"))
		return err
	}
	for range 10 {
		if err := bad("192.0.2.1"); codeOf(err) != connector.TokenInvalid {
			t.Fatal(err)
		}
	}

	if err := bad("192.0.2.1"); codeOf(err) != connector.RateLimited {
		t.Errorf("the 11th: %v", err)
	}
	if _, err := a.Bearer(from(t, "192.0.2.1"), connector.NewSecret(h.token(t))); err != nil {
		t.Errorf("a right one from the same address: %v", err)
	}
	if err := bad("192.0.2.2"); codeOf(err) != connector.TokenInvalid {
		t.Errorf("from another address: %v", err)
	}
}

func TestWrongSecretsFromEverywhereFillNoMemory(t *testing.T) {
	a := auth.New(newHouse(t).store, auth.Options{})
	for i := range 30_000 {
		_, err := a.Bearer(from(t, "2001:db8::"+strconv.FormatInt(int64(i%0xffff+1), 16)), connector.NewSecret("tct_"+strconv.Itoa(i)))
		if codeOf(err) != connector.TokenInvalid {
			t.Fatalf("call %d: %v", i, err)
		}
	}
	if n := a.Limited(); n > 10_000 {
		t.Errorf("%d addresses are remembered", n)
	}
}

func TestALicenseIsHeldToItsRate(t *testing.T) {
	h := newHouse(t)
	a := auth.New(h.store, auth.Options{Rate: 2})
	var refused error
	for range 3 {
		_, refused = a.License(t.Context(), h.key, connector.NewSecret(h.secret))
	}
	if codeOf(refused) != connector.RateLimited || retryAfter(refused) <= 0 || retryAfter(refused) > 1 {
		t.Errorf("the third call within a second: %v after %v s, want %s", refused, retryAfter(refused), connector.RateLimited)
	}
}

func TestOnlyProxiesAreBelievedWhereARequestCameFrom(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for name, c := range map[string]struct {
		peer, forwarded, want string
	}{
		"nobody between":       {"192.0.2.1:5", "", "192.0.2.1"},
		"a liar":               {"192.0.2.1:5", "198.51.100.9", "192.0.2.1"},
		"behind a proxy":       {"10.1.1.1:5", "198.51.100.9", "198.51.100.9"},
		"a liar behind it":     {"10.1.1.1:5", "203.0.113.3, 198.51.100.9", "198.51.100.9"},
		"behind two":           {"10.1.1.1:5", "198.51.100.9, 10.2.2.2", "198.51.100.9"},
		"with a port":          {"10.1.1.1:5", "198.51.100.9:4711", "198.51.100.9"},
		"nonsense":             {"10.1.1.1:5", "unknown", "10.1.1.1"},
		"proxies only":         {"10.1.1.1:5", "10.3.3.3", "10.3.3.3"},
		"mapped":               {"[::ffff:10.1.1.1]:5", "198.51.100.9", "198.51.100.9"},
		"a network of version": {"[2001:db8:1:2:3:4:5:6]:5", "", "2001:db8:1:2::"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": {c.forwarded}}}
		if got := auth.AddressOf(r, proxies).String(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestWrongPasswordsMakeTheirAddressWaitForThatAccountOnly(t *testing.T) {
	h := newHouse(t)
	a := auth.New(h.store, auth.Options{})
	link, err := a.OfferSetup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const password = "a few words in a row"
	_, err = a.SetUp(t.Context(), auth.SetupRequest{Link: link, Organization: "Acme", Name: "Ann", Email: "ann@acme.example", Password: connector.NewSecret(password)})
	if err != nil {
		t.Fatal(err)
	}
	try := func(email, password, address string) error {
		_, err := a.SignIn(t.Context(), auth.SignInRequest{Email: email, Password: connector.NewSecret(password), Address: address})
		return err
	}
	for i := range 10 {
		if err := try("ann@acme.example", "wrong", "192.0.2.1"); codeOf(err) != connector.TokenInvalid {
			t.Fatalf("wrong password %d: %v", i+1, err)
		}
	}

	if err := try("Ann@acme.example", password, "192.0.2.1"); codeOf(err) != connector.RateLimited {
		t.Errorf("the 11th, in other letters: %v, want %s", err, connector.RateLimited)
	}
	if err := try("ann@acme.example", password, "192.0.2.2"); err != nil {
		t.Errorf("from another address: %v", err)
	}
	if err := try("bob@acme.example", "wrong", "192.0.2.1"); codeOf(err) != connector.TokenInvalid {
		t.Errorf("another account: %v", err)
	}
}
