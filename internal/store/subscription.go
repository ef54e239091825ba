package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// plan looks a plan up by its name or id inside a change.
func (c *change) plan(ctx context.Context, named string) (row int64, p Plan, err error) {
	row, p, err = scanPlan(func(into ...any) error { return c.tx.one(ctx, q(planNamed, named), into...) })
	if errors.Is(err, ErrNotFound) {
		return 0, p, connector.Invalid("/plan", "There is no plan %q. GET /api/v1/plans lists them; shipped are trial, standard and enterprise.", named)
	}
	if err != nil {
		return 0, p, fmt.Errorf("read plan: %w", err)
	}
	return row, p, nil
}

const insertSubscription = `
INSERT INTO subscription (public_id, organization, plan, instance_name, instance_key, status, starts, expires,
    webhook_quota, message_quota, first_name, last_name, email, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING id`

// CreateSubscription makes a subscription that is active at once.
func (s *Store) CreateSubscription(ctx context.Context, n NewSubscription) (sub Subscription, err error) {
	id, err := newID(connector.SubscriptionPrefix)
	if err != nil {
		return sub, err
	}
	note := auditNote{by: n.By, action: "subscription.create", object: id, detail: n.Plan + " " + n.InstanceName}
	err = s.change(ctx, note, func(ctx context.Context, c *change) error {
		sub, err = s.subscribe(ctx, c, id, n)
		return err
	})
	return sub, err
}

func (s *Store) subscribe(ctx context.Context, c *change, id string, n NewSubscription) (sub Subscription, err error) {
	row, organization, err := c.organization(ctx, n.Organization)
	if err != nil {
		return sub, err
	}
	c.note.organization = row
	plan, p, err := c.plan(ctx, n.Plan)
	if err != nil {
		return sub, err
	}
	now := s.Now()
	sub = Subscription{
		ID: connector.SubscriptionID(id), Organization: n.Organization, OrganizationName: organization, Plan: p.Name, Trial: p.Trial, Version: 1,
		InstanceName: n.InstanceName, Status: StatusActive, Starts: now, Expires: n.Expires, Contact: n.Contact, Created: now,
		WebhookQuota: orDefault(n.WebhookQuota, p.WebhookQuota), MessageQuota: orDefault(n.MessageQuota, p.MessageQuota),
	}
	switch {
	case n.Requested:
		sub.Status = StatusRequested
	case n.Expires.IsZero() && !n.Endless:
		sub.Expires = endOfTerm(now, p)
	}
	err = c.tx.one(ctx, q(insertSubscription, id, row, plan, sub.InstanceName, fold(sub.InstanceName), int64(sub.Status), micros(sub.Starts), micros(sub.Expires),
		int64(sub.WebhookQuota), int64(sub.MessageQuota), sub.Contact.FirstName, sub.Contact.LastName, sub.Contact.Email, micros(now)), &sub.Row)
	if err != nil && s.dialect.unique(err) {
		return sub, nameTaken("/instanceName", "instance", n.InstanceName)
	}
	if err == nil && sub.Contact.Email != "" {
		_, err = c.tx.exec(ctx, q(linkContact, sub.Row, fold(sub.Contact.Email)))
	}
	return sub, err
}

// linkContact gives the Technical Contact their rights where they have an account.
const linkContact = `
UPDATE subscription SET contact = (SELECT p.id FROM person p WHERE p.email_key = $2 AND p.disabled_at = 0 AND p.unconfirmed = 0) WHERE id = $1`

// endOfTerm is when a term of a plan ends that begins at a time; zero: it has no end.
func endOfTerm(from time.Time, p Plan) time.Time {
	if p.TermMonths == 0 {
		return time.Time{}
	}
	return addMonths(from, p.TermMonths)
}

// addMonths goes to the same day of a later month, or to its last day where it has no such day.
func addMonths(t time.Time, months int) time.Time {
	later := t.AddDate(0, months, 0)
	if later.Day() < t.Day() {
		later = later.AddDate(0, 0, -later.Day())
	}
	return later
}

func orDefault(given *int, otherwise int) int {
	if given != nil {
		return *given
	}
	return otherwise
}

