// Package dispatch moves accepted messages out: it runs the pure machine of
// internal/lane against a store and a carrier, and decides nothing itself.
package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/lane"
)

// Queue is where messages wait and where what came of them is kept: the store.
type Queue interface {
	// Waiting lists the lanes that have undelivered messages.
	Waiting(ctx context.Context) ([]connector.LaneID, error)
	// Fetch reads lanes and their heads, at most 128 a call, in any order. A lane that
	// it does not return has no row any more.
	Fetch(ctx context.Context, lanes []connector.FetchRequest) ([]connector.Loaded, error)
	// Settle makes steps durable, all or none; done twice it changes nothing twice.
	Settle(ctx context.Context, steps []connector.Settlement) error
	// Sweep ends messages whose life is over; more: there are more of them.
	Sweep(ctx context.Context, s connector.Sweep) (ends []connector.End, more bool, err error)
}

// Carrier makes one attempt; whatever happens comes back as an outcome.
type Carrier interface {
	Deliver(ctx context.Context, p connector.Parcel) connector.Outcome
}

// Options of a Dispatcher. The zero value works.
type Options struct {
	// Sends and SlowSends bound the attempts at once; see lane.Options.
	Sends, SlowSends int
	// Grace is how long attempts in flight may take after the end of Run's context
	// before they are cancelled. Default 35 s: longer than any attempt may take.
	Grace time.Duration
	// Settled hears of steps that are on disk, Swept of messages that a sweep ended. They must not block.
	Settled func([]connector.Settlement)
	Swept   func([]connector.End)
	// Now is store time. Default time.Now.
	Now        func() time.Time
	Logger     *slog.Logger          // default: none
	Registerer prometheus.Registerer // default: none

	// Of a fleet: under which lease it moves which lanes, and whether that holds; nil: it always does.
	lease connector.Lease
	may   func() bool
}

// Dispatcher runs the machine of one node.
type Dispatcher struct {
	queue   Queue
	carrier Carrier
	o       Options
	metrics *metrics

	mu      sync.Mutex
	machine *lane.Machine
	fetches []connector.FetchRequest
	settles []connector.Settlement
	sweeps  []connector.Sweep
	// calm is closed whenever no attempt is under way or unsettled, and replaced when one begins.
	calm chan struct{}

	// Each has room for one signal; step writes, the loop that is named so reads.
	fetch, settle, sweep, timer chan struct{}

	// sends is the context of attempts: it outlives Run's by the grace.
	sends    context.Context
	stopSend context.CancelFunc
	flying   sync.WaitGroup
}

// New makes a dispatcher of all lanes; Run starts it. Wake may be called before.
func New(q Queue, c Carrier, o Options) *Dispatcher {
	d := newDispatcher(q, c, o)
	d.metrics = newMetrics(o.Registerer, d.busy, d.late)
	return d
}

func newDispatcher(q Queue, c Carrier, o Options) *Dispatcher {
	if o.Grace == 0 {
		o.Grace = 35 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Settled == nil {
		o.Settled = func([]connector.Settlement) {}
	}
	if o.Swept == nil {
		o.Swept = func([]connector.End) {}
	}
	d := &Dispatcher{
		queue: q, carrier: c, o: o,
		machine: lane.New(lane.Options{Sends: o.Sends, SlowSends: o.SlowSends, Several: o.may != nil}),
		calm:    make(chan struct{}),
		fetch:   make(chan struct{}, 1), settle: make(chan struct{}, 1),
		sweep: make(chan struct{}, 1), timer: make(chan struct{}, 1),
	}
	close(d.calm)
	d.sends, d.stopSend = context.WithCancel(context.Background())
	return d
}

// Wake says that n messages were committed on a lane; n = 0: something else
// of it changed. It does not block.
func (d *Dispatcher) Wake(id connector.LaneID, n int) {
	d.step(lane.Wake{Lane: id, N: n})
}

// Forecast says what is expected of the message that joined a lane last.
func (d *Dispatcher) Forecast(id connector.LaneID) connector.Forecast {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.machine.Forecast(d.o.Now(), id)
}

// Explain says why a lane is not sending, and when the messages at some places of it are expected to go.
func (d *Dispatcher) Explain(id connector.LaneID, places ...int) connector.Explanation {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.machine.Explain(d.o.Now(), id, places...)
}

func (d *Dispatcher) late() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.machine.Late(d.o.Now())
}

