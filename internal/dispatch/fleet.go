package dispatch

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// Shards is what several nodes agree by: the store.
type Shards interface {
	// Renew keeps what this node holds; leaving: it wants no more.
	Renew(ctx context.Context, leaving bool) (connector.Tenure, error)
	// Take takes shards that nobody holds, so many at most.
	Take(ctx context.Context, most int) ([]connector.Lease, error)
	// Release hands one over, Drop forgets one that ran out, Leave says goodbye.
	Release(ctx context.Context, lease connector.Lease) error
	Drop(lease connector.Lease)
	Leave(ctx context.Context) error
	// Valid reports whether this node may send under a lease now.
	Valid(lease connector.Lease) bool
	Roster
}

// Roster is how nodes hear of lanes.
type Roster interface {
	// ShardOf says in which shard a lane is, if it is known; Look asks the database.
	ShardOf(lane connector.LaneID) (shard int, known bool)
	Look(ctx context.Context, lane connector.LaneID) (shard int, err error)
	// Waiting lists the lanes with undelivered messages, by shard.
	Waiting(ctx context.Context) (map[int][]connector.LaneID, error)
	// Begin begins to listen; Heard returns what was committed on lanes since.
	Begin(ctx context.Context) error
	Heard(ctx context.Context) ([]connector.LaneWake, error)
	// Tell lets the node that sends a lane hear of n messages, Ended those whose callers may wait for an end.
	Tell(ctx context.Context, lane connector.LaneID, n int) error
	Ended()
}

// FleetOptions furnishes a Fleet.
type FleetOptions struct {
	// Options are those of each shard's dispatcher.
	Options

	// Wakes, Ends and Free hint that something was woken, that messages ended, that shards are free.
	Wakes, Ends, Free <-chan struct{}
	// Look looks for the ends of messages that callers here wait for, in all lanes but those of which
	// this node says every end itself. Called four times a second.
	Look func(ctx context.Context, says func(connector.LaneID) bool)
	// Joined hears how many nodes there are.
	Joined func(nodes int)
}

// How often leases are renewed, after how long a renewal that failed is tried
// again, and how often what others committed is read.
const (
	renewEvery = 750 * time.Millisecond
	renewAgain = 100 * time.Millisecond
	hearEvery  = 500 * time.Millisecond
	lookEvery  = 250 * time.Millisecond
)

// maxSends bounds the attempts of all shards of a node.
const maxSends = 4000

// Fleet moves the lanes of those shards that this node holds, each by a
// dispatcher of its own: taking a shard begins one, handing it over drains it,
// and losing it cuts it off.
type Fleet struct {
	shards  Shards
	queue   Queue
	carrier Carrier
	o       FleetOptions
	metrics *metrics
	foreign *foreign
	sends   chan struct{} // as many as attempts may be made at once

	// As of the last renewal; for metrics.
	nodes, free, renewed atomic.Int64

	changed chan struct{} // size 1: a crew has ended
	told    chan struct{} // size 1: there is something to tell

	mu      sync.Mutex
	crews   map[int]*crew
	telling map[connector.LaneID]int
	remote  map[connector.LaneID]bool // lanes whose messages came over other nodes
	altered map[connector.LaneID]bool // lanes that people changed, maybe over other nodes, since the last look
	lapse   *time.Timer
}

// crew is who moves the lanes of one shard.
type crew struct {
	*Dispatcher
	lease   connector.Lease
	stop    context.CancelCauseFunc
	leaving bool
	ended   chan struct{} // closed when it has
}

// NewFleet makes a fleet; Run starts it. Wake may be called before.
func NewFleet(s Shards, q Queue, c Carrier, o FleetOptions) *Fleet {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	f := &Fleet{
		shards: s, queue: q, carrier: c, o: o, foreign: newForeign(q, o.Now), sends: make(chan struct{}, maxSends),
		changed: make(chan struct{}, 1), told: make(chan struct{}, 1),
		crews: make(map[int]*crew), telling: make(map[connector.LaneID]int), remote: make(map[connector.LaneID]bool), altered: make(map[connector.LaneID]bool),
	}
	f.metrics = newMetrics(o.Registerer, func() int { return f.sum((*Dispatcher).busy) }, func() int { return f.sum((*Dispatcher).late) })
	f.gauges(o.Registerer)
	return f
}

func (f *Fleet) sum(of func(*Dispatcher) int) (n int) {
	for _, c := range f.all() {
		n += of(c.Dispatcher)
	}
	return n
}

// all are the crews, in the order of their shards.
func (f *Fleet) all() []*crew {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]*crew, 0, len(f.crews))
	for _, c := range f.crews {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *crew) int { return cmp.Compare(a.lease.Shard, b.lease.Shard) })
	return all
}

// of is who moves a lane here now; nil: nobody does.
func (f *Fleet) of(shard int) *crew {
	f.mu.Lock()
	c := f.crews[shard]
	f.mu.Unlock()
	if c == nil || !f.shards.Valid(c.lease) {
		return nil
	}
	return c
}

// moves reports whether this node sends a lane.
func (f *Fleet) moves(lane connector.LaneID) bool {
	shard, known := f.shards.ShardOf(lane)
	return known && f.of(shard) != nil
}

