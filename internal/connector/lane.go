package connector

import "time"

// LaneID names the queue of one webhook inside the engine. It is a row number
// and never shown.
type LaneID int64

// GroupID names the webhooks that share one of Microsoft's limits. It is a row
// number and never shown.
type GroupID int64

// Seq is a message's place in the order of acceptance. It is a row number and
// never shown: people and programs see MessageID.
type Seq int64

// LaneState says whether a lane may send.
type LaneState int

// The states of a lane. The numbers are stored.
const (
	LaneOpen    LaneState = iota + 1 // sends as fast as its group's window allows
	LaneStopped                      // its webhook is gone: messages are held until the URL is replaced
	LanePaused                       // a person paused it: messages are held
	LaneRetired                      // its webhook was deleted: waiting messages end failed
)

var laneStateNames = [...]string{"", "open", "stopped", "paused", "retired"}

// String returns the word for the state that SQL and logs share.
func (s LaneState) String() string { return name(laneStateNames[:], int(s)) }

// Held reports whether messages of the lane wait with their clock standing still.
func (s LaneState) Held() bool { return s == LaneStopped || s == LanePaused }

// Lane is the durable part of a webhook's queue. People's changes (State,
// Cause, HeldSince, Held, URLVersion) and the engine's progress (NotBefore,
// Failures, TimedOut, Mismatches) are written by different transactions; only
// the stop of a gone webhook crosses over, and only for the URL it was seen on.
type Lane struct {
	ID      LaneID
	Group   GroupID
	Webhook WebhookID
	State   LaneState
	Cause   string // why it is stopped, or who paused it: a sentence for people
	// HeldSince is when the present hold began; zero while it is not held.
	HeldSince time.Time
	// Held is the length of all holds that have ended: lane time is store time less this.
	Held time.Duration
	// NotBefore is when the next attempt may start; zero: at once.
	NotBefore time.Time
	Failures  int  // attempts in a row that came to nothing
	TimedOut  bool // the last attempt ran into its time limit
	// Mismatches counts different messages in a row that the flow's trigger refused for their shape.
	Mismatches int
	URLVersion int64
}

// Time returns the lane's own time: store time less all that it was held. It
// stands still while the lane is held.
func (l *Lane) Time(now time.Time) time.Time {
	if !l.HeldSince.IsZero() && now.After(l.HeldSince) {
		now = l.HeldSince
	}
	return now.Add(-l.Held)
}

// Group is the durable part of the webhooks that share one limit.
type Group struct {
	ID      GroupID
	Profile Profile
	// NotBefore is until when Teams asked the group to wait; zero: no wait.
	NotBefore time.Time
	Throttles int         // throttled attempts in a row
	Recent    []time.Time // ends of the sends that still count in the profile's windows, oldest first
}

// Item is one waiting message as the engine sees it.
type Item struct {
	Seq        Seq
	ID         MessageID
	Size       int // of the body, in bytes
	AcceptedAt time.Time
	ExpiresAt  time.Time // in lane time
	Attempts   int       // made so far
	// Unclear: an attempt may have delivered it, so it never ends plainly expired or failed.
	Unclear bool
	// Parcel is what a Carrier needs to deliver it.
	Parcel Parcel
	// Broken says, to people, why it can't be sent as it is stored; empty: it can. Parcel.Content.Body
	// is nil then; where Parcel.Target.URL is empty, the webhook is at fault and not the message.
	Broken string
}

// Parcel is one post on its way: what goes out and where.
type Parcel struct {
	Message MessageID
	Content Content
	Target  Target
}

// Loaded is what the store knows of a lane: its durable parts and its head.
type Loaded struct {
	Lane  Lane
	Group Group
	// Head holds the oldest waiting messages, oldest first; empty: nothing waits.
	Head []Item
	// More: further messages wait behind Head.
	More bool
	// Waiting counts all waiting messages; -1 where it was not asked for.
	Waiting int
}

// Settlement is what one step of the engine makes durable, in one transaction.
type Settlement struct {
	// Lane and Group are the parts as they stand after the step. Of Lane only the engine's
	// progress is written, and only while the row's URLVersion is the same.
	Lane  Lane
	Group Group
	// Stop: the webhook is gone; the lane stops with Lane.Cause unless its URL was changed meanwhile.
	Stop bool
	// Attempt is the attempt that was made; nil: none was (an expiry).
	Attempt *Attempt
	// Ends are the messages that came to their end; they leave the queue.
	Ends []End
}

// Attempt is one HTTP call to Teams and what came of it.
type Attempt struct {
	Seq     Seq
	Message MessageID
	N       int // 1 for the first
	At      time.Time
	Outcome Outcome
}

// End is the end of one message.
type End struct {
	Seq     Seq
	Message MessageID
	State   State
	Reason  Reason
	Detail  string // a sentence for people: why it ended so
	At      time.Time
}

// Sweep asks the store to end messages of a lane whose life is over, wherever
// in the queue they stand.
type Sweep struct {
	Lane LaneID
	// ExpiresBefore is lane time: messages that expire until then end. Zero: none by this rule.
	ExpiresBefore time.Time
	// AcceptedBefore is store time: messages accepted until then end, held or not. Zero: none by this rule.
	AcceptedBefore time.Time
	// Except is the head, which may be under way; zero: none.
	Except Seq
	// Retired: the webhook was deleted; everything but Except ends.
	Retired bool
	Now     time.Time
}

// Forecast is what the engine expects of a message that joins a lane now.
type Forecast struct {
	// Held: it waits until somebody acts; Cause says why.
	Held  bool
	Cause string
	// At is when it is expected to go, unless it is held.
	At time.Time
	// Waiting is how many messages wait in the lane, this one among them.
	Waiting int
}

// FetchRequest asks the store for a lane and its head.
type FetchRequest struct {
	Lane LaneID
	// Count: also count all that waits in the lane.
	Count bool
}
