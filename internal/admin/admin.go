// Package admin makes every change that a person makes: the rule applied, the
// secret made, the audit row written with it.
package admin

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// Options says how the rules of this installation differ from the shipped ones.
type Options struct {
	// TrustedTargets are origins such as http://127.0.0.1:9911 that may be webhook
	// targets although they are not Microsoft's; nil: none.
	TrustedTargets []string
	// FreeAt says when the window of a group as it is stored lets one more send
	// start: now when at once. nil: windows are not reckoned.
	FreeAt func(now time.Time, g connector.Group) time.Time
	// Reckon explains a lane that no engine of this process runs, from what is stored of its group; nil: nobody knows.
	Reckon func(now time.Time, stored []connector.Loaded, lane connector.LaneID, places ...int) connector.Explanation
	// Engine is what runs the lanes in this process; nil: another process runs them, and sees each change within a second.
	Engine Engine
	// Ended tells those who wait of messages that people ended; nil: nobody waits.
	Ended func([]connector.End)
	// Send takes tests and resends; nil: this desk makes none.
	Send Send
	// AskOperator: orders wait for the operator's approval; else they are approved at once.
	AskOperator bool
	// Signup: the first order of somebody who belongs to no organization makes one, which they administer.
	Signup bool
	// Closed: only operators let in who has no account yet.
	Closed bool
	// PublicURL is where people reach the console, for links in mails, without a slash at its end.
	PublicURL string
	// Operators are addresses to which the operator's mails go; nil: to the accounts of the operators.
	Operators []string
	// Logger gets what an operator acts on; nil: none.
	Logger *slog.Logger
}

// Engine carries messages out: dispatch in a server.
type Engine interface {
	// Wake says that n messages were committed on a lane; 0: something else of it changed.
	Wake(lane connector.LaneID, n int)
	// Explain says why a lane is not sending, and when the messages at some places of it, counted
	// from 1, are expected to go. Reason zero: it is not run here.
	Explain(lane connector.LaneID, places ...int) connector.Explanation
}

// Admin applies people's changes.
type Admin struct {
	store   *store.Store
	trusted []string
	freeAt  func(now time.Time, g connector.Group) time.Time
	explain func(lane connector.LaneID, places ...int) connector.Explanation
	reckon  func(now time.Time, stored []connector.Loaded, lane connector.LaneID, places ...int) connector.Explanation
	wake    func(lane connector.LaneID) // for at once; the audit tells all processes
	ended   func([]connector.End)
	send    Send
	// How orders are taken.
	askOperator, signup, closed bool

	publicURL string
	operators []string
	log       *slog.Logger
	shown     shown
}

// New makes the desk over a store.
func New(st *store.Store, o Options) *Admin {
	a := &Admin{
		store: st, trusted: o.TrustedTargets, freeAt: o.FreeAt, reckon: o.Reckon, send: o.Send,
		askOperator: o.AskOperator, signup: o.Signup, closed: o.Closed,
		publicURL: o.PublicURL, operators: o.Operators, log: o.Logger,
		wake: func(connector.LaneID) {}, ended: func([]connector.End) {},
		explain: func(connector.LaneID, ...int) (e connector.Explanation) { return e },
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if o.Engine != nil {
		a.explain = o.Engine.Explain
		a.wake = func(lane connector.LaneID) { o.Engine.Wake(lane, 0) }
	}
	if o.Ended != nil {
		a.ended = o.Ended
	}
	return a
}

// SetupRequest asks for all that a first message needs but the webhook.
type SetupRequest struct {
	Name  string // of the organization, and of its instance
	Email string // of the Technical Contact; empty: none yet
	By    string // who asks, for the audit
}

// SetupResult is what Setup made. The secret is not kept and can't be shown again.
type SetupResult struct {
	Organization  store.Organization
	Subscription  store.Subscription
	Keys          store.Keys
	LicenseSecret connector.Secret
}

// Setup makes an organization with an active subscription (plan enterprise, no
// end) and one pair of binding keys.
func (a *Admin) Setup(ctx context.Context, r SetupRequest) (SetupResult, error) {
	if err := connector.CheckName("/name", r.Name); err != nil {
		return SetupResult{}, err
	}
	if r.Email != "" {
		if err := connector.CheckEmail("/email", r.Email); err != nil {
			return SetupResult{}, err
		}
	}
	if err := a.notTwice(ctx, r.Name); err != nil {
		return SetupResult{}, err
	}
	licenseKey, licenseSecret, err := keyring.NewPair()
	if err != nil {
		return SetupResult{}, fmt.Errorf("make binding keys: %w", err)
	}
	made, err := a.store.Setup(ctx, store.NewSetup{
		Name: r.Name, Email: r.Email,
		LicenseKey: licenseKey, SecretHash: keyring.Hash(licenseSecret), By: r.By,
	})
	if err != nil {
		return SetupResult{}, err
	}
	return SetupResult{
		Organization: made.Organization, Subscription: made.Subscription, Keys: made.Keys,
		LicenseSecret: connector.NewSecret(licenseSecret),
	}, nil
}

// notTwice refuses a second organization of one name: whoever runs setup again
// has lost the secret, and a twin would make every later command ask which one is meant.
func (a *Admin) notTwice(ctx context.Context, name string) error {
	all, err := a.Subscriptions(ctx)
	if err != nil {
		return err
	}
	for _, sub := range all {
		if strings.EqualFold(sub.OrganizationName, name) {
			return connector.Errorf(connector.NameTaken,
				"There is an organization %q already. A lost secret can't be shown again: make a new pair of keys with teamsconnector keys create.", sub.OrganizationName)
		}
	}
	return nil
}

// Subscriptions lists the subscriptions of all organizations, for an operator
// to choose one.
func (a *Admin) Subscriptions(ctx context.Context) ([]store.Subscription, error) {
	return a.store.Subscriptions(ctx, "")
}

// Choose finds the subscription that a person means: by instance name (whatever
// its case) or by id; the only one there is where they say nothing.
func (a *Admin) Choose(ctx context.Context, instance string) (store.Subscription, error) {
	all, err := a.Subscriptions(ctx)
	if err != nil {
		return store.Subscription{}, err
	}
	if len(all) == 0 {
		return store.Subscription{}, connector.Errorf(connector.NotFound,
			"There is no subscription yet. Make one with: teamsconnector setup --name ORGANIZATION")
	}
	var fits []store.Subscription
	for _, sub := range all {
		if instance == "" || string(sub.ID) == instance || strings.EqualFold(sub.InstanceName, instance) {
			fits = append(fits, sub)
		}
	}
	switch {
	case len(fits) == 1:
		return fits[0], nil
	case len(fits) == 0:
		return store.Subscription{}, connector.Errorf(connector.NotFound,
			"There is no instance %q. Choose one of: %s.", instance, named(all))
	case instance == "":
		return store.Subscription{}, connector.Errorf(connector.InvalidField,
			"There are %d instances. Say which one, by name or id: %s.", len(fits), named(fits))
	default:
		return store.Subscription{}, connector.Errorf(connector.InvalidField,
			"%d organizations have an instance %q. Give its id: %s.", len(fits), instance, named(fits))
	}
}

// maxNamed is how many instances a message lists before it only counts the rest.
const maxNamed = 10

func named(subs []store.Subscription) string {
	var names []string
	for i, sub := range subs {
		if i == maxNamed {
			names = append(names, fmt.Sprintf("and %d more", len(subs)-maxNamed))
			break
		}
		names = append(names, fmt.Sprintf("%q (%s, of %s)", sub.InstanceName, sub.ID, sub.OrganizationName))
	}
	return strings.Join(names, ", ")
}
