package api

import (
	"context"
	"net/http"

	"github.com/teamsconnector/teamsconnector/internal/admin"
	"github.com/teamsconnector/teamsconnector/internal/connector"
)

func (a *API) keysRoutes() []route {
	const all, one = "/api/v1/subscriptions/{id}/keys", "/api/v1/subscriptions/{id}/keys/{keyId}"
	return []route{
		{method: http.MethodGet, path: all, id: "listKeys", summary: "List the binding keys of a subscription", right: connector.RightLicense, typed: typed(a.listKeys)},
		{
			method: http.MethodPost, path: all, id: "createKeys", summary: "Make a pair of binding keys, one per app; the secret is shown once",
			right: connector.RightLicense, typed: typed(a.createKeys),
		},
		{method: http.MethodGet, path: one, id: "readKeys", summary: "Read a pair of binding keys", right: connector.RightLicense, typed: typed(a.readKeys)},
		{
			method: http.MethodDelete, path: one, id: "deleteKeys", summary: "Delete a pair of binding keys; it is refused within one second",
			right: connector.RightLicense, status: http.StatusOK, typed: typed(a.deleteKeys),
		},
	}
}

// keys is a pair of binding keys.
type keys struct {
	ID         connector.KeysID `json:"id"`
	Name       string           `json:"name"`
	LicenseKey string           `json:"licenseKey"`
	CreatedBy  string           `json:"createdBy"`
	CreatedAt  string           `json:"createdAt" format:"date-time"`
	LastUsed   *string          `json:"lastUsed" format:"date-time" doc:"exact to a minute; null: never"`
	// LicenseSecret stands in the answer to their creation only.
	LicenseSecret string `json:"licenseSecret,omitempty" doc:"shown once"`
}

func keysItem(k admin.KeysRow) keys {
	return keys{ID: k.ID, Name: k.Name, LicenseKey: k.LicenseKey, CreatedBy: k.CreatedBy, CreatedAt: stamp(k.Created), LastUsed: optional(k.LastUsed)}
}

func (a *API) listKeys(ctx context.Context, who connector.Actor, in *SubscriptionPath) (*listed[keys], error) {
	all, err := a.desk.KeysOf(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	return asList(connector.List[admin.KeysRow]{Items: all}, keysItem), nil
}

type createKeysInput struct {
	SubscriptionPath

	Body struct {
		Name string `json:"name" doc:"a meaningful one, which includes the app's"`
	}
}

func (a *API) createKeys(ctx context.Context, who connector.Actor, in *createKeysInput) (*made[keys], error) {
	k, err := a.desk.CreateKeys(ctx, who, admin.KeysRequest{Subscription: in.ID, Name: in.Body.Name})
	if err != nil {
		return nil, err
	}
	item := keysItem(k.KeysRow)
	item.LicenseSecret = k.LicenseSecret.Reveal()
	return &made[keys]{Location: "/api/v1/subscriptions/" + string(in.ID) + "/keys/" + string(k.ID), Body: item}, nil
}

// KeysPath names the pair of keys.
type KeysPath struct {
	SubscriptionPath

	Keys connector.KeysID `path:"keyId"`
}

func (a *API) readKeys(ctx context.Context, who connector.Actor, in *KeysPath) (*one[keys], error) {
	k, err := a.desk.KeysByID(ctx, who, in.ID, in.Keys)
	if err != nil {
		return nil, err
	}
	return &one[keys]{Body: keysItem(k)}, nil
}

// deletedKeys says what still goes out that was accepted under keys which are not valid any more.
type deletedKeys struct {
	ID      connector.KeysID `json:"id"`
	Waiting []waitingUnder   `json:"waiting" nullable:"false" doc:"what was accepted under them and still goes out"`
}

type waitingUnder struct {
	WebhookID connector.WebhookID `json:"webhookId"`
	Name      string              `json:"name"`
	Messages  int                 `json:"messages"`
}

func (a *API) deleteKeys(ctx context.Context, who connector.Actor, in *KeysPath) (*one[deletedKeys], error) {
	d, err := a.desk.DeleteKeysByID(ctx, who, in.ID, in.Keys)
	if err != nil {
		return nil, err
	}
	out := deletedKeys{ID: in.Keys, Waiting: []waitingUnder{}}
	for _, w := range d.Waiting {
		out.Waiting = append(out.Waiting, waitingUnder{WebhookID: w.Webhook, Name: w.Name, Messages: w.Waiting})
	}
	return &one[deletedKeys]{Body: out}, nil
}
