package ingest_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/ingest"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// house is a real store with one webhook, an Ingester on it and an engine that
// does what the test says.
type house struct {
	t       *testing.T
	store   *store.Store
	ring    *keyring.Ring
	engine  *engine
	in      *ingest.Ingester
	license connector.License
	webhook store.WebhookRow
}

func newHouse(t *testing.T, o ingest.Options) *house {
	t.Helper()
	key, err := keyring.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	ring, err := keyring.New(key)
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), Ring: ring})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := st.Run(ctx); err != nil {
			t.Errorf("store: %v", err)
		}
	}()
	t.Cleanup(func() {
		stop()
		<-done
		if err := st.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	h := &house{t: t, store: st, ring: ring, engine: newEngine()}
	h.in = ingest.New(st, ring, h.engine, o)
	h.furnish()
	return h
}

func (h *house) furnish() {
	h.t.Helper()
	key, secret, err := keyring.NewPair()
	if err != nil {
		h.t.Fatal(err)
	}
	rows, err := h.store.Setup(h.t.Context(), store.NewSetup{Name: "Acme", LicenseKey: key, SecretHash: keyring.Hash(secret), By: "test"})
	if err != nil {
		h.t.Fatal(err)
	}
	found, err := h.store.KeysByLicense(h.t.Context(), key)
	if err != nil {
		h.t.Fatal(err)
	}
	h.license = found.License
	h.webhook, err = h.store.CreateWebhook(h.t.Context(), store.NewWebhook{
		Subscription: rows.Subscription.ID, Name: "Ops", Host: "127.0.0.1", By: "test",
		URL:     connector.NewSecret("http://127.0.0.1:1/x?sig=canary"),
		Profile: connector.ProfileNone, Payload: connector.PayloadAdaptive,
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) text(text, key string) connector.Message {
	return connector.Message{
		Webhook: h.webhook.ID, Key: key,
		Content: connector.Content{Kind: connector.KindText, Body: []byte(text)},
	}
}

// reply is what a call answered, and when.
type reply struct {
	answer ingest.Answer
	err    error
	took   time.Duration
}

// send calls Accept in the background.
func (h *house) send(m connector.Message, w ingest.Wait) <-chan reply {
	got := make(chan reply, 1)
	began := time.Now()
	go func() {
		answer, err := h.in.Accept(context.Background(), h.license, m, w)
		got <- reply{answer, err, time.Since(began)}
	}()
	return got
}

// sent calls Accept and wants an answer.
func (h *house) sent(m connector.Message, w ingest.Wait) ingest.Answer {
	h.t.Helper()
	return h.wants(h.send(m, w))
}

func (h *house) wants(from <-chan reply) ingest.Answer {
	h.t.Helper()
	select {
	case r := <-from:
		if r.err != nil {
			h.t.Fatal(r.err)
		}
		return r.answer
	case <-time.After(patience):
		h.t.Fatal("no answer")
		return ingest.Answer{}
	}
}

// patience is how long a test waits for what should come at once.
const patience = 20 * time.Second

// step settles one step of the lane, as dispatch does: first the store, then the callers.
func (h *house) step(change func(head connector.Item, s *connector.Settlement)) {
	h.t.Helper()
	loaded, err := h.store.Fetch(h.t.Context(), []connector.FetchRequest{{Lane: h.webhook.Lane}})
	if err != nil || len(loaded) != 1 || len(loaded[0].Head) == 0 {
		h.t.Fatalf("fetch = %+v, %v; want a lane with a head", loaded, err)
	}
	head := loaded[0].Head[0]
	s := connector.Settlement{Lane: loaded[0].Lane, Group: loaded[0].Group}
	change(head, &s)
	if err := h.store.Settle(h.t.Context(), []connector.Settlement{s}); err != nil {
		h.t.Fatal(err)
	}
	h.in.Settled([]connector.Settlement{s})
}

// ends settles the end of the lane's head.
func (h *house) ends(state connector.State, reason connector.Reason, detail string) {
	h.t.Helper()
	h.step(func(head connector.Item, s *connector.Settlement) {
		s.Ends = []connector.End{{Seq: head.Seq, Message: head.ID, State: state, Reason: reason, Detail: detail, At: h.store.Now()}}
	})
}

// engine is what the ingester wakes and asks.
type engine struct {
	woken chan int // gets the n of each wake-up
	asked chan struct{}

	mu       sync.Mutex
	forecast func() connector.Forecast
}

func newEngine() *engine {
	return &engine{woken: make(chan int, 1000), asked: make(chan struct{}, 1000), forecast: soon}
}

func soon() connector.Forecast { return connector.Forecast{At: time.Now(), Waiting: 1} }

func (e *engine) Wake(_ connector.LaneID, n int) { e.woken <- n }

func (e *engine) Forecast(connector.LaneID) connector.Forecast {
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case e.asked <- struct{}{}:
	default:
	}
	return e.forecast()
}

func (e *engine) expects(f func() connector.Forecast) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.forecast = f
}

func in(d time.Duration) func() connector.Forecast {
	return func() connector.Forecast { return connector.Forecast{At: time.Now().Add(d), Waiting: 3} }
}

func held(cause string) func() connector.Forecast {
	return func() connector.Forecast { return connector.Forecast{Held: true, Cause: cause, Waiting: 1} }
}

// stored waits until a message was committed.
func (h *house) stored() {
	h.t.Helper()
	select {
	case <-h.engine.woken:
	case <-time.After(patience):
		h.t.Fatal("nothing was stored")
	}
}

// furnishAnother makes a second organization and hands over its license.
func (h *house) furnishAnother(license *connector.License) {
	h.t.Helper()
	key, secret, err := keyring.NewPair()
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.store.Setup(h.t.Context(), store.NewSetup{Name: "Other", LicenseKey: key, SecretHash: keyring.Hash(secret), By: "test"}); err != nil {
		h.t.Fatal(err)
	}
	found, err := h.store.KeysByLicense(h.t.Context(), key)
	if err != nil {
		h.t.Fatal(err)
	}
	*license = found.License
}
