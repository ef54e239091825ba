package connector

import (
	"errors"
	"time"
)

// Shards is how many parts the lanes of an installation are divided into. All
// lanes of an organization are in one, so that one node sends them.
const Shards = 64

// Lease says that a node may send the lanes of a shard. The zero Lease is that
// of the only node there is: it holds always.
type Lease struct {
	Shard int
	// Epoch counts the owners that the shard has had.
	Epoch int64
}

// Tenure is what a node holds after it renewed its leases.
type Tenure struct {
	Leases []Lease
	// Nodes is how many nodes live, this one among them.
	Nodes int
	// Free is how many shards nobody holds.
	Free int
	// Until is when the leases may not be used any more, by this process's monotonic clock.
	Until time.Time
}

// Share is how many shards each of the nodes should hold at most.
func (t Tenure) Share() int { return (Shards + t.Nodes - 1) / max(t.Nodes, 1) }

// LaneWake says that something of a lane was committed, by whatever process.
type LaneWake struct {
	Lane  LaneID
	Shard int
	// N is how many messages; zero: something else of it changed.
	N int
}

// ErrLeaseLost says that another node sends these lanes by now: of what was to be
// written only what was handed to Teams is.
var ErrLeaseLost = errors.New("another node has taken these lanes over")
