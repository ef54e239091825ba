package admin

import (
	"context"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// Exported is one thing of an export: exactly one field is set.
type Exported struct {
	Organization *OrganizationRow
	Member       *Member
	Subscription *SubscriptionRow
	Keys         *KeysRow
	Webhook      *Queue
	Message      *MessageEntry
	Audit        *AuditEntry
}

// exportPage is how much of a list an export holds in memory.
const exportPage = 200

// Export gives everything that is kept of an organization, thing by thing: no
// secrets, URLs or texts. It stops at the first error of give.
func (a *Admin) Export(ctx context.Context, who connector.Actor, id connector.OrganizationID, give func(Exported) error) error {
	org, err := a.onOrganization(ctx, who, connector.RightManage, id)
	if err != nil {
		return err
	}
	if err := give(Exported{Organization: &org}); err != nil {
		return err
	}
	err = pages(func(page connector.Page) (connector.List[store.Member], error) { return a.store.Members(ctx, id, page) },
		func(m *store.Member) error { return give(Exported{Member: m}) })
	if err != nil {
		return err
	}
	subs, err := a.store.Subscriptions(ctx, id)
	if err != nil {
		return err
	}
	for i := range subs {
		if err := a.exportSubscription(ctx, &subs[i], give); err != nil {
			return err
		}
	}
	return pages(func(page connector.Page) (connector.List[store.AuditEntry], error) {
		return a.store.Audit(ctx, store.AuditFilter{Organization: id}, page)
	}, func(e *store.AuditEntry) error { return give(Exported{Audit: e}) })
}

func (a *Admin) exportSubscription(ctx context.Context, sub *store.Subscription, give func(Exported) error) error {
	if err := give(Exported{Subscription: sub}); err != nil {
		return err
	}
	keys, err := a.store.KeysOf(ctx, sub.ID)
	if err != nil {
		return err
	}
	for i := range keys {
		if err := give(Exported{Keys: &keys[i]}); err != nil {
			return err
		}
	}
	err = pages(func(page connector.Page) (connector.List[store.QueueRow], error) {
		return a.store.Queues(ctx, sub.Row, store.QueueFilter{}, page)
	}, func(r *store.QueueRow) error {
		q := a.reckoned(*r)
		return give(Exported{Webhook: &q})
	})
	if err != nil {
		return err
	}
	return pages(func(page connector.Page) (connector.List[store.MessageEntry], error) {
		part, err := a.store.Messages(ctx, store.MessageFilter{Subscriptions: []int64{sub.Row}}, page)
		return part.List, err
	}, func(m *store.MessageEntry) error { return give(Exported{Message: m}) })
}

// pages reads a list to its end, a part at a time.
func pages[T any](read func(connector.Page) (connector.List[T], error), give func(*T) error) error {
	page := connector.Page{Limit: exportPage}
	for {
		list, err := read(page)
		if err != nil {
			return err
		}
		for i := range list.Items {
			if err := give(&list.Items[i]); err != nil {
				return err
			}
		}
		if page.After = list.Next; page.After == "" {
			return nil
		}
	}
}
