package simulator

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// FlowID names a flow of this Teams.
type FlowID string

// Kind is the sort of webhook that a flow has, and so the shape of its URL.
type Kind string

// The kinds of webhooks.
const (
	Workflows Kind = "workflows"  // Power Platform's address, the current shape
	LogicApps Kind = "logic-apps" // the older address of the same, and of Azure Logic Apps
	Office365 Kind = "office-365" // the retired connector
)

// Flow is a webhook of a channel, as its owner set it up.
type Flow struct {
	Team    string `json:"team,omitempty"`    // empty: "Contoso"
	Channel string `json:"channel,omitempty"` // empty: "General"
	// Owner is whose connection posts: flows of one owner share the run limit. Empty: a
	// connection of its own.
	Owner string `json:"owner,omitempty"`
	Kind  Kind   `json:"kind,omitempty"` // empty: Workflows
	// Serial is a trigger with concurrency control 1: runs post in the order of their acceptance.
	Serial bool `json:"serial,omitempty"`
	// AsUser posts as the owner instead of as Flow bot.
	AsUser bool `json:"asUser,omitempty"`
	// Strict is a trigger with a schema: it refuses what is no envelope with cards.
	Strict bool `json:"strict,omitempty"`
	// Template2024 is the older template: it knows cards only, and {"text":...} dies unseen.
	Template2024 bool `json:"template2024,omitempty"`
	// Confirmed is a flow that answers after its post, with the post's id.
	Confirmed bool `json:"confirmed,omitempty"`
}

// Change is what happens to a flow in its life.
type Change string

// The changes.
const (
	TurnOn          Change = "turn-on"          // also takes back ForbidSAS and RequireSignIn
	TurnOff         Change = "turn-off"         // its owner, or 90 days without a trigger
	Suspend         Change = "suspend"          // 14 days of failures or throttling
	Delete          Change = "delete"           // for good: nothing brings its URL back
	RotateSignature Change = "rotate-signature" // "who can trigger" was changed: the old URL is dead
	MigrateHost     Change = "migrate-host"     // a new shape of URL: the old one is no route any more
	ForbidSAS       Change = "forbid-sas"       // the tenant forbids signatures in URLs
	RequireSignIn   Change = "require-sign-in"  // "who can trigger" is not Anyone
	Confirm         Change = "confirm"          // the flow answers after its post
	Unconfirm       Change = "unconfirm"        // the flow answers at once
)

// Changes lists every change, in the order of the page.
func Changes() []Change {
	return []Change{
		TurnOn, TurnOff, Suspend, RotateSignature, MigrateHost, RequireSignIn, ForbidSAS, Confirm, Unconfirm, Delete,
	}
}

// ErrUnknown is the error of a name that this Teams does not know: of a flow, a
// change, a fault.
var ErrUnknown = errors.New("unknown to this Teams")

// flowState is what the trigger says when it is not enabled.
type flowState string

const (
	stateOn        flowState = "Enabled"
	stateOff       flowState = "Disabled"
	stateSuspended flowState = "Suspended"
	stateDeleted   flowState = "Deleted"
)

// flow is a Flow with all that happened to it. Simulator.mu guards it.
type flow struct {
	Flow
	id         FlowID
	path       string // without query
	query      string // empty for the connector
	signature  string
	state      flowState
	noSAS      bool
	signIn     bool
	migrated   int
	rotated    int
	connection *connection
	hints      []Hint
	sender     string // what the sender says that it still has

	requests  int // reached this flow, the number of the last
	door      window
	pause     pause
	lastStart time.Time // of the run that starts last, for Serial

	transcript transcript
	counts     Counts
	oracle     ledger
}

// connection is what flows of one owner share.
type connection struct {
	owner string
	posts window // made
	tries window // made and refused
}

// AddFlow sets up a flow and returns its name and its webhook's path with
// query: what stands behind the host in the webhook's URL.
func (s *Simulator) AddFlow(f Flow) (FlowID, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flowsMade++
	f = f.withDefaults(s.flowsMade)
	c := newChance(s.opts.Seed, "flow", s.flowsMade)
	made := &flow{Flow: f, id: FlowID(c.hex(16)), state: stateOn, signature: c.signature()}
	made.setPath(c)
	made.oracle.init(s.opts)
	made.connection = s.connections[f.Owner]
	if made.connection == nil {
		made.connection = &connection{owner: f.Owner}
		s.connections[f.Owner] = made.connection
	}
	s.flows = append(s.flows, made)
	s.byID[made.id] = made
	s.byPath[made.path] = made
	s.changedLocked()
	return made.id, made.target()
}

