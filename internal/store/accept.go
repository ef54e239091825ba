package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// defaultLife is how long a message may wait when the app does not say.
const defaultLife = 24 * time.Hour

// usedEvery is how exactly the last use of binding keys is kept.
const usedEvery = time.Minute

// acceptBatch decides about the messages of one transaction, in the order of
// their arrival, and writes those that are taken. What it reads holds only
// inside the transaction: another process may change it right after.
type acceptBatch struct {
	w     *writer
	tx    *session
	now   time.Time
	again bool

	accounts map[int64]*account
	targets  map[targetOf]*target
	keys     map[keyOf]*acceptJob // message keys that this batch brings
	taken    []*acceptJob
}

// account is a subscription as far as accepting needs it.
type account struct {
	status  Status
	expires time.Time
	// suspended: the organization may not send.
	suspended bool
	max       int64 // messages a month; 0: no limit
	used      int64 // of them, before this batch
	taken     int64 // by this batch
}

type targetOf struct {
	subscription int64
	webhook      connector.WebhookID
}

// target is a webhook as far as accepting needs it.
type target struct {
	lane  connector.Lane
	shard int
	life  time.Duration // of its messages; zero: the default
	taken int64
}

type keyOf struct {
	subscription int64
	key          string
}

func newAcceptBatch(w *writer, tx *session, again bool) *acceptBatch {
	return &acceptBatch{
		w: w, tx: tx, now: w.s.Now(), again: again,
		accounts: make(map[int64]*account),
		targets:  make(map[targetOf]*target),
		keys:     make(map[keyOf]*acceptJob),
	}
}

// write decides and writes. Locks are taken in the order message, queue, usage, quota.
func (b *acceptBatch) write(ctx context.Context, jobs []*acceptJob) error {
	if err := b.readAccounts(ctx, jobs); err != nil {
		return fmt.Errorf("read subscriptions: %w", err)
	}
	if err := b.readTargets(ctx, jobs); err != nil {
		return fmt.Errorf("read webhooks: %w", err)
	}
	if err := b.tx.flush(ctx); err != nil {
		return fmt.Errorf("read subscriptions and webhooks: %w", err)
	}
	for _, job := range jobs {
		job.result, job.err = Accepted{}, nil
		if err := b.decide(ctx, job); err != nil {
			return err
		}
	}
	if len(b.taken) == 0 {
		return nil
	}
	if err := b.insertMessages(ctx); err != nil {
		return fmt.Errorf("insert messages: %w", err)
	}
	if err := b.tell(ctx); err != nil {
		return fmt.Errorf("tell other nodes: %w", err)
	}
	if err := b.count(ctx); err != nil {
		return err
	}
	return b.touchKeys(ctx)
}

// decide takes a message or sets job.err to the refusal. Its own error is the database's.
func (b *acceptBatch) decide(ctx context.Context, job *acceptJob) error {
	if b.again {
		if done, err := b.written(ctx, job); done || err != nil {
			return err
		}
	}
	if done, err := b.repeat(ctx, job); done || err != nil {
		return err
	}
	of, ok := b.accounts[job.req.License.SubscriptionRow]
	if !ok {
		return fmt.Errorf("there is no subscription %d", job.req.License.SubscriptionRow)
	}
	if refused := of.refusal(b.now); refused != nil {
		job.err = refused
		return nil //nolint:nilerr // a refusal is an answer; the batch goes on
	}
	to, ok := b.targets[targetOf{job.req.License.SubscriptionRow, job.req.Message.Webhook}]
	if !ok {
		job.err = noWebhook(job.req.Message.Webhook)
		return nil
	}
	if of.max > 0 && of.used+of.taken >= of.max {
		job.err = quotaUsedUp(of.max, b.now)
		return nil
	}
	if refused := job.req.Backlog.refusal(to.lifeOf(job)); refused != nil {
		job.err = refused
		return nil //nolint:nilerr // likewise
	}
	b.take(job, of, to)
	return nil
}

// take puts a message among those that will be written.
func (b *acceptBatch) take(job *acceptJob, of *account, to *target) {
	of.taken++
	to.taken++
	b.taken = append(b.taken, job)
	if job.req.Message.Key != "" {
		b.keys[keyOf{job.req.License.SubscriptionRow, job.req.Message.Key}] = job
	}
	job.result = Accepted{Lane: to.lane.ID, Message: MessageRow{
		ID: job.req.Message.ID, Webhook: job.req.Message.Webhook, Lane: to.lane.ID,
		State: connector.StateAccepted, AcceptedAt: b.now,
		LaneState: to.lane.State, LaneCause: to.lane.Cause,
	}}
}

