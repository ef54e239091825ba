package dispatch

import (
	"context"
	"sync"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/lane"
)

// maxKnown bounds what a fleet remembers of lanes.
const maxKnown = 100_000

// Wake says that n messages were committed on a lane; n = 0: something else of
// it changed. It does not block. Where another node sends the lane, that one hears of it.
func (f *Fleet) Wake(id connector.LaneID, n int) {
	if shard, known := f.shards.ShardOf(id); known {
		if c := f.of(shard); c != nil {
			c.Wake(id, n)
			return
		}
	}
	f.mu.Lock()
	f.telling[id] += n
	f.mu.Unlock()
	signal(f.told, true)
}

// Forecast says what is expected of the message that joined a lane last.
func (f *Fleet) Forecast(id connector.LaneID) connector.Forecast {
	if shard, known := f.shards.ShardOf(id); known {
		if c := f.of(shard); c != nil {
			return c.Forecast(id)
		}
	}
	if stored, ok := f.foreign.ask(id); ok {
		return lane.Expect(f.o.Now(), stored)
	}
	return connector.Forecast{At: f.o.Now(), Waiting: 1}
}

// Explain says why a lane is not sending, and when the messages at some places
// of it are expected to go; nothing of a lane that another node sends.
func (f *Fleet) Explain(id connector.LaneID, places ...int) connector.Explanation {
	if shard, known := f.shards.ShardOf(id); known {
		if c := f.of(shard); c != nil {
			return c.Explain(id, places...)
		}
	}
	return connector.Explanation{}
}

// tellingOthers lets other nodes hear of their lanes, until it is written down.
func (f *Fleet) tellingOthers(ctx context.Context) {
	for wait(ctx, f.told) {
		f.mu.Lock()
		all := f.telling
		f.telling = make(map[connector.LaneID]int)
		f.mu.Unlock()
		for id, n := range all {
			if err := f.tell(ctx, id, n); err != nil {
				f.o.Logger.WarnContext(ctx, "another node can't be told of a lane", "error", err)
				f.mu.Lock()
				f.telling[id] += n
				f.mu.Unlock()
				if !pause(ctx, renewAgain) {
					return
				}
				signal(f.told, true)
			}
		}
	}
}

func (f *Fleet) tell(ctx context.Context, id connector.LaneID, n int) error {
	shard, known := f.shards.ShardOf(id)
	if !known {
		var err error
		if shard, err = f.shards.Look(ctx, id); err != nil {
			return err
		}
	}
	if c := f.of(shard); c != nil {
		c.Wake(id, n)
		return nil
	}
	return f.shards.Tell(ctx, id, n)
}

// hearing wakes the lanes of this node on which others committed something.
func (f *Fleet) hearing(ctx context.Context) {
	deaf := false
	for every(ctx, hearEvery, f.o.Wakes) {
		all, err := f.shards.Heard(ctx)
		if err != nil && !deaf && ctx.Err() == nil {
			f.o.Logger.WarnContext(ctx, "what other nodes committed can't be read", "error", err)
		}
		deaf = err != nil
		for _, w := range all {
			c := f.of(w.Shard)
			if c == nil {
				continue
			}
			f.note(w)
			c.Wake(w.Lane, w.N)
		}
	}
}

// note remembers that callers on other nodes may wait for a lane, or that people
// may have ended messages of it on another node.
func (f *Fleet) note(w connector.LaneWake) {
	f.mu.Lock()
	defer f.mu.Unlock()
	of := f.remote
	if w.N == 0 {
		of = f.altered
	}
	if len(of) >= maxKnown {
		clear(of)
	}
	of[w.Lane] = true
}

// looking keeps callers informed whose messages other nodes send.
func (f *Fleet) looking(ctx context.Context) {
	for every(ctx, lookEvery, f.o.Ends) {
		f.mu.Lock()
		altered := f.altered
		f.altered = make(map[connector.LaneID]bool)
		f.mu.Unlock()
		if f.o.Look != nil {
			f.o.Look(ctx, func(lane connector.LaneID) bool { return !altered[lane] && f.moves(lane) })
		}
		f.foreign.refresh(ctx)
	}
}

// every waits for a span or a hint, and reports whether ctx is still alive.
func every(ctx context.Context, span time.Duration, hint <-chan struct{}) bool {
	t := time.NewTimer(span)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
	case <-hint:
	}
	return true
}

// foreign is what is known of lanes that other nodes send, from what they store.
type foreign struct {
	queue Queue
	now   func() time.Time

	mu    sync.Mutex
	lanes map[connector.LaneID]*view
}

type view struct {
	stored    connector.Loaded
	read      time.Time // zero: never
	asked     bool      // since it was read
	lastAsked time.Time
}

// How long a view is good for, and how long one is kept up that nobody asks for.
const (
	viewGood = 3 * time.Second
	viewKept = 10 * time.Second
)

func newForeign(q Queue, now func() time.Time) *foreign {
	return &foreign{queue: q, now: now, lanes: make(map[connector.LaneID]*view)}
}

// ask returns a lane as it stood a moment ago; false: nobody has looked yet.
func (f *foreign) ask(id connector.LaneID) (connector.Loaded, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.lanes[id]
	if v == nil {
		if len(f.lanes) >= maxKnown {
			clear(f.lanes)
		}
		v = &view{}
		f.lanes[id] = v
	}
	v.asked, v.lastAsked = true, f.now()
	return v.stored, !v.read.IsZero() && f.now().Sub(v.read) < viewGood
}

// refresh reads the lanes that were asked for since they were read.
func (f *foreign) refresh(ctx context.Context) {
	f.mu.Lock()
	var want []connector.FetchRequest
	for id, v := range f.lanes {
		switch {
		case v.asked && f.now().Sub(v.read) >= lookEvery && len(want) < fetchAtOnce:
			want = append(want, connector.FetchRequest{Lane: id, Count: true, Bare: true})
			v.asked = false
		case f.now().Sub(v.lastAsked) > viewKept:
			delete(f.lanes, id)
		}
	}
	f.mu.Unlock()
	if len(want) == 0 {
		return
	}
	rows, err := f.queue.Fetch(ctx, want)
	if err != nil {
		return // nobody is worse off than before
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range rows {
		if v := f.lanes[r.Lane.ID]; v != nil {
			v.stored, v.read = r, f.now()
		}
	}
}

// ofShard is the queue as one shard's dispatcher sees it.
type ofShard struct {
	Queue

	shard int
	scan  *scan
}

// Waiting lists the lanes of the shard that have undelivered messages.
func (q ofShard) Waiting(ctx context.Context) ([]connector.LaneID, error) {
	all, err := q.scan.run(ctx)
	return all[q.shard], err
}

// scan looks once for what waits in all shards that were taken together.
type scan struct {
	look func(ctx context.Context) (map[int][]connector.LaneID, error)

	mu    sync.Mutex
	found map[int][]connector.LaneID // nil: not yet
}

func (s *scan) run(ctx context.Context) (map[int][]connector.LaneID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found != nil {
		return s.found, nil
	}
	found, err := s.look(ctx)
	if err == nil {
		s.found = found
	}
	return found, err
}

// bounded is a carrier that makes so many attempts at once.
type bounded struct {
	Carrier

	free chan struct{}
}

// Deliver makes one attempt when there is room.
func (b bounded) Deliver(ctx context.Context, p connector.Parcel) connector.Outcome {
	select {
	case b.free <- struct{}{}:
		defer func() { <-b.free }()
	case <-ctx.Done(): // the carrier says what that means
	}
	return b.Carrier.Deliver(ctx, p)
}
