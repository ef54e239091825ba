package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/dispatch"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var sent = connector.Outcome{Verdict: connector.VerdictSent, Reason: connector.ReasonAccepted, HTTPStatus: 202, Took: time.Millisecond}

// carrier answers as its function says and notes what it was given.
type carrier struct {
	answer func(ctx context.Context, text string) connector.Outcome

	mu    sync.Mutex
	texts []string
}

func (c *carrier) Deliver(ctx context.Context, p connector.Parcel) connector.Outcome {
	text := string(p.Content.Body)
	c.mu.Lock()
	c.texts = append(c.texts, text)
	c.mu.Unlock()
	return c.answer(ctx, text)
}

func (c *carrier) got() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.texts...)
}

// queue is the store, with what a test wants to happen before it settles.
type queue struct {
	*store.Store
	settle func() error
}

func (q *queue) Settle(ctx context.Context, steps []connector.Settlement) error {
	if q.settle != nil {
		if err := q.settle(); err != nil {
			return err
		}
	}
	return q.Store.Settle(ctx, steps)
}

// engine is a dispatcher on a real store, running.
type engine struct {
	*dispatch.Dispatcher
	t       *testing.T
	store   *store.Store
	ring    *keyring.Ring
	license connector.License
	hook    store.WebhookRow
	metrics *prometheus.Registry
	ends    chan connector.End
	stop    func()
}

