package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// How the calendar goes.
const (
	mailEvery     = 5 * time.Second // notices are turned into mails
	calendarEvery = time.Minute     // ends of terms, quotas and queues are looked at
	mailBatch     = 500             // notices at once
	mailRest      = 15 * time.Second
	// What fails alike is gathered for a minute before it is told of.
	gather     = time.Minute
	gatherLate = 5 * time.Second // a notice may be committed so long after its time
	// Where so many organizations are in one minute, the operator is told, and not each of them.
	stormFrom = 5
	stormFor  = 10 * time.Minute // what comes meanwhile belongs to it
	// resetLife is how long the link of a forgotten password is valid.
	resetLife = 24 * time.Hour
)

// calendar turns what happens by itself into notices and mails.
type calendar struct {
	store     *store.Store
	send      Send
	operators []string // addresses; none: those of the operators' accounts
	base      string   // of links
	closed    bool     // only operators let in who has no account yet
	shown     func(context.Context) Settings
}

// Run keeps the calendar until ctx ends: reminders of what ends, and mails of all that
// people should hear of. Several processes may run it: each notice is written once, and
// each of its mails is accepted once.
func (a *Admin) Run(ctx context.Context) {
	c := &calendar{store: a.store, send: a.send, operators: a.operators, base: a.publicURL, closed: a.closed, shown: a.Shown}
	tick := time.NewTicker(mailEvery)
	defer tick.Stop()
	var looked, rested time.Time
	for {
		now := a.store.Now()
		if now.Sub(looked) >= calendarEvery {
			looked = now
			if err := a.store.Calendar(ctx); err != nil && ctx.Err() == nil {
				a.log.WarnContext(ctx, "calendar not kept", "error", err)
			}
		}
		if now.After(rested) {
			if err := c.mail(ctx); err != nil && ctx.Err() == nil {
				rested = now.Add(mailRest)
				a.log.WarnContext(ctx, "mails not made", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// gathered reports whether notices of a kind are told of together.
func gathered(k connector.NoticeKind) bool {
	return k == connector.NoticeWebhookStopped || k == connector.NoticeLaneBehind
}

// batchOf are the notices of one kind and minute: which they are does not hang on when one looks.
type batchOf struct {
	kind   connector.NoticeKind
	minute time.Time
}

// mail makes the mails of all notices that have none yet. One that can't be made
// keeps nobody else's back.
func (c *calendar) mail(ctx context.Context) error {
	all, err := c.store.NoticesToMail(ctx, mailBatch)
	if err != nil {
		return err
	}
	var failed []error
	var order []batchOf
	batches := map[batchOf][]store.Notice{}
	for _, n := range all {
		if !gathered(n.Kind) {
			failed = append(failed, c.tell(ctx, []store.Notice{n}))
			continue
		}
		of := batchOf{n.Kind, n.At.Truncate(gather)}
		if c.store.Now().Before(of.minute.Add(gather + gatherLate)) {
			continue
		}
		if batches[of] == nil {
			order = append(order, of)
		}
		batches[of] = append(batches[of], n)
	}
	for _, of := range order {
		failed = append(failed, c.tellAlike(ctx, of.kind, batches[of]))
	}
	return errors.Join(failed...)
}

// tellAlike tells of things of one kind: the people of each subscription in one mail, or
// the operator alone where it is a storm.
func (c *calendar) tellAlike(ctx context.Context, kind connector.NoticeKind, batch []store.Notice) error {
	many := connector.NoticeManyStopped
	if kind == connector.NoticeLaneBehind {
		many = connector.NoticeManyBehind
	}
	at := batch[0].At
	storm, err := c.store.Noticed(ctx, many, at.Add(-stormFor))
	if err != nil {
		return err
	}
	var subs []connector.SubscriptionID
	bySub := map[connector.SubscriptionID][]store.Notice{}
	orgs := map[connector.OrganizationID]bool{}
	for _, n := range batch {
		if bySub[n.Subscription] == nil {
			subs = append(subs, n.Subscription)
		}
		bySub[n.Subscription] = append(bySub[n.Subscription], n)
		orgs[n.Organization] = true
	}
	if !storm && len(orgs) >= stormFrom {
		storm = true
		err := c.store.Notify(ctx, store.NewNotice{
			Event: fmt.Sprintf("%s %d", many, batch[0].Row), Kind: many, Detail: fmt.Sprintf("%d webhooks of %d organizations", len(batch), len(orgs)),
		})
		if err != nil {
			return err
		}
	}
	if storm {
		return c.store.Mailed(ctx, batch)
	}
	var failed []error
	for _, sub := range subs {
		failed = append(failed, c.tell(ctx, bySub[sub]))
	}
	return errors.Join(failed...)
}

// tell makes one mail of some notices of one kind to each who should hear of them.
func (c *calendar) tell(ctx context.Context, about []store.Notice) error {
	n := &about[0]
	to, err := c.recipients(ctx, n)
	if err != nil {
		return err
	}
	for _, address := range to {
		if err := c.write(ctx, about, address); err != nil {
			return fmt.Errorf("make the mail of notice %d: %w", n.Row, err)
		}
	}
	return c.store.Mailed(ctx, about)
}

func (c *calendar) recipients(ctx context.Context, n *store.Notice) (to []store.Address, err error) {
	switch {
	case n.Person != "":
		return []store.Address{{Email: n.PersonEmail, Name: n.PersonName}}, nil
	case n.Organization == "":
		for _, email := range c.operators {
			to = append(to, store.Address{Email: email})
		}
	case n.Kind != connector.NoticeOrderConfirmed && n.Kind != connector.NoticeOrderDeclined:
		for _, email := range n.Notify {
			to = append(to, store.Address{Email: email})
		}
	}
	if len(to) == 0 && n.Organization != "" && n.Contact.Email != "" {
		to = []store.Address{{Email: n.Contact.Email, Name: contactName(n.Contact)}}
	}
	if len(to) == 0 {
		return c.store.AdminAddresses(ctx, n.Organization)
	}
	return to, nil
}

// write hands one mail to the engine. Its key makes it the same mail, whoever writes
// it again after a crash.
func (c *calendar) write(ctx context.Context, about []store.Notice, to store.Address) error {
	link, err := c.link(ctx, &about[0], to)
	if err != nil || link == "" && about[0].Kind == connector.NoticePassword { // their access was ended meanwhile
		return err
	}
	house := c.shown(ctx)
	mail := c.words(about, link)
	mail.To, mail.Name, mail.Product, mail.Support = to.Email, to.Name, house.ProductName, house.Support
	if about[0].Kind == connector.NoticeInvitation && about[0].OrganizationName == "" && house.ProductName != "" {
		mail.Subject = invitedTo + house.ProductName
	}
	body, err := mail.Encode()
	if err != nil {
		return err
	}
	lic, lane, err := c.store.MailLane(ctx, about[0].Organization, to.Email)
	if err != nil {
		return err
	}
	_, err = c.send(ctx, lic, connector.Message{
		Webhook: lane, Content: connector.Content{Kind: connector.KindMail, Body: body}, Key: fmt.Sprintf("notice %d %s", about[0].Row, lane),
	}, 0)
	if isCode(err, connector.MessageKeyReused) { // with another link in it
		return nil
	}
	return err
}

// link makes a link that works once, where the mail is to lead somebody into an account.
func (c *calendar) link(ctx context.Context, n *store.Notice, to store.Address) (secret string, err error) {
	kinds := []connector.NoticeKind{connector.NoticeOrderConfirmed, connector.NoticeInvitation, connector.NoticePassword}
	if !slices.Contains(kinds, n.Kind) {
		return "", nil
	}
	if secret, err = keyring.NewToken(); err != nil {
		return "", err
	}
	l := store.MailLink{Email: to.Email, Name: to.Name, Organization: n.Organization, Hash: keyring.Hash(secret), Life: LinkLife, KnownOnly: c.closed}
	if n.Kind == connector.NoticePassword {
		l.Forgot, l.KnownOnly, l.Life = true, true, resetLife
	}
	made, err := c.store.MakeMailLink(ctx, l)
	if err != nil || !made {
		return "", err
	}
	return secret, nil
}
