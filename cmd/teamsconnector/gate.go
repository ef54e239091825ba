package main

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// gate stands before the engine of an installation that was restored: it takes
// messages, and sends nothing until somebody lets it.
type gate struct {
	engine

	store *store.Store
	log   *slog.Logger
	held  atomic.Pointer[store.Hold] // nil: it is open
}

// Forecast says what is expected of the message that joined a lane last.
func (g *gate) Forecast(id connector.LaneID) connector.Forecast {
	f := g.engine.Forecast(id)
	if h := g.held.Load(); h != nil {
		f.Held, f.Cause = true, cause(h)
	}
	return f
}

// Explain says why a lane is not sending.
func (g *gate) Explain(id connector.LaneID, places ...int) connector.Explanation {
	if h := g.held.Load(); h != nil {
		return connector.Explanation{Reason: connector.WaitsForPeople, Cause: cause(h), Expected: make([]time.Time, len(places))}
	}
	return g.engine.Explain(id, places...)
}

func cause(h *store.Hold) string {
	return h.Why + ", and sends nothing until whoever runs it lets it: teamsconnector resume."
}

// close looks, before the first caller comes, whether the installation may send.
func (g *gate) close(ctx context.Context) error {
	h, err := g.store.Hold(ctx)
	if err != nil || h.Since.IsZero() {
		return err
	}
	g.held.Store(&h)
	g.log.WarnContext(ctx, "nothing is sent until: teamsconnector resume", "why", h.Why, "messages_that_may_go_twice", h.MaybeTwice)
	return nil
}

// wait returns when the gate is open; false: ctx ended before.
func (g *gate) wait(ctx context.Context) bool {
	tick := time.NewTicker(changesPoll)
	defer tick.Stop()
	for g.held.Load() != nil {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		if h, err := g.store.Hold(ctx); err == nil && h.Since.IsZero() {
			g.held.Store(nil)
			g.log.InfoContext(ctx, "sending goes on")
		}
	}
	return true
}
