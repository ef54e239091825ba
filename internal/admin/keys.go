package admin

import (
	"context"
	"fmt"
	"slices"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// KeysRequest asks for a pair of binding keys.
type KeysRequest struct {
	Subscription connector.SubscriptionID
	Name         string // a meaningful one, which includes the app's
	By           string // who asks, for the audit
}

// Keys is a new pair. The secret is not kept and can't be shown again.
type Keys struct {
	store.Keys
	LicenseSecret connector.Secret
}

// CreateKeys makes a pair of binding keys. A name that the subscription has
// already is refused with NameTaken.
func (a *Admin) CreateKeys(ctx context.Context, r KeysRequest) (Keys, error) {
	if err := connector.CheckName("/name", r.Name); err != nil {
		return Keys{}, err
	}
	all, err := a.store.KeysOf(ctx, r.Subscription)
	if err != nil {
		return Keys{}, err
	}
	if slices.ContainsFunc(all, func(k store.Keys) bool { return k.Name == r.Name }) {
		return Keys{}, connector.Errorf(connector.NameTaken,
			"This subscription has keys named %q already. Choose another name, or delete those first.", r.Name)
	}
	licenseKey, licenseSecret, err := keyring.NewPair()
	if err != nil {
		return Keys{}, fmt.Errorf("make binding keys: %w", err)
	}
	made, err := a.store.CreateKeys(ctx, store.NewKeys{
		Subscription: r.Subscription, Name: r.Name,
		LicenseKey: licenseKey, SecretHash: keyring.Hash(licenseSecret), By: r.By,
	})
	if err != nil {
		return Keys{}, err
	}
	return Keys{Keys: made, LicenseSecret: connector.NewSecret(licenseSecret)}, nil
}

// KeysOf lists the pairs of a subscription, without their secrets.
func (a *Admin) KeysOf(ctx context.Context, sub connector.SubscriptionID) ([]store.Keys, error) {
	return a.store.KeysOf(ctx, sub)
}
