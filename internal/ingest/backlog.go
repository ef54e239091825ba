package ingest

import (
	"sync"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// DefaultMaxBacklog is how many messages wait for one webhook at most when
// Options does not say.
const DefaultMaxBacklog = 100_000

const (
	// maxKnown bounds how many webhooks' lanes are remembered.
	maxKnown = 20_000
	// lookEvery is how long a look at a lane is good for: a forecast behind thousands of messages costs milliseconds.
	lookEvery = 100 * time.Millisecond
)

// backlog knows the queues of the webhooks that messages came for, as the engine
// sees them. A webhook is unknown, and refuses nothing, until its first message.
type backlog struct {
	engine Engine
	limit  int

	mu    sync.Mutex
	known map[webhookOf]*lookedAt
}

// webhookOf names a webhook within its subscription: nobody meets another tenant's queue.
type webhookOf struct {
	subscription int64
	webhook      connector.WebhookID
}

type lookedAt struct {
	lane connector.LaneID
	at   time.Time
	saw  store.Backlog
}

func newBacklog(engine Engine, limit int) *backlog {
	return &backlog{engine: engine, limit: limit, known: make(map[webhookOf]*lookedAt)}
}

// look says what a message meets that wants to join its webhook's queue now.
func (b *backlog) look(r store.AcceptRequest, now time.Time) store.Backlog {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.known[webhookOf{r.License.SubscriptionRow, r.Message.Webhook}]
	if l == nil {
		return store.Backlog{}
	}
	if age := now.Sub(l.at); age >= 0 && age < lookEvery && !l.saw.Full {
		return l.saw
	}
	f := b.engine.Forecast(l.lane)
	l.at, l.saw = now, store.Backlog{Full: f.Waiting >= b.limit, Waiting: f.Waiting}
	if !f.Held {
		l.saw.Delay = f.At.Sub(now)
	}
	return l.saw
}

// learn remembers the lane that a webhook's messages wait on.
func (b *backlog) learn(r store.AcceptRequest, row store.MessageRow) {
	b.mu.Lock()
	defer b.mu.Unlock()
	of := webhookOf{r.License.SubscriptionRow, row.Webhook}
	if l := b.known[of]; l != nil && l.lane == row.Lane {
		return
	}
	if len(b.known) >= maxKnown {
		clear(b.known)
	}
	b.known[of] = &lookedAt{lane: row.Lane}
}
