// Package auth says who is asking: which subscription a pair of binding keys
// stands for.
package auth

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// MaxCacheAge is how long a license may be answered from memory at most: keys
// that were deleted are refused everywhere within one second.
const MaxCacheAge = 500 * time.Millisecond

// maxCached bounds the memory that licenses take; beyond it all are read anew.
const maxCached = 10_000

// Options furnishes an Auth; the zero value works.
type Options struct {
	// Logger gets the few events that an operator acts on; nil: none.
	Logger *slog.Logger
	// CacheAge is how long a license is answered from memory; zero: MaxCacheAge; never more than that.
	CacheAge time.Duration
}

// Auth knows who is asking.
type Auth struct {
	store *store.Store
	log   *slog.Logger
	age   time.Duration
	// hashing holds a place for each password that is being checked.
	hashing chan struct{}

	mu     sync.RWMutex
	cached map[string]entry // by LicenseKey; only keys that exist
}

type entry struct {
	row store.KeysRow
	at  time.Time // before the question was put
}

// New makes an Auth that asks st.
func New(st *store.Store, o Options) *Auth {
	if o.CacheAge <= 0 || o.CacheAge > MaxCacheAge {
		o.CacheAge = MaxCacheAge
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Auth{store: st, log: o.Logger, age: o.CacheAge, hashing: make(chan struct{}, maxHashing), cached: make(map[string]entry)}
}

// License returns what a pair of binding keys stands for. An unknown key, a
// deleted one and a wrong secret get the same LicenseInvalid; when the database
// does not answer it is NotAccepted, because then nobody knows.
func (a *Auth) License(ctx context.Context, key string, secret connector.Secret) (connector.License, error) {
	if !wellFormed(keyring.LicenseKeyPrefix, key) || !wellFormed(keyring.LicenseSecretPrefix, secret.Reveal()) {
		return connector.License{}, invalid()
	}
	row, err := a.keys(ctx, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return connector.License{}, invalid()
	case ctx.Err() != nil:
		return connector.License{}, ctx.Err() // the caller is gone; it says nothing of the database
	case err != nil:
		a.log.ErrorContext(ctx, "license not checked", "error", err)
		return connector.License{}, &connector.Error{
			Code:       connector.NotAccepted,
			Message:    "The license can't be checked right now, so nothing was accepted. Try again in a moment.",
			RetryAfter: time.Second,
		}
	}
	if !keyring.Equal(keyring.Hash(secret.Reveal()), row.SecretHash) {
		return connector.License{}, invalid()
	}
	return row.License, nil
}

// wellFormed lets a typing error be told without a query.
func wellFormed(prefix, s string) bool { return strings.HasPrefix(s, prefix) && keyring.WellFormed(s) }

func (a *Auth) keys(ctx context.Context, key string) (store.KeysRow, error) {
	now := time.Now()
	a.mu.RLock()
	e, known := a.cached[key]
	a.mu.RUnlock()
	if known && now.Sub(e.at) < a.age {
		return e.row, nil
	}
	row, err := a.store.KeysByLicense(ctx, key)
	if err != nil {
		return store.KeysRow{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.cached) >= maxCached {
		clear(a.cached)
	}
	a.cached[key] = entry{row: row, at: now}
	return row, nil
}

func invalid() *connector.Error {
	return connector.Errorf(connector.LicenseInvalid,
		"The LicenseKey and LicenseSecret are not valid together: one of them is mistyped or cut off, or the keys were deleted. "+
			"Compare both with what you saved when the keys were created; a secret can't be shown again, so make a new pair "+
			"if it is lost: teamsconnector keys create.")
}
