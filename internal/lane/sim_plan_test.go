package lane_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// deed is what happens to the house from outside.
type deed string

const (
	accepts  deed = "accepts"  // a program sends n texts
	tests    deed = "tests"    // a person sends a test
	repeats  deed = "repeats"  // a program sends the last text again under the same key
	differs  deed = "differs"  // a program uses the last key for another text
	pauses   deed = "pauses"   // a person pauses the webhook
	resumes  deed = "resumes"  // a person lets it go on
	swaps    deed = "swaps"    // a person replaces its URL
	deletes  deed = "deletes"  // a person deletes the webhook
	moves    deed = "moves"    // likewise, with the flow of another owner
	edits    deed = "edits"    // a person changes its n-th setting
	regroups deed = "regroups" // its flow posts through another owner's connection from now on, by the same URL, and a person says so
	profiles deed = "profiles" // likewise, with another kind of connection
	breaks   deed = "breaks"   // its flow is turned off in Teams
	throttle deed = "throttle" // Teams asks for a wait of span at the next request
	crashes  deed = "crashes"  // kill -9; the next process starts after span
	jumps    deed = "jumps"    // likewise, and the clock of the machine is another one by span
	drains   deed = "drains"   // a clean stop and start
	blinds   deed = "blinds"   // the database fails for a span
	waits    deed = "waits"    // nothing for a span
)

// act is one deed of a plan.
type act struct {
	at   time.Duration // since the beginning
	do   deed
	lane connector.LaneID
	n    int
	span time.Duration
}

func (a act) String() string {
	return fmt.Sprintf("%-12v lane %d %s n=%d span=%v", a.at, a.lane, a.do, a.n, a.span)
}

// lanePlan is a webhook: whose flow it is, and what people chose.
type lanePlan struct {
	owner connector.GroupID
	connector.Settings
}

// plan is all that a trial does not leave to the machine. Acts bear their own
// times and names, so that a plan stays itself where acts are taken away.
type plan struct {
	seed   uint64
	owners []connector.Profile // owner i+1 has profile i
	lanes  []lanePlan          // lane i+1 is the i-th
	faults float64             // the share of attempts that meet a fault of Teams
	flaky  float64             // the share of calls of the database that fail
	slots  int                 // how many may send at once; 0: the default
	acts   []act
}

func (p plan) String() string {
	lines := []string{fmt.Sprintf("owners %v, lanes %v, faults %v, flaky %v, slots %d", p.owners, p.lanes, p.faults, p.flaky, p.slots)}
	for _, a := range p.acts {
		lines = append(lines, "  "+a.String())
	}
	return strings.Join(lines, "\n")
}

func oneOf[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// kinds are the pacing profiles, those of most webhooks most often.
func kinds() []connector.Profile {
	return []connector.Profile{
		connector.ProfileFlowBot, connector.ProfilePostAsUser, connector.ProfileFlowBot, connector.ProfileLogicApp, connector.ProfileFlowBot,
		connector.ProfileOffice365, connector.ProfileNone,
	}
}

// someTime draws a time whose order of magnitude is a matter of chance, so that
// acts meet attempts that are under way as well as lanes at rest.
func someTime(r *rand.Rand, upTo time.Duration) time.Duration {
	scale := oneOf(r, time.Millisecond, 50*time.Millisecond, time.Second, 20*time.Second, 5*time.Minute, time.Hour)
	return time.Duration(r.Int64N(int64(min(scale, upTo)))).Truncate(time.Microsecond)
}

// planned draws a plan from its seed.
func planned(seed uint64) plan {
	r := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	p := plan{
		seed: seed, faults: oneOf(r, 0, 0.01, 0.1, 0.4), flaky: oneOf(r, 0, 0, 0.01, 0.2), slots: oneOf(r, 0, 0, 0, 1, 2),
	}
	for range 1 + r.IntN(3) {
		p.owners = append(p.owners, oneOf(r, kinds()...))
	}
	for range 1 + r.IntN(5) {
		p.lanes = append(p.lanes, lanePlan{connector.GroupID(1 + r.IntN(len(p.owners))), connector.Settings{
			Urgent: r.IntN(4) == 0, Combine: r.IntN(3) > 0, OnUnclear: oneOf(r, connector.UnclearRepeat, connector.UnclearRepeat, connector.UnclearAsk),
		}})
	}
	longest := oneOf(r, time.Second, time.Minute, time.Hour)
	at := time.Duration(0)
	for range 5 + r.IntN(40) {
		at += someTime(r, longest)
		a := act{at: at, do: deedOf(r), lane: connector.LaneID(1 + r.IntN(len(p.lanes))), n: 1 + r.IntN(6), span: someTime(r, time.Hour)}
		if a.do == accepts && r.IntN(8) == 0 {
			a.n = 30 + r.IntN(60)
		}
		if a.do == jumps {
			a.span = time.Duration(oneOf(r, -2, -1, 1, 2)) * (time.Second + someTime(r, time.Hour))
		}
		if a.do == waits {
			at += a.span
		}
		p.acts = append(p.acts, a)
	}
	return p
}

// deedOf draws a deed: one in two is a text, a deletion is rare.
func deedOf(r *rand.Rand) deed {
	if r.IntN(2) == 0 {
		return accepts
	}
	if r.IntN(30) == 0 {
		return deletes
	}
	return oneOf(r, tests, tests, repeats, differs, pauses, resumes, resumes, swaps, moves, edits, edits, edits, regroups, profiles, breaks, throttle, crashes, crashes, jumps, drains, blinds, waits)
}
