package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/dispatch"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// engine carries messages out: a dispatcher of all lanes, or a fleet of those
// whose shards this node holds.
type engine interface {
	Wake(lane connector.LaneID, n int)
	Forecast(lane connector.LaneID) connector.Forecast
	Explain(lane connector.LaneID, places ...int) connector.Explanation
	Run(ctx context.Context) error
}

// nodeParts are what an engine needs of the other rooms.
type nodeParts struct {
	store   *store.Store
	hints   store.Hints
	carrier dispatch.Carrier
	options dispatch.Options
	// look looks for ends in lanes of which this node does not say them.
	look   func(ctx context.Context, says func(connector.LaneID) bool)
	joined func(nodes int)
}

// newEngine makes the engine: where several nodes may serve the database, one that shares its lanes with them.
func newEngine(p nodeParts) (engine, error) {
	host, _ := os.Hostname() // for people only
	leases, err := p.store.Join(fmt.Sprintf("%.40s %d", cmp.Or(host, "unknown"), os.Getpid()), readBuild().Version)
	if err != nil {
		return nil, err
	}
	if leases == nil {
		return dispatch.New(p.store, p.carrier, p.options), nil
	}
	f := dispatch.NewFleet(leases, p.store, p.carrier, dispatch.FleetOptions{
		Options: p.options,
		Wakes:   p.hints.Wakes(), Ends: p.hints.Ends(), Free: p.hints.Shards(),
		Look: p.look, Joined: p.joined,
	})
	return &fleet{Fleet: f, leases: leases}, nil
}

// fleet runs what a node does beside sending.
type fleet struct {
	*dispatch.Fleet

	leases *store.Leases
}

// Run moves messages until ctx ends, and hands over.
func (f *fleet) Run(ctx context.Context) error {
	beside, stop := context.WithCancel(context.WithoutCancel(ctx))
	var both sync.WaitGroup
	both.Go(func() { f.leases.Hint(beside) })
	both.Go(func() { f.tidy(beside) })
	defer both.Wait()
	defer stop()
	return f.Fleet.Run(ctx)
}

// tidyEvery is how often a node removes what no node needs any more.
const tidyEvery = 15 * time.Second

func (f *fleet) tidy(ctx context.Context) {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = f.leases.Tidy(ctx) // next time then
		}
	}
}
