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
}

// Keys is a new pair. The secret is not kept and can't be shown again.
type Keys struct {
	KeysRow
	LicenseSecret connector.Secret
}

// CreateKeys makes a pair of binding keys. A name that the subscription has
// already is refused with NameTaken.
func (a *Admin) CreateKeys(ctx context.Context, who connector.Actor, r KeysRequest) (Keys, error) {
	if _, err := a.onSubscription(ctx, who, connector.RightLicense, r.Subscription); err != nil {
		return Keys{}, err
	}
	if err := connector.CheckName("/name", r.Name); err != nil {
		return Keys{}, err
	}
	licenseKey, licenseSecret, err := keyring.NewPair()
	if err != nil {
		return Keys{}, fmt.Errorf("make binding keys: %w", err)
	}
	made, err := a.store.CreateKeys(ctx, store.NewKeys{
		Subscription: r.Subscription, Name: r.Name,
		LicenseKey: licenseKey, SecretHash: keyring.Hash(licenseSecret), By: who.Name,
	})
	if err != nil {
		return Keys{}, err
	}
	return Keys{KeysRow: made, LicenseSecret: connector.NewSecret(licenseSecret)}, nil
}

// KeysOf lists the pairs of a subscription, without their secrets.
func (a *Admin) KeysOf(ctx context.Context, who connector.Actor, sub connector.SubscriptionID) ([]store.Keys, error) {
	if _, err := a.onSubscription(ctx, who, connector.RightLicense, sub); err != nil {
		return nil, err
	}
	return a.store.KeysOf(ctx, sub)
}

// KeysByID returns one pair of a subscription, without its secret.
func (a *Admin) KeysByID(ctx context.Context, who connector.Actor, sub connector.SubscriptionID, id connector.KeysID) (store.Keys, error) {
	all, err := a.KeysOf(ctx, who, sub)
	if err != nil {
		return store.Keys{}, err
	}
	if i := slices.IndexFunc(all, func(k store.Keys) bool { return k.ID == id }); i >= 0 {
		return all[i], nil
	}
	return store.Keys{}, connector.NoSuch("pair of keys", string(id))
}

// DeleteKeysByID makes a pair of keys invalid for good, and says what still waits under it.
func (a *Admin) DeleteKeysByID(ctx context.Context, who connector.Actor, sub connector.SubscriptionID, id connector.KeysID) (DeletedKeys, error) {
	keys, err := a.KeysByID(ctx, who, sub, id)
	if err != nil {
		return DeletedKeys{}, err
	}
	return a.deleteKeys(ctx, store.KeysFate{Keys: keys}, who.Name)
}

// DeletingKeys is a pair that somebody thinks of deleting, with what waits under it.
func (a *Admin) DeletingKeys(ctx context.Context, who connector.Actor, sub connector.SubscriptionID, id connector.KeysID) (*DeletedKeys, error) {
	keys, err := a.KeysByID(ctx, who, sub, id)
	if err != nil {
		return nil, err
	}
	d := DeletedKeys{Keys: keys}
	d.Waiting, d.Uncounted = a.store.WaitingUnder(ctx, id) // asked or not, they can be deleted
	return &d, nil
}
