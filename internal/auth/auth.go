// Package auth says who is asking: which subscription a pair of binding keys
// stands for, and who comes with a token.
package auth

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// MaxCacheAge is how long a license may be answered from memory at most: keys
// that were deleted are refused everywhere within one second.
const MaxCacheAge = 500 * time.Millisecond

// Options furnishes an Auth; the zero value works.
type Options struct {
	// Logger gets the few events that an operator acts on; nil: none.
	Logger *slog.Logger
	// CacheAge is how long a license is answered from memory; zero: MaxCacheAge; never more than that.
	CacheAge time.Duration
	// Rate is how many calls a second a pair of keys may make; zero: as many as it likes.
	Rate float64
}

// Auth knows who is asking.
type Auth struct {
	store *store.Store
	log   *slog.Logger
	// hashing holds a place for each password that is being checked.
	hashing chan struct{}

	licenses cache[string, store.KeysRow]     // by LicenseKey
	tokens   cache[[32]byte, connector.Actor] // by hash
	wrong    limit                            // secrets, by name and address
	calls    limit                            // by keys
	rate     float64                          // of calls, on all nodes; zero: as many as they like
}

// New makes an Auth that asks st.
func New(st *store.Store, o Options) *Auth {
	if o.CacheAge <= 0 || o.CacheAge > MaxCacheAge {
		o.CacheAge = MaxCacheAge
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	a := &Auth{store: st, log: o.Logger, hashing: make(chan struct{}, maxHashing)}
	a.licenses.age, a.tokens.age = o.CacheAge, o.CacheAge
	a.wrong.rate, a.wrong.burst = rate.Every(time.Minute/maxWrong), maxWrong
	a.rate = o.Rate
	a.ShareRate(1)
	return a
}

// ShareRate divides what binding keys may call a second among so many nodes,
// each of which lets its part in.
func (a *Auth) ShareRate(nodes int) {
	share := a.rate / float64(max(nodes, 1))
	a.calls.set(rate.Limit(share), max(1, int(math.Ceil(share))))
}

// License returns what a pair of binding keys stands for. An unknown key, a
// deleted one and a wrong secret get the same LicenseInvalid; when the database
// does not answer it is NotAccepted, because then nobody knows.
func (a *Auth) License(ctx context.Context, key string, secret connector.Secret) (l connector.License, err error) {
	name := "keys"
	if wellFormed(keyring.LicenseKeyPrefix, key) {
		name = key
	}
	err = a.guarded(ctx, name, name == "keys", func() error {
		l, err = a.license(ctx, key, secret)
		return err
	})
	if err == nil {
		err = a.paced(l)
	}
	return l, err
}

func (a *Auth) license(ctx context.Context, key string, secret connector.Secret) (connector.License, error) {
	if !wellFormed(keyring.LicenseKeyPrefix, key) || !wellFormed(keyring.LicenseSecretPrefix, secret.Reveal()) {
		return connector.License{}, invalid()
	}
	row, err := a.licenses.get(ctx, key, a.store.KeysByLicense)
	if errors.Is(err, store.ErrNotFound) {
		return connector.License{}, invalid()
	}
	if err := a.away(ctx, err); err != nil {
		return connector.License{}, err
	}
	if !keyring.Equal(keyring.Hash(secret.Reveal()), row.SecretHash) {
		return connector.License{}, invalid()
	}
	return row.License, nil
}

// wellFormed lets a typing error be told without a query.
func wellFormed(prefix, s string) bool { return strings.HasPrefix(s, prefix) && keyring.WellFormed(s) }

func invalid() *connector.Error {
	return connector.Errorf(connector.LicenseInvalid,
		"The LicenseKey and LicenseSecret are not valid together: one of them is mistyped or cut off, or the keys were deleted. "+
			"Compare both with what you saved when the keys were created; a secret can't be shown again, so make a new pair "+
			"if it is lost: teamsconnector keys create.")
}