const updateSubscription = `
UPDATE subscription SET instance_name = $2, instance_key = $3, status = $4, starts = $5, expires = $6, webhook_quota = $7, message_quota = $8, plan = $9,
    first_name = $10, last_name = $11, email = $12, contact = (SELECT p.id FROM person p WHERE p.email_key = $13 AND p.disabled_at = 0 AND p.unconfirmed = 0),
    ended_at = $14, notify = $15, version = version + 1 WHERE id = $1`

// saveSubscription writes a subscription that was read and changed within this change.
func (s *Store) saveSubscription(ctx context.Context, c *change, sub *Subscription, plan int64) error {
	sub.Version++
	switch {
	case sub.Status != StatusCancelled:
		sub.Ended = time.Time{}
	case sub.Ended.IsZero():
		sub.Ended = s.Now()
	}
	_, err := c.tx.exec(ctx, q(updateSubscription, sub.Row, sub.InstanceName, fold(sub.InstanceName), int64(sub.Status),
		micros(sub.Starts), micros(sub.Expires), int64(sub.WebhookQuota), int64(sub.MessageQuota), plan,
		sub.Contact.FirstName, sub.Contact.LastName, sub.Contact.Email, fold(sub.Contact.Email), micros(sub.Ended), strings.Join(sub.Notify, "\n")))
	if err != nil && s.dialect.unique(err) {
		return nameTaken("/instanceName", "instance", sub.InstanceName)
	}
	if err == nil && sub.Status == StatusCancelled {
		_, err = c.tx.exec(ctx, q(closeOrders, sub.Row, c.note.by, micros(s.Now())))
	}
	return err
}

// ChangeSubscription changes a subscription in place: keys and Webhook IDs stay.
func (s *Store) ChangeSubscription(ctx context.Context, n SubscriptionChange) (sub Subscription, err error) {
	note := auditNote{by: n.By, action: "subscription.change", object: string(n.Subscription)}
	err = s.change(ctx, note, func(ctx context.Context, c *change) error {
		if sub, err = c.subscription(ctx, n.Subscription); err != nil {
			return err
		}
		if err := expectVersion(n.Version, sub.Version); err != nil {
			return err
		}
		var plan int64
		if plan, err = s.replan(ctx, c, &sub, n.Plan); err != nil {
			return err
		}
		sub.apply(n)
		c.note.detail = fmt.Sprintf("%s %s %s", sub.Plan, sub.Status, sub.InstanceName)
		return s.saveSubscription(ctx, c, &sub, plan)
	})
	return sub, err
}

// replan puts a subscription under another plan, whose quotas and term hold from
// now on; nil: it stays. It returns the plan's row.
func (s *Store) replan(ctx context.Context, c *change, sub *Subscription, name *string) (row int64, err error) {
	wanted := sub.Plan
	if name != nil {
		wanted = *name
	}
	row, p, err := c.plan(ctx, wanted)
	if err != nil || name == nil || p.Name == sub.Plan {
		return row, err
	}
	sub.follow(p)
	sub.Expires = endOfTerm(s.Now(), p)
	return row, nil
}

// follow puts a subscription under the rules of a plan.
func (s *Subscription) follow(p Plan) {
	s.Plan, s.Trial, s.WebhookQuota, s.MessageQuota = p.Name, p.Trial, p.WebhookQuota, p.MessageQuota
}

// apply takes over what a change names.
func (s *Subscription) apply(n SubscriptionChange) {
	if n.InstanceName != nil {
		s.InstanceName = *n.InstanceName
	}
	if n.Status != nil {
		s.Status = *n.Status
	}
	if n.Expires != nil {
		s.Expires = *n.Expires
	}
	if n.Contact != nil {
		s.Contact = *n.Contact
	}
	if n.Notify != nil {
		s.Notify = *n.Notify
	}
	s.WebhookQuota = orDefault(n.WebhookQuota, s.WebhookQuota)
	s.MessageQuota = orDefault(n.MessageQuota, s.MessageQuota)
}