// written reports whether a message is there from a commit of unknown end.
func (b *acceptBatch) written(ctx context.Context, job *acceptJob) (bool, error) {
	row, _, err := messageBy(ctx, b.tx, b.now, q(messageByID, job.req.License.SubscriptionRow, string(job.req.Message.ID)))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for a message of unknown end: %w", err)
	}
	job.result = Accepted{Lane: row.Lane, Message: row}
	if job.req.Message.Key != "" {
		b.keys[keyOf{job.req.License.SubscriptionRow, job.req.Message.Key}] = job
	}
	return true, nil
}

// repeat answers a message whose key was used before, in this batch or earlier.
// It stands before all other decisions: a repeat never meets today's quota or a
// webhook that was deleted since.
func (b *acceptBatch) repeat(ctx context.Context, job *acceptJob) (bool, error) {
	key := job.req.Message.Key
	if key == "" {
		return false, nil
	}
	sub := job.req.License.SubscriptionRow
	if first, ok := b.keys[keyOf{sub, key}]; ok {
		job.answer(first.result.Message, first.req.MAC)
		return true, nil
	}
	row, mac, err := messageBy(ctx, b.tx, b.now, q(messageByKey, sub, key))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for a message key: %w", err)
	}
	job.answer(row, mac)
	return true, nil
}

// answer gives a repeat the first message, or refuses it for its other content.
func (j *acceptJob) answer(first MessageRow, mac [32]byte) {
	if mac != j.req.MAC {
		j.err = connector.Errorf(connector.MessageKeyReused,
			"This messageKey was used before with other content, for message %s. Use a new key for new content.", first.ID)
		return
	}
	j.result = Accepted{Lane: first.Lane, Repeat: true, Message: first}
}

const accountsByID = `
SELECT s.id, s.status, s.expires, s.message_quota, COALESCE(u.messages, 0), o.suspended_at
FROM subscription s JOIN organization o ON o.id = s.organization LEFT JOIN quota u ON u.subscription = s.id AND u.month = $1
WHERE s.id IN `

// readAccounts reads the subscriptions of the batch.
func (b *acceptBatch) readAccounts(ctx context.Context, jobs []*acceptJob) error {
	wanted := map[int64]bool{}
	var ids []any
	for _, job := range jobs {
		if id := job.req.License.SubscriptionRow; !wanted[id] {
			wanted[id] = true
			ids = append(ids, id)
		}
	}
	return b.tx.eachInLater(ctx, inList{before: accountsByID, first: []any{monthOf(b.now)}}, ids, func(scan scan) error {
		a := &account{}
		var id, expires int64
		var suspended int64
		if err := scan(&id, &a.status, &expires, &a.max, &a.used, &suspended); err != nil {
			return err
		}
		a.expires, a.suspended = fromMicros(expires), suspended > 0
		b.accounts[id] = a
		return nil
	})
}

// refusal says why a subscription takes no messages; nil: it does.
func (a *account) refusal(now time.Time) error {
	switch {
	case a.suspended:
		return connector.Errorf(connector.SubscriptionExpired,
			"The organization of these keys is suspended. Ask who runs this service why; keys and Webhook IDs stay.")
	case a.status == StatusExpired, a.status == StatusActive && !a.expires.IsZero() && !a.expires.After(now):
		return connector.Errorf(connector.SubscriptionExpired,
			"The subscription of these keys has expired. Ask who runs this service to renew it; keys and Webhook IDs stay.")
	case a.status == StatusCancelled:
		return connector.Errorf(connector.SubscriptionExpired,
			"The subscription of these keys was cancelled. Ask who runs this service to renew it; keys and Webhook IDs stay.")
	case a.status != StatusActive:
		return connector.Errorf(connector.SubscriptionExpired,
			"The subscription of these keys is not active yet: its order waits for approval.")
	}
	return nil
}

func noWebhook(id connector.WebhookID) error {
	if !connector.ValidID(connector.WebhookPrefix, string(id)) {
		return connector.Errorf(connector.WebhookNotFound,
			"No webhook has this Webhook ID in the subscription of these keys. A Webhook ID starts with %s; copy it as it was given when the webhook was added.", connector.WebhookPrefix)
	}
	return connector.Errorf(connector.WebhookNotFound,
		"No webhook %s in the subscription of these keys. Check that webhook and keys belong to the same instance, and that the webhook was not deleted.", id)
}