// Run moves messages until ctx ends. Then it hands over shard by shard, each as
// soon as nothing is under way in it.
func (f *Fleet) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	for f.shards.Begin(ctx) != nil {
		if !pause(ctx, time.Second) {
			return nil
		}
	}
	f.lapse = time.AfterFunc(time.Hour, f.lapsed)
	defer f.lapse.Stop()
	var loops sync.WaitGroup
	for _, loop := range []func(context.Context){f.hearing, f.looking, f.tellingOthers} {
		loops.Go(func() { loop(work) })
	}
	f.tend(ctx, work)
	if err := f.shards.Leave(work); err != nil {
		f.o.Logger.WarnContext(ctx, "others will notice only after a moment that this node is gone", "error", err)
	}
	stop()
	loops.Wait()
	return nil
}

// tend renews the leases until ctx has ended and all is handed over.
func (f *Fleet) tend(ctx, work context.Context) {
	again := time.NewTimer(0)
	defer again.Stop()
	stopping, leaving := ctx.Done(), false
	for {
		select {
		case <-stopping:
			stopping, leaving = nil, true
			for _, c := range f.all() {
				f.handOver(c)
			}
		case <-again.C:
		case <-f.o.Free:
		case <-f.changed:
		}
		if leaving && len(f.all()) == 0 {
			return
		}
		next := renewEvery
		if err := f.renew(work, leaving); err != nil {
			f.o.Logger.WarnContext(work, "leases can't be renewed", "error", err)
			next = renewAgain
		}
		again.Reset(next)
	}
}

func (f *Fleet) renew(ctx context.Context, leaving bool) error {
	t, err := f.shards.Renew(ctx, leaving)
	if err != nil {
		return err
	}
	f.lapse.Reset(time.Until(t.Until))
	f.nodes.Store(int64(t.Nodes))
	f.free.Store(int64(t.Free))
	f.renewed.Store(time.Now().UnixMicro())
	var have []*crew
	for _, c := range f.all() {
		if !slices.Contains(t.Leases, c.lease) {
			f.lost(c)
			continue
		}
		if !c.leaving {
			have = append(have, c)
		}
	}
	if leaving {
		return nil
	}
	if f.o.Joined != nil {
		f.o.Joined(t.Nodes)
	}
	share := t.Share()
	if surplus := len(have) - share; surplus > 0 {
		slices.SortStableFunc(have, func(a, b *crew) int { return cmp.Compare(a.busy(), b.busy()) })
		for i := range surplus { // as many of the busy ones as of the others
			f.handOver(have[i*len(have)/surplus])
		}
	}
	if most := min(share-len(have), t.Free); most > 0 {
		taken, err := f.shards.Take(ctx, most)
		if err != nil {
			return err
		}
		f.begin(context.WithoutCancel(ctx), taken)
	}
	return nil
}

// begin moves the lanes of shards that were taken. One scan finds what waits in all of them.
func (f *Fleet) begin(ctx context.Context, taken []connector.Lease) {
	s := &scan{look: f.shards.Waiting}
	shards := make([]int, 0, len(taken))
	for _, lease := range taken {
		o := f.o.Options
		o.lease, o.may = lease, func() bool { return f.shards.Valid(lease) }
		o.Settled = f.settled
		c := &crew{lease: lease, ended: make(chan struct{})}
		c.Dispatcher = newDispatcher(ofShard{f.queue, lease.Shard, s}, bounded{f.carrier, f.sends}, o)
		c.metrics = f.metrics
		work, stop := context.WithCancelCause(ctx)
		c.stop = stop
		f.mu.Lock()
		before := f.crews[lease.Shard]
		f.crews[lease.Shard] = c
		f.mu.Unlock()
		shards = append(shards, lease.Shard)
		go f.work(work, c, before)
	}
	if len(shards) > 0 {
		f.o.Logger.InfoContext(ctx, "shards taken", "shards", shards)
	}
}

// work runs a crew until it is stopped, after the one before it.
func (f *Fleet) work(ctx context.Context, c, before *crew) {
	defer close(c.ended)
	if before != nil {
		<-before.ended
	}
	_ = c.Run(ctx) // it has none
	if !errors.Is(context.Cause(ctx), connector.ErrLeaseLost) {
		if err := f.shards.Release(context.WithoutCancel(ctx), c.lease); err != nil {
			f.o.Logger.WarnContext(ctx, "shard not handed over; others take it when its lease is over", "shard", c.lease.Shard, "error", err)
		}
	}
	f.mu.Lock()
	if f.crews[c.lease.Shard] == c {
		delete(f.crews, c.lease.Shard)
	}
	f.mu.Unlock()
	signal(f.changed, true)
}

// handOver drains a crew; its shard is released when nothing is under way.
func (f *Fleet) handOver(c *crew) {
	c.leaving = true
	c.stop(nil)
}

// lost cuts a crew off.
func (f *Fleet) lost(c *crew) {
	f.shards.Drop(c.lease)
	c.cut()
	c.stop(connector.ErrLeaseLost)
}

// lapsed cuts off all crews whose leases could not be renewed in time.
func (f *Fleet) lapsed() {
	lost := 0
	for _, c := range f.all() {
		if !f.shards.Valid(c.lease) {
			f.lost(c)
			lost++
		}
	}
	if lost > 0 {
		f.o.Logger.Warn("leases ran out: attempts under way were cancelled", "shards", lost)
	}
}

// settled hears of what is on disk.
func (f *Fleet) settled(all []connector.Settlement) {
	if f.o.Settled != nil {
		f.o.Settled(all)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range all {
		if f.remote[all[i].Lane.ID] {
			f.shards.Ended()
			return
		}
	}
}
