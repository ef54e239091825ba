package admin

import (
	"context"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

type (
	// Tenant is an organization with its figures.
	Tenant = store.Tenant
	// SubscriptionUse is a subscription and what is used of its quotas.
	SubscriptionUse = store.SubscriptionUse
	// Found is a thing that an id names, and whose it is.
	Found = store.Found
	// IllWebhook is a webhook that an operator may have to ask somebody about.
	IllWebhook = store.IllWebhook
)

// Tenants lists organizations with their figures for operators: those whose
// name holds a text, or whose id it is; empty: all.
func (a *Admin) Tenants(ctx context.Context, who connector.Actor, named string, page connector.Page) (connector.List[Tenant], error) {
	if !who.May(connector.RightOperate, "", "") {
		return connector.List[Tenant]{}, connector.Refused(connector.RightOperate)
	}
	return a.store.Tenants(ctx, named, page)
}

// Tenant returns an organization with its figures, for operators.
func (a *Admin) Tenant(ctx context.Context, who connector.Actor, id connector.OrganizationID) (Tenant, error) {
	if _, err := a.onOrganization(ctx, who, connector.RightOperate, id); err != nil {
		return Tenant{}, err
	}
	return a.store.Tenant(ctx, id)
}

// SubscriptionUses lists subscriptions of all organizations for operators: those that
// have a status now, and whose name or organization holds a text or whose id it is; empty: all.
func (a *Admin) SubscriptionUses(
	ctx context.Context, who connector.Actor, status, named string, page connector.Page,
) (connector.List[SubscriptionUse], error) {
	if !who.May(connector.RightOperate, "", "") {
		return connector.List[SubscriptionUse]{}, connector.Refused(connector.RightOperate)
	}
	now, named := a.store.Now(), strings.ToLower(strings.TrimSpace(named))
	return a.store.SubscriptionUses(ctx, func(s *SubscriptionRow) bool {
		return (status == "" || s.StatusNow(now).String() == status) &&
			(string(s.ID) == named || strings.Contains(strings.ToLower(s.InstanceName+"\n"+s.OrganizationName), named))
	}, page)
}

// Find returns what an id or a LicenseKey names, for operators. A secret is not
// looked for, and is repeated nowhere.
func (a *Admin) Find(ctx context.Context, who connector.Actor, id string) (Found, error) {
	if !who.May(connector.RightOperate, "", "") {
		return Found{}, connector.Refused(connector.RightOperate)
	}
	id = strings.TrimSpace(id)
	switch {
	case strings.HasPrefix(id, keyring.LicenseSecretPrefix), strings.HasPrefix(id, keyring.TokenPrefix):
		return Found{}, connector.Invalid("/q", "This is a secret, which is kept nowhere and should be pasted nowhere: look for the LicenseKey or the id instead, and replace the secret.")
	case id == "" || len(id) > maxFind || strings.ContainsAny(id, "/:?\x00"):
		return Found{}, connector.Invalid("/q", "This is no id. Ids start with org_, sub_, keys_, wh_, msg_, per_, tok_ or plan_; a LicenseKey is found too.")
	}
	all, err := a.store.Find(ctx, id)
	if err != nil {
		return Found{}, err
	}
	if len(all) == 0 {
		return Found{}, connector.Invalid("/q", "Nothing here has this id. Ids are found in full only; messages are removed after some time, and then no longer found.")
	}
	return all[0], nil
}

// maxFind is how long an id can be at most, generously.
const maxFind = 64

// Health is how the installation stands.
type Health struct {
	store.Health
	// Ready says why messages can't be taken now; nil: they can.
	Ready error
	Now   time.Time
}

// How long the head of a queue may wait before the queue is behind, and how many webhooks Health lists.
const (
	BehindAfter = 5 * time.Minute
	MostIll     = 100
)

// Health says how the queues of all organizations stand, for operators.
func (a *Admin) Health(ctx context.Context, who connector.Actor) (h Health, err error) {
	if !who.May(connector.RightOperate, "", "") {
		return h, connector.Refused(connector.RightOperate)
	}
	h.Now, h.Ready = a.store.Now(), a.store.Ready(ctx)
	h.Health, err = a.store.Health(ctx, h.Now.Add(-BehindAfter), MostIll)
	return h, err
}
