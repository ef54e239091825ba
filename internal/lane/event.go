package lane

import (
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// Event is something that happened outside: the only way in.
type Event interface{ event() }

type (
	// Start names the lanes that have waiting messages when the process starts. A post of
	// each may have been in flight when the last process ended.
	Start struct{ Lanes []connector.LaneID }
	// Wake says that N messages were committed on a lane; N = 0: something else of it
	// changed (paused, resumed, URL replaced, deleted).
	Wake struct {
		Lane connector.LaneID
		N    int
	}
	// Loaded answers a Fetch.
	Loaded struct{ connector.Loaded }
	// LoadFailed answers a Fetch that the store could not serve now.
	LoadFailed struct{ Lane connector.LaneID }
	// Delivered answers a Send. Rand is a random number in [0,1) for the waits.
	Delivered struct {
		Lane    connector.LaneID
		Outcome connector.Outcome
		Rand    float64
	}
	// Settled answers a Settle: it is on disk.
	Settled struct{ Lane connector.LaneID }
	// Swept answers a Sweep: N messages ended; More: there are more to end.
	Swept struct {
		Lane connector.LaneID
		N    int
		More bool
	}
	// Tick says that the time which Next named has come.
	Tick struct{}
	// Drain says that the process is about to end: nothing new starts.
	Drain struct{}
)

func (Start) event()      {}
func (Wake) event()       {}
func (Loaded) event()     {}
func (LoadFailed) event() {}
func (Delivered) event()  {}
func (Settled) event()    {}
func (Swept) event()      {}
func (Tick) event()       {}
func (Drain) event()      {}

// Effect is something that the runner must do: the only way out. Each is
// answered by the event that its comment names.
type Effect interface{ effect() }

type (
	// Fetch asks for a lane and its head; answered by Loaded or LoadFailed.
	Fetch struct{ connector.FetchRequest }
	// Send asks for one attempt; answered by Delivered. Item is the first of the messages that
	// go, Parcel is what goes of it and of those that share its card.
	Send struct {
		Lane    connector.LaneID
		Webhook connector.WebhookID
		Item    connector.Item
		Parcel  connector.Parcel
		At      time.Time
	}
	// Settle asks to make a step durable; answered by Settled once it is on disk.
	Settle struct{ connector.Settlement }
	// Sweep asks to end messages whose life is over; answered by Swept.
	Sweep struct{ connector.Sweep }
	// Violation says that an invariant was about to break. It is a defect of ours, counted
	// in production; not answered.
	Violation struct{ Name string }
)

func (Fetch) effect()     {}
func (Send) effect()      {}
func (Settle) effect()    {}
func (Sweep) effect()     {}
func (Violation) effect() {}

// Phase is where a lane stands in the machine's table (docs/message-life.md).
type Phase int

// The phases of a lane.
const (
	Idle     Phase = iota + 1 // nothing waits
	Loading                   // its head is being fetched
	Waiting                   // something waits for its time, for the group's window or for a slot
	Sending                   // one attempt is under way
	Settling                  // what came of it is being made durable
	Held                      // stopped or paused: waits for people
	Ending                    // its webhook was deleted: what waits is being ended
)

var phaseNames = [...]string{"", "idle", "loading", "waiting", "sending", "settling", "held", "ending"}

// String returns the word that docs/message-life.md uses.
func (p Phase) String() string { return phaseNames[p] }
