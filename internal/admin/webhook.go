package admin

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

// WebhookFields is what is to stand in a webhook; nil: as it is, or at first its default.
type WebhookFields struct {
	Name      *string
	URL       connector.Secret   // empty: as it is
	FlowOwner *string            // the person whose Teams connection posts; empty: nobody is named
	Profile   *connector.Profile // by default by the kind of URL
	Payload   *connector.Payload
	Combine   *bool
	Order     *connector.Order
	OnUnclear *connector.OnUnclear
	Urgent    *bool
	// MessageLife is how long a message may wait when the app does not say; zero: 24 h.
	MessageLife *time.Duration
}

// The bounds of a webhook's MessageLife.
const (
	minMessageLife = time.Minute
	maxMessageLife = 14 * 24 * time.Hour
)

// check says which field is wrong, all but the URL.
func (f *WebhookFields) check() error {
	if f.Name != nil {
		if err := connector.CheckName("/name", *f.Name); err != nil {
			return err
		}
	}
	if f.FlowOwner != nil && *f.FlowOwner != "" {
		if err := connector.CheckName("/flowOwner", *f.FlowOwner); err != nil {
			return err
		}
	}
	if life := f.MessageLife; life != nil && *life != 0 && (*life < minMessageLife || *life > maxMessageLife) {
		return connector.Invalid("/messageLife", "messageLife must be between %d and %d seconds (14 days), or 0 for the default (24 hours).",
			int(minMessageLife.Seconds()), int(maxMessageLife.Seconds()))
	}
	return nil
}

// apply changes a webhook, all but its URL.
func (f *WebhookFields) apply(w *store.WebhookRow) {
	set(&w.Name, f.Name)
	set(&w.FlowOwner, f.FlowOwner)
	set(&w.Profile, f.Profile)
	set(&w.Payload, f.Payload)
	set(&w.Combine, f.Combine)
	set(&w.Order, f.Order)
	set(&w.OnUnclear, f.OnUnclear)
	set(&w.Urgent, f.Urgent)
	set(&w.MessageLife, f.MessageLife)
}

// WebhookRequest asks for a webhook.
type WebhookRequest struct {
	Subscription  connector.SubscriptionID
	WebhookFields // Name and URL are needed
}

// Webhook is a webhook as it was saved, with what its owner should know.
type Webhook struct {
	store.WebhookRow
	Warnings []string
}

// AddWebhook checks the URL and saves the webhook, its URL sealed. A new
// webhook works at once.
func (a *Admin) AddWebhook(ctx context.Context, who connector.Actor, r WebhookRequest) (Webhook, error) {
	sub, err := a.onSubscription(ctx, who, connector.RightConfigure, r.Subscription)
	if err != nil {
		return Webhook{}, err
	}
	if r.Name == nil {
		return Webhook{}, connector.Invalid("/name", "name is missing.")
	}
	if err := r.check(); err != nil {
		return Webhook{}, err
	}
	address, bad := teams.ParseURL(r.URL.Reveal(), a.trusted)
	if bad != nil {
		return Webhook{}, bad
	}
	var row store.WebhookRow
	row.Profile, row.Payload, row.Settings = address.Profile, connector.PayloadAdaptive, connector.DefaultSettings()
	r.apply(&row)
	row, err = a.store.CreateWebhook(ctx, store.NewWebhook{
		Subscription: sub.ID, Name: row.Name, URL: r.URL, Host: address.Host, FlowOwner: row.FlowOwner,
		Profile: row.Profile, Payload: row.Payload, Settings: row.Settings, By: who.Name,
	})
	return saved(row, address.Warnings), err
}

// saved is a webhook with what is to be said of its URL.
func saved(row store.WebhookRow, warnings []string) Webhook {
	if len(row.SameURL) > 0 {
		warnings = append(warnings, sameURL(row.SameURL))
	}
	return Webhook{WebhookRow: row, Warnings: warnings}
}

func sameURL(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	return "The same URL is already saved as " + strings.Join(quoted, ", ") +
		". All of them post to one channel and share Microsoft's limit; delete what you don't need."
}

// WebhookChange changes a webhook.
type WebhookChange struct {
	Webhook connector.WebhookID
	Version int64 // must stand; 0: any
	WebhookFields
}