func quotaUsedUp(limit int64, now time.Time) error {
	next := time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	return connector.Errorf(connector.MessageQuotaExhausted,
		"The plan's %d messages of this month are used up. Wait until %s (UTC), or ask who runs this service for a larger plan.", limit, next.Format(time.DateOnly))
}

const targetsByID = `
SELECT w.subscription, w.public_id, l.id, l.state, l.cause, l.held_since, l.held, w.message_life, l.shard
FROM webhook w JOIN lane l ON l.webhook = w.id
WHERE w.retired_at = 0 AND w.public_id IN `

// readTargets reads the webhooks of the batch.
func (b *acceptBatch) readTargets(ctx context.Context, jobs []*acceptJob) error {
	wanted := map[connector.WebhookID]bool{}
	var ids []any
	for _, job := range jobs {
		if id := job.req.Message.Webhook; !wanted[id] {
			wanted[id] = true
			ids = append(ids, string(id))
		}
	}
	return b.tx.eachInLater(ctx, inList{before: targetsByID}, ids, func(scan scan) error {
		t := &target{}
		var of targetOf
		var heldSince, held, life int64
		if err := scan(&of.subscription, &of.webhook, &t.lane.ID, &t.lane.State, &t.lane.Cause, &heldSince, &held, &life, &t.shard); err != nil {
			return err
		}
		t.life = fromMicro(life)
		t.lane.HeldSince, t.lane.Held = fromMicros(heldSince), fromMicro(held)
		b.targets[of] = t
		return nil
	})
}

// expiry is when a message's life ends, in lane time.
func (b *acceptBatch) expiry(job *acceptJob) int64 {
	if job.req.Message.Content.Kind == connector.KindMail {
		return micros(noEnd())
	}
	to := b.targets[targetOf{job.req.License.SubscriptionRow, job.req.Message.Webhook}]
	return micros(to.lane.Time(b.now).Add(to.lifeOf(job)))
}

// lifeOf is how long a message may wait: as the app says, else as the webhook does.
func (t *target) lifeOf(job *acceptJob) time.Duration {
	return cmp.Or(max(job.req.Message.ExpiresIn, 0), t.life, defaultLife)
}

const addQuota = `
INSERT INTO quota (subscription, month, messages) VALUES ($1, $2, $3)
ON CONFLICT (subscription, month) DO UPDATE SET messages = quota.messages + excluded.messages
WHERE CAST($4 AS BIGINT) = 0 OR quota.messages + excluded.messages <= CAST($4 AS BIGINT)`

// count adds what was taken to usage and quota. Where another node took the
// quota's last places meanwhile, the whole batch decides again.
func (b *acceptBatch) count(ctx context.Context) error {
	var counts usageCounts
	for _, to := range b.targets {
		if to.taken > 0 {
			counts.add(usageOf{to.lane.ID, dayOf(b.now)}, usageRow{accepted: to.taken})
		}
	}
	if err := b.w.writeUsage(ctx, b.tx, counts); err != nil {
		return err
	}
	for _, sub := range slices.Sorted(maps.Keys(b.accounts)) {
		a := b.accounts[sub]
		if a.taken == 0 {
			continue
		}
		err := b.tx.later(ctx, q(addQuota, sub, monthOf(b.now), a.taken, a.max), func(changed int64) error {
			if changed == 0 {
				return errRaced
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("count quota of subscription %d: %w", sub, err)
		}
	}
	return nil
}

const touchKeys = `UPDATE keys SET last_used = $2 WHERE id = $1 AND last_used < $2`

// touchKeys keeps when binding keys were last used, exact to a minute.
func (b *acceptBatch) touchKeys(ctx context.Context) error {
	if len(b.w.used) >= maxRemembered {
		clear(b.w.used)
	}
	byKeys := slices.SortedFunc(slices.Values(b.taken), func(x, y *acceptJob) int { return cmp.Compare(x.req.License.KeysRow, y.req.License.KeysRow) })
	for _, job := range byKeys { // in an order that all nodes take
		row := job.req.License.KeysRow
		if last, ok := b.w.used[row]; row == 0 || ok && b.now.Sub(last) < usedEvery {
			continue
		}
		if err := b.tx.later(ctx, q(touchKeys, row, micros(b.now)), nil); err != nil {
			return fmt.Errorf("note the use of keys %d: %w", row, err)
		}
		b.w.used[row] = b.now
	}
	return nil
}
