package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// Status says in the words of people what a webhook does.
type Status int

// The statuses of a webhook.
const (
	StatusNotUsed    Status = iota + 1 // no message was accepted for it yet
	StatusDelivering                   // what comes goes out
	StatusWaiting                      // messages wait for Microsoft's limit
	StatusRetrying                     // the last attempts came to nothing
	StatusStopped                      // unusable until somebody acts
	StatusPaused                       // somebody paused it
	StatusRetired                      // it was deleted
)

// String returns the words that people read.
func (s Status) String() string {
	names := [...]string{"", "Not used yet", "Delivering", "Waiting for Teams' limit", "Retrying", "Stopped", "Paused", "Retired"}
	if s <= 0 || int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}

// ParseWebhookStatus reads the word that stands for a status in addresses; zero: there is no such word.
func ParseWebhookStatus(word string) Status {
	return map[string]Status{
		"unused": StatusNotUsed, "delivering": StatusDelivering, "waiting": StatusWaiting, "retrying": StatusRetrying,
		"stopped": StatusStopped, "paused": StatusPaused,
	}[word]
}

// Queue is a webhook with its queue, and why that does not move. It is reckoned
// from what is on disk, so it holds whether or not a service runs.
type Queue struct {
	store.QueueRow
	now    time.Time
	Status Status
	// AskedUntil is until when Teams asked the flow owner's webhooks to wait; zero: it did not.
	AskedUntil time.Time
	// WindowUntil is until when what Microsoft allows in a span of time is used up; zero: it is not.
	WindowUntil time.Time
	// RetryAt is when the next attempt may follow those that came to nothing; zero: at once.
	RetryAt time.Time
	// Next is when the next attempt may be made; zero: nothing waits, or nothing goes until somebody acts.
	Next time.Time
	// Empty is when the last of what waits is expected to go; zero: not known, or nothing waits.
	Empty time.Time
	// Behind: what waits needs longer than connector.Late; how long. Zero: it does not.
	Behind time.Duration
	// WaitsFor is what it waits for, as the engine sees it; zero: nothing waits, or nobody knows. Why says
	// it in a sentence; empty: it moves.
	WaitsFor connector.WaitReason
	Why      string
}

// reckoned finds out from its row why a queue does not move.
func (a *Admin) reckoned(row store.QueueRow) Queue {
	now := a.store.Now()
	q := Queue{QueueRow: row, now: now}
	q.AskedUntil = ahead(row.Group.NotBefore, now)
	q.RetryAt = ahead(row.LaneRow.NotBefore, now)
	if a.freeAt != nil {
		q.WindowUntil = ahead(a.freeAt(now, row.Group), now)
	}
	if row.Waiting > 0 && row.State == connector.LaneOpen {
		q.Next = latest(now, q.AskedUntil, q.RetryAt, q.WindowUntil)
	}
	q.Status = q.status()
	return q
}

// explained asks whoever runs a lane, or else what is stored, why it is not sending.
func (a *Admin) explained(ctx context.Context, lane connector.LaneID, places ...int) (connector.Explanation, error) {
	e := a.explain(lane, places...)
	if e.Reason != 0 || a.reckon == nil {
		return e, nil
	}
	lanes, err := a.store.LanesBeside(ctx, lane)
	if err != nil {
		return e, err
	}
	asked := make([]connector.FetchRequest, len(lanes))
	for i, id := range lanes {
		asked[i] = connector.FetchRequest{Lane: id, Count: true}
	}
	stored, err := a.store.Fetch(ctx, asked)
	if err != nil {
		return e, err
	}
	return a.reckon(a.store.Now(), stored, lane, places...), nil
}

// take takes over what the engine says of a queue in which messages wait.
func (q *Queue) take(e connector.Explanation) {
	q.WaitsFor, q.Why, q.Empty = e.Reason, waitWords(e), e.Empty
	if late := q.Empty.Sub(q.now); !q.Empty.IsZero() && late > connector.Late {
		q.Behind = late
	}
}

// waitWords says in a sentence what a lane waits for; empty: it moves.
func waitWords(e connector.Explanation) string {
	until := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return " at " + t.UTC().Format("15:04:05") + " UTC"
	}
	switch e.Reason {
	case connector.WaitsForPeople:
		return e.Cause
	case connector.WaitsForPause:
		return "Teams asked the flow owner's webhooks to wait; it goes on" + until(e.Until) + "."
	case connector.WaitsForRetry:
		return "The last attempt came to nothing; the next is made" + until(e.Until) + "."
	case connector.WaitsForWindow:
		return "All that Microsoft allows the flow owner's webhooks was sent; more goes" + until(e.Until) + "."
	case connector.WaitsForCompany:
		return "Little is left of what Microsoft allows, so it waits for more texts to share its card; it goes" + until(e.Until) + "."
	case connector.WaitsForTurn:
		return "Other webhooks go first."
	case connector.WaitsForNothing, connector.WaitsForStore:
	}
	return ""
}