func run(t *testing.T, c *carrier, change func(q *queue, o *dispatch.Options)) *engine {
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
	rows, err := st.Setup(t.Context(), store.NewSetup{Name: "Contoso", LicenseKey: "tck_test", By: "test"})
	if err != nil {
		t.Fatal(err)
	}
	hook, err := st.CreateWebhook(t.Context(), store.NewWebhook{
		Subscription: rows.Subscription.ID, Name: "hook", URL: connector.NewSecret("http://127.0.0.1:1/x"), Host: "127.0.0.1",
		Profile: connector.ProfileNone, Payload: connector.PayloadAdaptive, By: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	row, err := st.KeysByLicense(t.Context(), "tck_test")
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{t: t, store: st, ring: ring, license: row.License, hook: hook, metrics: prometheus.NewRegistry(), ends: make(chan connector.End, 1000)}
	q := &queue{Store: st}
	o := dispatch.Options{Now: st.Now, Registerer: e.metrics, Settled: func(steps []connector.Settlement) {
		for _, s := range steps {
			for _, end := range s.Ends {
				e.ends <- end
			}
		}
	}}
	if change != nil {
		change(q, &o)
	}
	e.Dispatcher = dispatch.New(q, c, o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	e.stop = sync.OnceFunc(func() { cancel(); <-done })
	go func() {
		defer close(done)
		if err := e.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	t.Cleanup(func() {
		e.stop()
		if err := st.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return e
}

// accept commits a text and wakes the engine, as the front door does.
func (e *engine) accept(text string) connector.MessageID {
	e.t.Helper()
	id := connector.MessageID(connector.PublicID(connector.MessagePrefix, uuid.Must(uuid.NewV7())))
	got, err := e.store.Accept(e.t.Context(), store.AcceptRequest{
		License: e.license,
		Message: connector.Message{ID: id, Webhook: e.hook.ID, Content: connector.Content{Kind: connector.KindText}},
		Sealed:  e.ring.Seal(store.BodyPlace(e.license.Subscription, id), time.Now(), []byte(text)), Size: len(text),
	})
	if err != nil {
		e.t.Fatal(err)
	}
	e.Wake(got.Lane, 1)
	return id
}

func (e *engine) end() connector.End {
	e.t.Helper()
	select {
	case end := <-e.ends:
		return end
	case <-time.After(30 * time.Second):
		e.t.Fatal("no message ended within 30 s")
		return connector.End{}
	}
}

func (e *engine) state(id connector.MessageID) connector.State {
	e.t.Helper()
	m, err := e.store.Message(e.t.Context(), e.license.SubscriptionRow, id)
	if err != nil {
		e.t.Fatal(err)
	}
	return m.State
}

func TestMessagesGoInOrderAndTheirEndIsOnDiskBeforeAnybodyHears(t *testing.T) {
	c := &carrier{answer: func(context.Context, string) connector.Outcome { return sent }}
	e := run(t, c, nil)
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprintf("text %d", i))
		e.accept(want[i])
	}

	for range want {
		end := e.end()
		if got := e.state(end.Message); got != connector.StateSent {
			t.Errorf("message %s is %v on disk, want sent", end.Message, got)
		}
	}
	if got := c.got(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("sent %v, want %v", got, want)
	}
	if n := violations(t, e.metrics); n != 0 {
		t.Errorf("%v invariant violations, want 0", n)
	}
}

func violations(t *testing.T, r *prometheus.Registry) (sum float64) {
	t.Helper()
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range all {
		if family.GetName() != "teamsconnector_invariant_violations_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			sum += m.GetCounter().GetValue()
		}
	}
	return sum
}

func TestNothingIsSentWhileTheLastOutcomeIsNotOnDisk(t *testing.T) {
	c := &carrier{answer: func(context.Context, string) connector.Outcome { return sent }}
	failures := 3
	var early atomic.Bool
	e := run(t, c, func(q *queue, _ *dispatch.Options) {
		q.settle = func() error {
			if failures == 0 {
				return nil
			}
			failures--
			if len(c.got()) > 1 {
				early.Store(true)
			}
			return errors.New("the disk is full")
		}
	})
	e.accept("a")
	e.accept("b")
	e.end()
	e.end()

	if early.Load() {
		t.Error("the second message was sent before the outcome of the first was on disk")
	}
	if got := c.got(); len(got) != 2 {
		t.Errorf("%d attempts, want 2: an outcome that can't be written is no reason to send again", len(got))
	}
}

func TestACarrierThatPanicsTwiceEndsTheMessageAndNotTheService(t *testing.T) {
	c := &carrier{answer: func(_ context.Context, text string) connector.Outcome {
		if text == "bad" {
			panic("a text that must not be logged")
		}
		return sent
	}}
	e := run(t, c, nil)
	bad := e.accept("bad")
	good := e.accept("good")
	first, second := e.end(), e.end()

	if first.Message != bad || first.State != connector.StateUncertain || first.Reason != connector.ReasonInternal {
		t.Errorf("the bad message ended %v (%s), want uncertain (internal)", first.State, first.Reason)
	}
	if second.Message != good || second.State != connector.StateSent {
		t.Errorf("the good message ended %v, want sent", second.State)
	}
}

func TestAStopLetsTheSendUnderWayEndAndStartsNoOther(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	c := &carrier{answer: func(context.Context, string) connector.Outcome {
		close(begun)
		<-goOn
		return sent
	}}
	e := run(t, c, nil)
	first := e.accept("a")
	second := e.accept("b")
	<-begun
	stopped := make(chan struct{})
	go func() { e.stop(); close(stopped) }()
	close(goOn)
	<-stopped

	if got := e.state(first); got != connector.StateSent {
		t.Errorf("the message under way is %v, want sent", got)
	}
	if got := e.state(second); got != connector.StateAccepted {
		t.Errorf("the message behind it is %v, want accepted", got)
	}
	if got := c.got(); len(got) != 1 {
		t.Errorf("%d attempts, want 1", len(got))
	}
}

func TestASendThatOutlivesTheGraceIsCancelledAndItsEndKept(t *testing.T) {
	begun := make(chan struct{})
	c := &carrier{answer: func(ctx context.Context, _ string) connector.Outcome {
		close(begun)
		<-ctx.Done()
		return connector.Outcome{Verdict: connector.VerdictUncertain, Reason: connector.ReasonShutdown}
	}}
	e := run(t, c, func(_ *queue, o *dispatch.Options) { o.Grace = 50 * time.Millisecond })
	id := e.accept("a")
	<-begun
	e.stop()

	m, err := e.store.Message(t.Context(), e.license.SubscriptionRow, id)
	if err != nil {
		t.Fatal(err)
	}
	if m.State != connector.StateAccepted || !m.Unclear {
		t.Errorf("the message is %v, unclear %v; want accepted, unclear", m.State, m.Unclear)
	}
}

func TestWhatWaitedWhenTheProcessStartedIsSent(t *testing.T) {
	c := &carrier{answer: func(context.Context, string) connector.Outcome { return sent }}
	e := run(t, c, nil)
	e.stop()
	id := e.accept("a")
	if got := e.state(id); got != connector.StateAccepted {
		t.Fatalf("the message is %v although the engine stands, want accepted", got)
	}

	done := make(chan struct{})
	again := dispatch.New(e.store, c, dispatch.Options{Now: e.store.Now, Settled: func([]connector.Settlement) { close(done) }})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = again.Run(ctx) })
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Error("nothing was sent within 30 s")
	}
	cancel()
	running.Wait()

	if got := e.state(id); got != connector.StateSent {
		t.Errorf("the message is %v, want sent", got)
	}
}

func TestAForecastNamesTheCauseOfAHold(t *testing.T) {
	gone := connector.Outcome{Verdict: connector.VerdictGone, Reason: connector.ReasonDisabled, Detail: "The flow is off."}
	held := make(chan struct{})
	c := &carrier{answer: func(context.Context, string) connector.Outcome { return gone }}
	e := run(t, c, func(_ *queue, o *dispatch.Options) {
		o.Settled = func([]connector.Settlement) { close(held) }
	})
	e.accept("a")
	<-held

	e.accept("b")
	f := e.Forecast(e.hook.Lane)
	if !f.Held || f.Cause != "The flow is off." || f.Waiting != 2 {
		t.Errorf("forecast %+v, want held, with its cause, 2 waiting", f)
	}
}