// Run moves messages until ctx ends. Then nothing new starts; it returns when
// the attempts in flight are settled, or, after the grace, cancelled and settled.
func (d *Dispatcher) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	var loops sync.WaitGroup
	for _, loop := range []func(context.Context){d.fetching, d.fetching, d.settling, d.sweeping, d.ticking} {
		loops.Go(func() { loop(work) })
	}
	d.begin(ctx)
	<-ctx.Done()

	d.step(lane.Drain{})
	if errors.Is(context.Cause(ctx), connector.ErrLeaseLost) {
		d.stopSend()
		d.settled(time.Second) // of what was under way, what was sent still counts
	} else if !d.settled(d.o.Grace) {
		d.o.Logger.WarnContext(ctx, "attempts cancelled at the end of the grace", "attempts", d.busy())
		d.stopSend()
		d.settled(5 * time.Second)
	}
	d.stopSend()
	stop()
	loops.Wait()
	d.flying.Wait()
	return nil
}

// cut cancels the attempts under way at once: the lease is over.
func (d *Dispatcher) cut() { d.stopSend() }

// begin wakes what waited when the process started, once it can be read.
func (d *Dispatcher) begin(ctx context.Context) {
	for {
		ids, err := d.queue.Waiting(ctx)
		if err == nil {
			d.step(lane.Start{Lanes: ids})
			if len(ids) > 0 || d.o.may == nil { // a fleet begins often, and mostly with nothing
				d.o.Logger.InfoContext(ctx, "lanes waiting at start", "lanes", len(ids))
			}
			return
		}
		d.o.Logger.ErrorContext(ctx, "waiting lanes can't be read", "error", err)
		if !pause(ctx, time.Second) {
			return
		}
	}
}

// settled waits until nothing is under way, and reports whether that came in time.
func (d *Dispatcher) settled(within time.Duration) bool {
	d.mu.Lock()
	calm := d.calm
	d.mu.Unlock()
	t := time.NewTimer(within)
	defer t.Stop()
	select {
	case <-calm:
		return true
	case <-t.C:
		return false
	}
}

func (d *Dispatcher) busy() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.machine.Busy()
}

// step feeds the machine and hands out what it asks for.
func (d *Dispatcher) step(events ...lane.Event) {
	var sends []lane.Send
	d.mu.Lock()
	for _, e := range events {
		before := d.machine.Busy()
		for _, f := range d.machine.Step(d.o.Now(), e) {
			switch f := f.(type) {
			case lane.Fetch:
				d.fetches = append(d.fetches, f.FetchRequest)
			case lane.Settle:
				d.settles = append(d.settles, f.Settlement)
			case lane.Sweep:
				d.sweeps = append(d.sweeps, f.Sweep)
			case lane.Send:
				sends = append(sends, f)
			case lane.Violation:
				d.metrics.violations.WithLabelValues(f.Name).Inc()
				d.o.Logger.Error("invariant violated", "name", f.Name)
			}
		}
		d.calmness(before)
	}
	fetch, settle, sweep := len(d.fetches) > 0, len(d.settles) > 0, len(d.sweeps) > 0
	d.flying.Add(len(sends))
	d.mu.Unlock()

	signal(d.fetch, fetch)
	signal(d.settle, settle)
	signal(d.sweep, sweep)
	signal(d.timer, true)
	for _, s := range sends {
		go d.deliver(s)
	}
}

// calmness opens or closes calm where the machine began or ended being busy.
func (d *Dispatcher) calmness(before int) {
	now := d.machine.Busy()
	if before == 0 && now > 0 {
		d.calm = make(chan struct{})
	}
	if before > 0 && now == 0 {
		close(d.calm)
	}
}

func signal(c chan struct{}, want bool) {
	if !want {
		return
	}
	select {
	case c <- struct{}{}:
	default: // one is under way already
	}
}

// deliver makes one attempt and brings back what came of it.
func (d *Dispatcher) deliver(s lane.Send) {
	defer d.flying.Done()
	if d.o.may != nil && !d.o.may() {
		return // another node may be sending by now; whoever gave this one the lease stops it
	}
	o := d.attempt(s)
	d.metrics.attempt(o)
	d.o.Logger.Debug("attempt made", "message_id", s.Item.ID, "webhook_id", s.Webhook, "verdict", o.Verdict.String(),
		"reason", string(o.Reason), "http_status", o.HTTPStatus, "took_ms", o.Took.Milliseconds())
	d.step(lane.Delivered{Lane: s.Lane, Outcome: o, Rand: rand.Float64()}) //nolint:gosec // spreads retries; no secret depends on it
}

// attempt never panics: what breaks us is an outcome too, and may have been delivered.
func (d *Dispatcher) attempt(s lane.Send) (o connector.Outcome) {
	begun := time.Now()
	defer func() {
		if broke := recover(); broke != nil {
			d.o.Logger.Error("attempt panicked", "message_id", s.Item.ID, "type", typeName(broke), "stack", stack())
			o = connector.Outcome{
				Verdict: connector.VerdictUncertain, Reason: connector.ReasonInternal, Took: time.Since(begun),
				Detail: "This service failed while it handled the message; its log has more.",
			}
		}
	}()
	return d.carrier.Deliver(d.sends, s.Parcel)
}