// ChangeWebhook changes a webhook under the same Webhook ID. With a new URL a
// webhook that was stopped goes on with all that waits; a paused one stays paused.
func (a *Admin) ChangeWebhook(ctx context.Context, who connector.Actor, r WebhookChange) (Webhook, error) {
	sub, err := a.onWebhook(ctx, who, connector.RightConfigure, r.Webhook)
	if err != nil {
		return Webhook{}, err
	}
	if err := r.check(); err != nil {
		return Webhook{}, err
	}
	var address teams.Address
	if !r.URL.Empty() {
		var bad *connector.Error
		if address, bad = teams.ParseURL(r.URL.Reveal(), a.trusted); bad != nil {
			return Webhook{}, bad
		}
		if r.Profile == nil {
			r.Profile = a.followKind(ctx, sub.ID, r.Webhook, address.Profile)
		}
	}
	row, err := a.store.ChangeWebhook(ctx, store.WebhookChange{
		Subscription: sub.ID, Webhook: r.Webhook, Version: r.Version, By: who.Name, URL: r.URL, Host: address.Host,
		Edit: func(w *store.WebhookRow) error {
			r.apply(w)
			return nil
		},
	})
	return saved(row, address.Warnings), err
}

// followKind is the profile of a new URL's kind where the webhook had that of
// its old URL's kind; nil: somebody chose another, which stays.
func (a *Admin) followKind(ctx context.Context, sub connector.SubscriptionID, id connector.WebhookID, kind connector.Profile) *connector.Profile {
	row, err := a.store.Webhook(ctx, sub, id)
	if err != nil {
		return nil
	}
	old, err := a.store.WebhookURL(ctx, sub, id)
	if err != nil {
		return nil
	}
	was, bad := teams.ParseURL(old.Reveal(), a.trusted)
	if bad != nil || was.Profile != row.Profile {
		return nil
	}
	return &kind
}

// Webhook returns a webhook with its queue, and why that does not move.
func (a *Admin) Webhook(ctx context.Context, who connector.Actor, id connector.WebhookID) (Queue, error) {
	sub, err := a.onWebhook(ctx, who, connector.RightView, id)
	if err != nil {
		return Queue{}, err
	}
	return a.liveQueue(ctx, who, sub, id)
}

// liveQueue is the queue of a webhook that was not deleted, with Teams' words for those who may read them.
func (a *Admin) liveQueue(ctx context.Context, who connector.Actor, sub store.Subscription, id connector.WebhookID) (Queue, error) {
	q, err := a.queue(ctx, sub.ID, id)
	switch {
	case err != nil:
		return Queue{}, err
	case q.State == connector.LaneRetired:
		return Queue{}, unknownWebhook(id)
	}
	if q.Last != nil && !who.May(connector.RightRead, sub.Organization, sub.ID) {
		q.Last.Outcome.Answer = ""
	}
	return q, nil
}

// queue reckons one webhook's queue.
func (a *Admin) queue(ctx context.Context, sub connector.SubscriptionID, id connector.WebhookID) (Queue, error) {
	row, err := a.store.Queue(ctx, sub, id)
	if err != nil {
		return Queue{}, err
	}
	q := a.reckoned(row)
	if row.Waiting == 0 {
		return q, nil
	}
	e, err := a.explained(ctx, row.Lane)
	q.take(e)
	return q, err
}

// WebhookFilter chooses webhooks; what is empty chooses all.
type WebhookFilter struct {
	Status    Status
	FlowOwner *string // exactly; empty: of nobody
	Query     string  // in name, flow owner, host or Webhook ID, whatever its case
}

// stored is the part of the question that what is on disk can answer. Whether Microsoft's
// limit is used up is reckoned, so the rest is for fits to say.
func (f *WebhookFilter) stored() store.QueueFilter {
	s := store.QueueFilter{FlowOwner: f.FlowOwner, Query: f.Query, State: connector.LaneOpen}
	switch f.Status {
	case StatusNotUsed:
		s.Used = new(false)
	case StatusDelivering:
		s.Used = new(true)
	case StatusWaiting, StatusRetrying:
		s.Waiting, s.Failing = true, f.Status == StatusRetrying
	case StatusStopped:
		s.State = connector.LaneStopped
	case StatusPaused:
		s.State = connector.LanePaused
	case StatusRetired:
		s.State = connector.LaneRetired
	default:
		s.State = 0
	}
	return s
}

