package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/store"
)

// changesPoll is how often a service looks for what other processes changed:
// they are seen within one second.
const changesPoll = 500 * time.Millisecond

// changes tells the engine of lanes that people changed, in whatever process:
// a command beside the service has no engine to wake.
type changes struct {
	store  *store.Store
	engine *gate
	log    *slog.Logger
	seen   int64 // the last change that the engine heard of
	blind  bool  // the last look failed
}

// move carries messages out until ctx ends, and hears of changes meanwhile.
func (h *house) move(ctx context.Context) error {
	c := &changes{store: h.store, engine: h.engine, log: h.log}
	// Before the engine reads its first lane, or a change in between would be missed.
	// Where it can't be read, all changes are looked at: that is only more work.
	c.seen, _ = h.store.LastChange(ctx)
	var ear sync.WaitGroup
	defer ear.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if _, several := h.engine.engine.(*fleet); !several { // which hears of them by itself
		ear.Go(func() { c.run(ctx) })
	}
	ear.Go(func() { watchKeys(ctx, h.ring, h.log) })
	ear.Go(func() { h.admin.Run(ctx) })
	if !h.engine.wait(ctx) {
		return nil
	}
	return h.engine.Run(ctx)
}

func (c *changes) run(ctx context.Context) {
	tick := time.NewTicker(changesPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.look(ctx)
		}
	}
}

func (c *changes) look(ctx context.Context) {
	lanes, last, err := c.store.ChangedLanes(ctx, c.seen)
	if err != nil {
		if !c.blind && ctx.Err() == nil {
			c.log.WarnContext(ctx, "changes of other processes can't be read", "error", err)
		}
		c.blind = true
		return
	}
	c.seen, c.blind = last, false
	for _, id := range lanes {
		c.engine.Wake(id, 0)
	}
	if len(lanes) > 0 {
		c.log.DebugContext(ctx, "lanes changed by people", "lanes", len(lanes))
	}
}