func (f Flow) withDefaults(n int) Flow {
	if f.Team == "" {
		f.Team = "Contoso"
	}
	if f.Channel == "" {
		f.Channel = "General"
	}
	if f.Owner == "" {
		f.Owner = fmt.Sprintf("flow owner %d", n)
	}
	if f.Kind == "" {
		f.Kind = Workflows
	}
	return f
}

// setPath gives the flow its address, with its signature in it. Shapes: [obs] URLs of public projects;
// the scale unit is in URLs issued from 2026-06-02 [doc].
func (f *flow) setPath(c chance) {
	trigger, version := "/workflows/"+string(f.id)+"/triggers/manual/paths/invoke", "1"
	switch {
	case f.Kind == Office365:
		f.path = fmt.Sprintf("/webhookb2/%s@%s/IncomingWebhook/%s/%s", c.guid(), c.guid(), f.id, c.guid())
		return
	case f.Kind == LogicApps && f.migrated == 0:
		f.path, version = trigger, "2016-06-01"
	case f.migrated == 0 || (f.Kind == LogicApps && f.migrated == 1):
		f.path = "/powerautomate/automations/direct" + trigger
	default:
		f.path = fmt.Sprintf("/powerautomate/automations/direct/cu/%02d", f.migrated) + trigger
	}
	f.query = "api-version=" + version + "&sp=" + url.QueryEscape("/triggers/manual/run") + "&sv=1.0&sig=" + f.signature
}

// target is the webhook's path and query, byte for byte as Microsoft writes it.
func (f *flow) target() string {
	if f.Kind == Office365 {
		return f.path
	}
	return f.path + "?" + f.query
}

// Target returns the path and query of a flow's webhook as it stands now.
func (s *Simulator) Target(id FlowID) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.flowLocked(id)
	if err != nil {
		return "", err
	}
	return f.target(), nil
}

// Change lets something happen to a flow and returns its webhook's path and
// query as they stand after it.
func (s *Simulator) Change(id FlowID, change Change) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.flowLocked(id)
	if err != nil {
		return "", err
	}
	if f.state == stateDeleted {
		return "", fmt.Errorf("change flow: it was deleted, and nothing brings a deleted flow back: %w", ErrUnknown)
	}
	if err := s.applyLocked(f, change); err != nil {
		return "", err
	}
	s.noteLocked(f, Note{Kind: NoteLife, Truth: change.about()})
	return f.target(), nil
}

func (s *Simulator) applyLocked(f *flow, change Change) error {
	switch change {
	case TurnOn:
		f.state, f.noSAS, f.signIn = stateOn, false, false
	case TurnOff:
		f.state = stateOff
	case Suspend:
		f.state = stateSuspended
	case Delete:
		f.state = stateDeleted
	case RotateSignature, MigrateHost:
		s.moveLocked(f, change)
	case ForbidSAS:
		f.noSAS = true
	case RequireSignIn:
		f.signIn = true
	case Confirm, Unconfirm:
		f.Confirmed = change == Confirm
	default:
		return fmt.Errorf("change %q: %w", change, ErrUnknown)
	}
	return nil
}

// moveLocked gives the flow a new signature, and for a migration a new path too;
// the connector's path is its signature.
func (s *Simulator) moveLocked(f *flow, change Change) {
	f.rotated++
	c := newChance(s.opts.Seed, string(f.id)+"/signature", f.rotated)
	f.signature = c.signature()
	delete(s.byPath, f.path)
	if change == MigrateHost {
		f.migrated++
	}
	f.setPath(c)
	s.byPath[f.path] = f
}

func (s *Simulator) flowLocked(id FlowID) (*flow, error) {
	f := s.byID[id]
	if f == nil {
		return nil, fmt.Errorf("flow %q: %w", strings.ToValidUTF8(string(id), "?"), ErrUnknown)
	}
	return f, nil
}

func (c Change) about() string {
	switch c {
	case TurnOn:
		return "The flow was turned on."
	case TurnOff:
		return "The flow was turned off."
	case Suspend:
		return "The flow was suspended, as after 14 days of failures."
	case Delete:
		return "The flow was deleted, for good."
	case RotateSignature:
		return "The webhook got a new signature. The old URL is dead."
	case MigrateHost:
		return "The webhook moved to a new address. The old URL is no route any more."
	case ForbidSAS:
		return "The tenant now forbids signatures in URLs."
	case RequireSignIn:
		return "Only signed-in people may trigger the flow now."
	case Confirm:
		return "The flow now answers after its post."
	case Unconfirm:
		return "The flow now answers at once."
	}
	return string(c)
}