// Warnings says what the owner of a queue should know of it.
func (q *Queue) Warnings() (all []string) {
	if q.Behind > 0 {
		all = append(all, fmt.Sprintf("The queue is behind: what waits needs until %s UTC (%s). %s", q.Empty.UTC().Format("15:04"), q.Behind.Round(time.Minute), q.Why))
	}
	return all
}

func (q *Queue) status() Status {
	limit := latest(q.AskedUntil, q.WindowUntil)
	switch {
	case q.State == connector.LaneRetired:
		return StatusRetired
	case q.State == connector.LaneStopped:
		return StatusStopped
	case q.State == connector.LanePaused:
		return StatusPaused
	case !q.Used:
		return StatusNotUsed
	case q.Waiting == 0:
		return StatusDelivering
	case !limit.IsZero() && !limit.Before(q.RetryAt):
		return StatusWaiting
	case q.LaneRow.Failures > 0:
		return StatusRetrying
	}
	return StatusDelivering
}

// ahead is t where it is still to come.
func ahead(t, now time.Time) time.Time {
	if t.After(now) {
		return t
	}
	return time.Time{}
}

func latest(times ...time.Time) (last time.Time) {
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// WebhookChoice says which webhook a person means: by its id, which is enough,
// or by its name in an instance.
type WebhookChoice struct {
	ID       connector.WebhookID
	Name     string
	Instance string // as for Choose
}

// Queue finds the webhook that somebody at the data means, with its queue. A
// webhook that was deleted is found by its id, and is retired.
func (a *Admin) Queue(ctx context.Context, choice WebhookChoice) (Queue, error) {
	sub, id, err := a.find(ctx, choice)
	if err != nil {
		return Queue{}, err
	}
	return a.queue(ctx, sub, id)
}

// FindWebhook finds the id of the webhook that somebody at the data means.
func (a *Admin) FindWebhook(ctx context.Context, choice WebhookChoice) (connector.WebhookID, error) {
	_, id, err := a.find(ctx, choice)
	return id, err
}

func (a *Admin) find(ctx context.Context, choice WebhookChoice) (connector.SubscriptionID, connector.WebhookID, error) {
	if choice.ID != "" {
		return a.findByID(ctx, choice)
	}
	sub, err := a.Choose(ctx, choice.Instance)
	if err != nil {
		return "", "", err
	}
	hooks, err := a.store.Webhooks(ctx, sub.ID)
	if err != nil {
		return "", "", err
	}
	for i := range hooks {
		if hooks[i].Name == choice.Name {
			return sub.ID, hooks[i].ID, nil
		}
	}
	return "", "", connector.Errorf(connector.WebhookNotFound, "The instance %q has no webhook %q. %s",
		sub.InstanceName, choice.Name, whichWebhooks(hooks))
}

func (a *Admin) findByID(ctx context.Context, choice WebhookChoice) (connector.SubscriptionID, connector.WebhookID, error) {
	if !connector.ValidID(connector.WebhookPrefix, string(choice.ID)) { // not quoted: it may be a URL, which is a secret
		return "", "", connector.Errorf(connector.WebhookNotFound,
			"This is not a Webhook ID: one starts with %s and has 26 characters more. See them with: teamsconnector webhook list", connector.WebhookPrefix)
	}
	sub, err := a.store.SubscriptionOf(ctx, choice.ID)
	if errors.Is(err, store.ErrNotFound) {
		return "", "", connector.Errorf(connector.WebhookNotFound,
			"There is no webhook %s in this data folder. See those that there are with: teamsconnector webhook list", choice.ID)
	}
	if err != nil || choice.Instance == "" {
		return sub, choice.ID, err
	}
	chosen, err := a.Choose(ctx, choice.Instance)
	if err == nil && chosen.ID != sub {
		err = connector.Errorf(connector.WebhookNotFound, "The webhook %s is not of the instance %q. Leave the instance out: the id is enough.",
			choice.ID, chosen.InstanceName)
	}
	return sub, choice.ID, err
}

func whichWebhooks(hooks []store.WebhookRow) string {
	if len(hooks) == 0 {
		return "It has none yet; add one with: teamsconnector webhook add --name NAME --url -"
	}
	var names []string
	for i := range hooks {
		if i == maxNamed {
			names = append(names, fmt.Sprintf("and %d more", len(hooks)-maxNamed))
			break
		}
		names = append(names, fmt.Sprintf("%q", hooks[i].Name))
	}
	return "It has: " + strings.Join(names, ", ") + "."
}
