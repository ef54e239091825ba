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
	// CardLast is the last member of a card whose end is unclear: it is repeated with the same members. Zero: none.
	CardLast Seq
	// Inflight says up to which message an attempt may be under way, where the webhook is set to ask. Zero: none.
	Inflight Seq
	// Settings are the webhook's choices; of the engine's, only read.
	Settings Settings
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
	// Version counts the moves of lanes into the group and out of it: what was written under an
	// older one is merged, so that no send is forgotten.
	Version int64
}

// Item is one waiting message as the engine sees it.
type Item struct {
	Seq        Seq
	ID         MessageID
	Size       int // of the body, in bytes
	AcceptedAt time.Time
	ExpiresAt  time.Time // in lane time
	Attempts   int       // made so far
	// Weight is what a text takes in a card of several, as Teams counts; zero: it goes alone.
	Weight int
	// Parts is in how many posts it goes out, PartsDone how many of them Microsoft accepted.
	Parts, PartsDone int
	// Test: it goes before all others, and also while the lane is stopped.
	Test bool
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
	Trace   Trace // of the call that brought the message
	Content Content
	Target  Target
	// Part is which of Parts goes out, from 1; zero: the message is not split.
	Part, Parts int
	// Card holds the texts of a card of several, Message's among them; empty: Message goes alone.
	Card []CardText
}

// CardText is one text of a card of several.
type CardText struct {
	Message MessageID
	Body    []byte
	At      time.Time // when it was accepted
}

// Loaded is what the store knows of a lane: its durable parts and its head.
type Loaded struct {
	Lane  Lane
	Group Group
	// Head holds the oldest waiting messages, oldest first; empty: nothing waits.
	Head []Item
	// Test is the oldest waiting test, wherever it stands; nil: none.
	Test *Item
	// More: further messages wait behind Head.
	More bool
	// Waiting counts all waiting messages; -1 where it was not asked for.
	Waiting int
}

// Settlement is what one step of the engine makes durable, in one transaction.
type Settlement struct {
	// Lease is the one under which the step was made: without it only what was handed to Teams counts.
	Lease Lease
	// Lane and Group are the parts as they stand after the step. Of Lane only the engine's
	// progress is written, and only while the row's URLVersion is the same.
	Lane  Lane
	Group Group
	// Stop: the webhook is gone; the lane stops with Lane.Cause unless its URL was changed meanwhile.
	Stop bool
	// Marks: Lane.Inflight changed and is written, whatever became of the URL.
	Marks bool
	// Reopen: a test was sent, so a stopped lane goes on unless its URL was changed meanwhile.
	Reopen bool
	// Attempt is the attempt that was made; nil: none was (an expiry).
	Attempt *Attempt
	// Card are the other messages that went with it in one card.
	Card []Member
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
	Part    int // which part of a split text; zero or 1: all of it
	Card    int // how many messages went in the same card; zero: it went alone
}

// Member is a message that shared an attempt with others.
type Member struct {
	Seq     Seq
	Message MessageID
	N       int // of its own attempts
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
	// Lease is the one under which it is asked for.
	Lease Lease
	// ExpiresBefore is lane time: messages that expire until then end. Zero: none by this rule.
	ExpiresBefore time.Time
	// AcceptedBefore is store time: messages accepted until then end, held or not. Zero: none by this rule.
	AcceptedBefore time.Time
	// Except: messages up to this one may be under way and stay; zero: none.
	Except Seq
	// Test is a test that may be under way and stays; zero: none.
	Test Seq
	// Retired: the webhook was deleted; everything but those ends.
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
	// Waiting is how many messages wait in the lane up to this one.
	Waiting int
}

// WaitReason says what a lane waits for.
type WaitReason int

// What a lane may wait for.
const (
	WaitsForNothing WaitReason = iota + 1 // it is sending, or nothing waits in it
	WaitsForPeople                        // stopped or paused
	WaitsForPause                         // Teams asked its flow owner's webhooks to wait
	WaitsForRetry                         // its last attempt came to nothing
	WaitsForWindow                        // Microsoft's limit is used up
	WaitsForTurn                          // other webhooks of the flow owner, or of the installation, go first
	WaitsForStore                         // its messages are being read or an outcome is being written
	WaitsForCompany                       // few places are left, and more texts may come to share its card
)

var waitNames = [...]string{"", "nothing", "people", "pause", "retry", "window", "turn", "store", "company"}

// String returns the word for the reason that API, CLI and metrics share.
func (w WaitReason) String() string { return name(waitNames[:], int(w)) }

// Explanation is why a lane is not sending.
type Explanation struct {
	Reason WaitReason // zero: nothing is known of the lane
	Cause  string     // where it waits for people: why, in a sentence for them
	Until  time.Time  // when that ends, as far as it is known
	// Empty is when the queue is expected to be empty; zero: it is, or nobody knows.
	Empty   time.Time
	Waiting int
	// Expected says when those messages are expected to go whose places in the queue were asked for; zero: nobody knows.
	Expected []time.Time
}

// Late is how long a lane may need for what waits before its owner should hear of it.
const Late = 5 * time.Minute

// MaxCard is how many texts one card of several holds at most.
const MaxCard = 50

// FetchRequest asks the store for a lane and its head.
type FetchRequest struct {
	Lane LaneID
	// Count: also count all that waits in the lane.
	Count bool
	// Bare: no messages are wanted, only the lane itself.
	Bare bool
	// Card, where it is not zero, asks for the texts of one card instead of a few messages:
	// as many as together weigh no more, at most MaxCard.
	Card int
}

// Merge takes over what another state of the group knows: the later wait, and
// every send that either knows of. A send that both know counts once.
func (g *Group) Merge(o Group) {
	if o.NotBefore.After(g.NotBefore) {
		g.NotBefore = o.NotBefore
	}
	g.Throttles = max(g.Throttles, o.Throttles)
	all := make([]time.Time, 0, len(g.Recent)+len(o.Recent))
	a, b := g.Recent, o.Recent
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Before(b[0]):
			all, a = append(all, a[0]), a[1:]
		case len(a) == 0 || b[0].Before(a[0]):
			all, b = append(all, b[0]), b[1:]
		default:
			all, a, b = append(all, a[0]), a[1:], b[1:]
		}
	}
	g.Recent = all
}