const subscriptionRow = `
SELECT s.id, s.public_id, o.id, o.public_id, o.name, p.name, p.trial, s.instance_name, s.status, s.starts, s.expires, s.ended_at,
       s.webhook_quota, s.message_quota, s.first_name, s.last_name, s.email, s.notify, s.created_at, s.version
FROM subscription s JOIN organization o ON o.id = s.organization JOIN plan p ON p.id = s.plan `

const (
	subscriptionByID = subscriptionRow + `WHERE s.public_id = $1`
	subscriptionsOf  = subscriptionRow + `WHERE o.public_id = $1 ORDER BY s.id`
	allSubscriptions = subscriptionRow + `WHERE o.erased_at = 0 ORDER BY s.id`
	subscriptionsFor = subscriptionRow + `WHERE o.erased_at = 0 AND (s.contact = (SELECT p.id FROM person p WHERE p.public_id = $1)
    OR o.id IN (SELECT m.organization FROM member m JOIN person p ON p.id = m.person WHERE p.public_id = $1)) ORDER BY s.id`
)

func scanSubscription(rows *sql.Rows) (sub Subscription, organization int64, err error) {
	var trial, starts, expires, ended, created int64
	var notify string
	err = rows.Scan(&sub.Row, &sub.ID, &organization, &sub.Organization, &sub.OrganizationName, &sub.Plan, &trial, &sub.InstanceName, &sub.Status, &starts, &expires, &ended,
		&sub.WebhookQuota, &sub.MessageQuota, &sub.Contact.FirstName, &sub.Contact.LastName, &sub.Contact.Email, &notify, &created, &sub.Version)
	sub.Trial, sub.Starts, sub.Expires = trial != 0, fromMicros(starts), fromMicros(expires)
	sub.Ended, sub.Created = fromMicros(ended), fromMicros(created)
	if notify != "" {
		sub.Notify = strings.Fields(notify)
	}
	return sub, organization, err
}

// lockSubscription makes others who would count what belongs to the subscription wait.
const lockSubscription = `UPDATE subscription SET id = id WHERE public_id = $1`

// subscription looks a subscription up inside a change, locks it, and notes its organization for the audit.
func (c *change) subscription(ctx context.Context, id connector.SubscriptionID) (sub Subscription, err error) {
	if _, err := c.tx.exec(ctx, q(lockSubscription, string(id))); err != nil {
		return sub, fmt.Errorf("lock subscription: %w", err)
	}
	err = ErrNotFound
	readErr := c.tx.each(ctx, q(subscriptionByID, string(id)), func(rows *sql.Rows) error {
		sub, c.note.organization, err = scanSubscription(rows)
		return err
	})
	if readErr == nil && errors.Is(err, ErrNotFound) {
		return sub, noSubscription(id)
	}
	return sub, readErr
}

func noSubscription(id connector.SubscriptionID) *connector.Error {
	return connector.NoSuch("subscription", string(id))
}

// Subscription returns a subscription.
func (s *Store) Subscription(ctx context.Context, id connector.SubscriptionID) (Subscription, error) {
	all, err := s.subscriptions(ctx, q(subscriptionByID, string(id)))
	if err == nil && (len(all) == 0 || id == mailSubscription) {
		return Subscription{}, noSubscription(id)
	}
	if err != nil {
		return Subscription{}, err
	}
	return all[0], nil
}

// Subscriptions returns the subscriptions of an organization, or all when it is empty.
func (s *Store) Subscriptions(ctx context.Context, of connector.OrganizationID) ([]Subscription, error) {
	if of == "" {
		return s.subscriptions(ctx, q(allSubscriptions))
	}
	return s.subscriptions(ctx, q(subscriptionsOf, string(of)))
}

// SubscriptionsFor returns the subscriptions of a person's organizations, and
// those that they are the Technical Contact of.
func (s *Store) SubscriptionsFor(ctx context.Context, person connector.PersonID) ([]Subscription, error) {
	return s.subscriptions(ctx, q(subscriptionsFor, string(person)))
}

func (s *Store) subscriptions(ctx context.Context, by statement) (all []Subscription, err error) {
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		all = nil
		return c.each(ctx, by, func(rows *sql.Rows) error {
			sub, _, err := scanSubscription(rows)
			all = append(all, sub)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read subscriptions: %w", err)
	}
	return all, nil
}