func (f *WebhookFilter) fits(q *Queue) bool {
	if f.Status != 0 && f.Status != q.Status {
		return false
	}
	text := strings.ToLower(strings.Join([]string{q.Name, q.FlowOwner, q.Host, string(q.ID)}, "\n"))
	return strings.Contains(text, strings.ToLower(f.Query))
}

// One read of a list brings at most so many webhooks, and one part of it looks at so many in vain.
const (
	readWebhooks = 500
	mostInVain   = 1000
)

// Webhooks lists the webhooks of a subscription with their queues, by name. A
// part may hold fewer than were asked for and still have a next one.
func (a *Admin) Webhooks(
	ctx context.Context, who connector.Actor, of connector.SubscriptionID, f WebhookFilter, page connector.Page,
) (list connector.List[Queue], err error) {
	sub, err := a.onSubscription(ctx, who, connector.RightView, of)
	if err != nil {
		return list, err
	}
	part, vain := connector.Page{After: page.After, Limit: min(page.Limit, readWebhooks)}, 0
	for more := true; more; more = part.After != "" && len(list.Items) < page.Limit && vain < mostInVain {
		rows, err := a.store.Queues(ctx, sub.Row, f.stored(), part)
		if err != nil {
			return list, err
		}
		for i := range rows.Items {
			if len(list.Items) == page.Limit {
				rows.Next = list.Items[page.Limit-1].Place()
				break
			}
			if q := a.reckoned(rows.Items[i]); f.fits(&q) {
				list.Items = append(list.Items, q)
			} else {
				vain++
			}
		}
		part.After, list.Next = rows.Next, rows.Next
	}
	for i := range list.Items {
		if q := &list.Items[i]; q.Waiting > 0 {
			q.take(a.explain(q.Lane))
		}
	}
	return list, nil
}

// mostOwners is how many flow owners are suggested; more are found by a search.
const mostOwners = 200

// FlowOwners names the flow owners of an organization's subscription, for suggestions.
func (a *Admin) FlowOwners(ctx context.Context, who connector.Actor, of connector.SubscriptionID) ([]string, error) {
	sub, err := a.onSubscription(ctx, who, connector.RightView, of)
	if err != nil {
		return nil, err
	}
	return a.store.FlowOwners(ctx, sub.Row, mostOwners)
}

// DeleteWebhook makes a webhook unknown at once; what waits for it ends failed.
func (a *Admin) DeleteWebhook(ctx context.Context, who connector.Actor, id connector.WebhookID) error {
	sub, err := a.onWebhook(ctx, who, connector.RightConfigure, id)
	if err != nil {
		return err
	}
	lane, err := a.store.DeleteWebhook(ctx, sub.ID, id, who.Name)
	if isCode(err, connector.WebhookNotFound) {
		return unknownWebhook(id)
	}
	a.wake(lane)
	return err
}

// RevealURL shows the URL of a webhook to somebody, and writes down that it did.
func (a *Admin) RevealURL(ctx context.Context, who connector.Actor, id connector.WebhookID) (connector.Secret, error) {
	sub, err := a.onWebhook(ctx, who, connector.RightManage, id)
	if err != nil {
		return connector.Secret{}, err
	}
	if who.Operator && who.Roles[sub.Organization] < connector.RoleAdmin && !who.Shell { // runs the service, and is kept from its tenants' secrets
		return connector.Secret{}, connector.Refused(connector.RightManage)
	}
	return a.store.RevealURL(ctx, sub.ID, id, who.Name)
}

// WebhooksInUse counts the webhooks of a subscription, which its quota bounds.
func (a *Admin) WebhooksInUse(ctx context.Context, who connector.Actor, of connector.SubscriptionID) (int, error) {
	sub, err := a.onSubscription(ctx, who, connector.RightView, of)
	if err != nil {
		return 0, err
	}
	return a.store.WebhooksInUse(ctx, sub.Row)
}

// Pulse is a text that differs from the one before where something of a
// subscription changed that people see.
func (a *Admin) Pulse(ctx context.Context, who connector.Actor, of connector.SubscriptionID) (string, error) {
	sub, err := a.onSubscription(ctx, who, connector.RightView, of)
	if err != nil {
		return "", err
	}
	return a.store.Pulse(ctx, sub.ID)
}
