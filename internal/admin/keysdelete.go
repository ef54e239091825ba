package admin

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// KeysDeletion asks to delete a pair of keys: by its LicenseKey, which is
// enough, or by its name in an instance.
type KeysDeletion struct {
	LicenseKey string
	Name       string
	Instance   string // as for Choose
	By         string // who asks, for the audit
}

// DeletedKeys is a pair of keys that is not valid any more.
type DeletedKeys struct {
	store.Keys
	// Before is when they were deleted already; zero: they were deleted now.
	Before time.Time
	// Waiting is what was accepted under them and still goes out, by webhook.
	Waiting []store.KeysWaiting
	// Uncounted says why Waiting is not known; nil: it is.
	Uncounted error
}

// DeleteKeys makes a pair of keys invalid for good. Of keys that were deleted
// before nothing changes; keys that never were are an error.
func (a *Admin) DeleteKeys(ctx context.Context, r KeysDeletion) (DeletedKeys, error) {
	keys, err := a.findKeys(ctx, r)
	if err != nil {
		return DeletedKeys{}, err
	}
	return a.deleteKeys(ctx, keys, r.By)
}

func (a *Admin) deleteKeys(ctx context.Context, keys store.KeysFate, by string) (DeletedKeys, error) {
	d := DeletedKeys{Keys: keys.Keys, Before: keys.Deleted}
	if d.Before.IsZero() {
		err := a.store.DeleteKeys(ctx, keys.Subscription, keys.ID, by)
		var rule *connector.Error
		if errors.As(err, &rule) && rule.Code == connector.NotFound {
			d.Before, err = a.store.Now(), nil // somebody else has just deleted them
		}
		if err != nil {
			return DeletedKeys{}, err
		}
	}
	d.Waiting, d.Uncounted = a.store.WaitingUnder(ctx, keys.ID) // they are deleted whether or not this can be told
	return d, nil
}

func (a *Admin) findKeys(ctx context.Context, r KeysDeletion) (store.KeysFate, error) {
	if r.LicenseKey != "" {
		return a.findKeysByLicense(ctx, r)
	}
	sub, err := a.Choose(ctx, r.Instance)
	if err != nil {
		return store.KeysFate{}, err
	}
	all, err := a.store.FateOfName(ctx, sub.ID, r.Name)
	switch {
	case err != nil:
		return store.KeysFate{}, err
	case len(all) == 0:
		return store.KeysFate{}, connector.Errorf(connector.NotFound,
			"The instance %q has and had no keys named %q. See those that there are with: teamsconnector keys list", sub.InstanceName, r.Name)
	case len(all) > 1 && all[1].Deleted.IsZero():
		return store.KeysFate{}, connector.Errorf(connector.InvalidField,
			"Several keys of the instance %q are named %q. Say which by its LicenseKey: teamsconnector keys delete --key tck_...", sub.InstanceName, r.Name)
	}
	return all[0], nil
}

func (a *Admin) findKeysByLicense(ctx context.Context, r KeysDeletion) (store.KeysFate, error) {
	// What was typed is not quoted: it may be a secret in the wrong place.
	switch {
	case strings.HasPrefix(r.LicenseKey, keyring.LicenseSecretPrefix):
		return store.KeysFate{}, connector.Errorf(connector.InvalidField,
			"This is a LicenseSecret; keys are deleted by their LicenseKey, which starts with %s. See it with: teamsconnector keys list", keyring.LicenseKeyPrefix)
	case !strings.HasPrefix(r.LicenseKey, keyring.LicenseKeyPrefix), !keyring.WellFormed(r.LicenseKey):
		return store.KeysFate{}, connector.Errorf(connector.InvalidField,
			"This is not a whole LicenseKey, which starts with %s: a character is missing or mistyped. See them with: teamsconnector keys list", keyring.LicenseKeyPrefix)
	}
	all, err := a.store.FateOfLicense(ctx, r.LicenseKey)
	if err != nil {
		return store.KeysFate{}, err
	}
	if len(all) == 0 {
		return store.KeysFate{}, connector.Errorf(connector.NotFound,
			"There are and were no keys with this LicenseKey in this data folder. See those that there are with: teamsconnector keys list")
	}
	if r.Instance == "" {
		return all[0], nil
	}
	sub, err := a.Choose(ctx, r.Instance)
	if err == nil && sub.ID != all[0].Subscription {
		err = connector.Errorf(connector.NotFound, "These keys are not of the instance %q. Leave the instance out: the LicenseKey is enough.", sub.InstanceName)
	}
	return all[0], err
}
