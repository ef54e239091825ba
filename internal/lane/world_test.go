package lane_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/lane"
)

var epoch = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

// teams answers attempt n (1 for the first) at a message that begins at a time.
type teams func(id connector.MessageID, n int, at time.Time) connector.Outcome

// world is what stands around a machine: rows that survive a restart, and a
// Teams. Its run is the whole runner: a loop of twenty lines.
type world struct {
	machine *lane.Machine
	options lane.Options
	now     time.Time
	teams   teams
	rand    *rand.Rand

	lanes  map[connector.LaneID]*connector.Lane
	groups map[connector.GroupID]*connector.Group
	queue  map[connector.LaneID][]connector.Item
	state  map[connector.MessageID]connector.State
	ended  map[connector.MessageID]connector.End
	seq    connector.Seq

	pending []pending // events to come, by time
	trace   []string
	starts  map[connector.LaneID][]time.Time
	order   map[connector.LaneID][]connector.MessageID // as sent
	seen    func(before lane.Phase, e lane.Event, after lane.Phase, effects []lane.Effect)
	bad     []string
	lost    func() bool          // whether the store can't be read this time
	lag     func() time.Duration // of the store's answers
	silent  bool                 // no trace
	payload connector.Payload
	answer  func(connector.Parcel) connector.Outcome // instead of teams
	parcels []connector.Parcel                       // as sent
}

type pending struct {
	at    time.Time
	event lane.Event
}

func newWorld(answer teams) *world {
	w := &world{
		machine: lane.New(lane.Options{}), now: epoch, teams: answer, rand: rand.New(rand.NewPCG(1, 2)),
		lanes: map[connector.LaneID]*connector.Lane{}, groups: map[connector.GroupID]*connector.Group{},
		queue: map[connector.LaneID][]connector.Item{}, state: map[connector.MessageID]connector.State{},
		ended: map[connector.MessageID]connector.End{}, starts: map[connector.LaneID][]time.Time{},
		order: map[connector.LaneID][]connector.MessageID{},
		lag:   func() time.Duration { return 0 },
	}
	return w
}

// open adds a lane in a group of its own.
func (w *world) open(id connector.LaneID, p connector.Profile) {
	w.lanes[id] = &connector.Lane{ID: id, Group: connector.GroupID(id), State: connector.LaneOpen, URLVersion: 1}
	w.groups[connector.GroupID(id)] = &connector.Group{ID: connector.GroupID(id), Profile: p}
}

// accept commits messages on a lane and wakes it, as the front door does.
func (w *world) accept(id connector.LaneID, life time.Duration, names ...string) {
	w.acceptAs(id, life, connector.Item{}, names...)
}

// acceptAs does so with messages like one.
func (w *world) acceptAs(id connector.LaneID, life time.Duration, like connector.Item, names ...string) {
	for _, n := range names {
		w.seq++
		like.Seq, like.ID, like.AcceptedAt, like.ExpiresAt = w.seq, connector.MessageID(n), w.now, w.lanes[id].Time(w.now).Add(life)
		w.queue[id] = append(w.queue[id], like)
		w.state[connector.MessageID(n)] = connector.StateAccepted
	}
	w.soon(0, lane.Wake{Lane: id, N: len(names)})
	if like.Test {
		w.soon(0, lane.Wake{Lane: id})
	}
}

func (w *world) soon(after time.Duration, e lane.Event) {
	at := w.now.Add(after)
	i := sort.Search(len(w.pending), func(i int) bool { return w.pending[i].at.After(at) })
	w.pending = slices.Insert(w.pending, i, pending{at, e})
}

// run is the runner: it steps the machine until nothing is left to do or the time is over.
func (w *world) run(until time.Time) {
	for {
		e, at := lane.Event(lane.Tick{}), w.machine.Next()
		if len(w.pending) > 0 && (at.IsZero() || !w.pending[0].at.After(at)) {
			e, at = w.pending[0].event, w.pending[0].at
			w.pending = w.pending[1:]
		} else if at.IsZero() {
			return
		}
		if at.After(until) {
			w.pending = append([]pending{{at, e}}, w.pending...)
			w.now = until
			return
		}
		if at.After(w.now) {
			w.now = at
		}
		w.step(e)
	}
}

func (w *world) step(e lane.Event) {
	before := map[connector.LaneID]lane.Phase{}
	if w.seen != nil {
		for id := range w.lanes {
			before[id] = w.machine.PhaseOf(id)
		}
	}
	effects := append([]lane.Effect(nil), w.machine.Step(w.now, e)...)
	w.note(e, effects)
	for id, b := range before {
		after, mine := w.machine.PhaseOf(id), concerns(e, id)
		switch {
		case mine || (after != b && everybodys(e)):
			w.seen(b, e, after, of(effects, id))
		case after != b:
			w.seen(b, nil, after, of(effects, id)) // another lane's step gave it its turn
		}
	}
	for _, f := range effects {
		w.carry(f)
	}
}

// note writes the trace; what stands behind a pointer is written out.
func (w *world) note(e lane.Event, effects []lane.Effect) {
	if w.silent {
		return
	}
	line := fmt.Sprintf("%v %T %+v ->", w.now.Sub(epoch), e, e)
	for _, f := range effects {
		if s, ok := f.(lane.Settle); ok && s.Attempt != nil {
			line += fmt.Sprintf(" %+v", *s.Attempt)
			s.Attempt = nil
			f = s
		}
		line += fmt.Sprintf(" %T%+v", f, f)
	}
	w.trace = append(w.trace, line)
}

// carry does what the machine asks for, at once, and answers.
func (w *world) carry(f lane.Effect) {
	switch f := f.(type) {
	case lane.Fetch:
		if w.lost != nil && w.lost() {
			w.soon(w.lag(), lane.LoadFailed{Lane: f.Lane})
			return
		}
		w.soon(w.lag(), lane.Loaded{Loaded: w.load(f.FetchRequest)})
	case lane.Send:
		w.starts[f.Lane] = append(w.starts[f.Lane], w.now)
		w.order[f.Lane] = append(w.order[f.Lane], shown(f.Parcel))
		w.parcels = append(w.parcels, f.Parcel)
		var o connector.Outcome
		if w.answer != nil {
			o = w.answer(f.Parcel)
		} else {
			o = w.teams(f.Item.ID, f.Item.Attempts+1, w.now)
		}
		w.soon(o.Took, lane.Delivered{Lane: f.Lane, Outcome: o, Rand: w.rand.Float64()})
	case lane.Settle:
		w.settle(f.Settlement)
		w.soon(w.lag(), lane.Settled{Lane: f.Settlement.Lane.ID})
	case lane.Sweep:
		n := w.sweep(f.Sweep)
		w.soon(w.lag(), lane.Swept{Lane: f.Sweep.Lane, N: n})
	case lane.Violation:
		w.bad = append(w.bad, fmt.Sprintf("%s at %v", f.Name, w.now.Sub(epoch)))
	}
}

// load is what the store answers: a few of the oldest messages, or the texts of one card, and the oldest test.
func (w *world) load(f connector.FetchRequest) connector.Loaded {
	l := w.lanes[f.Lane]
	in := connector.Loaded{Lane: *l, Group: *w.groups[l.Group], Waiting: -1}
	most, weight := 4, 0
	if f.Card > 0 {
		most = connector.MaxCard
	}
	for i, it := range w.queue[f.Lane] {
		it.Parcel.Message, it.Parcel.Target.Payload, it.Parcel.Target.Version = it.ID, w.payload, l.URLVersion
		weight += it.Weight
		alone := it.Weight == 0 || it.Parts > 1
		if in.More = in.More || i >= most || len(in.Head) > 0 && f.Card > 0 && (alone || weight > f.Card); !in.More && !it.Test {
			in.Head = append(in.Head, it)
		}
		if it.Test && in.Test == nil {
			in.Test = &it
		}
	}
	if f.Count {
		in.Waiting = len(w.queue[f.Lane])
	}
	return in
}

func shown(p connector.Parcel) connector.MessageID {
	s := string(p.Message)
	for i, c := range p.Card {
		if i > 0 {
			s += "+" + string(c.Message)
		}
	}
	if p.Part > 0 {
		s += fmt.Sprintf("/%d", p.Part)
	}
	return connector.MessageID(s)
}

// settle is the store's rule: people's columns stay, the engine's are written.
func (w *world) settle(s connector.Settlement) {
	l := w.lanes[s.Lane.ID]
	if l.URLVersion == s.Lane.URLVersion {
		l.NotBefore, l.Failures, l.TimedOut, l.Mismatches = s.Lane.NotBefore, s.Lane.Failures, s.Lane.TimedOut, s.Lane.Mismatches
		l.CardLast = s.Lane.CardLast
		if s.Reopen && l.State == connector.LaneStopped {
			l.Held += w.now.Sub(l.HeldSince)
			l.State, l.Cause, l.HeldSince = connector.LaneOpen, "", time.Time{}
		}
		if s.Stop && l.State == connector.LaneOpen {
			l.State, l.Cause, l.HeldSince = connector.LaneStopped, s.Lane.Cause, s.Lane.HeldSince
		}
	}
	if s.Marks {
		l.Inflight = s.Lane.Inflight
	}
	if l.URLVersion != s.Lane.URLVersion {
		s.Group.NotBefore = w.groups[s.Group.ID].NotBefore
	}
	if g := w.groups[s.Group.ID]; g.Version == s.Group.Version {
		g.NotBefore, g.Throttles, g.Recent = s.Group.NotBefore, s.Group.Throttles, s.Group.Recent
	} else {
		g.Merge(s.Group)
		w.groups[l.Group].Merge(s.Group)
	}
	if a := s.Attempt; a != nil {
		for _, member := range append([]connector.Member{{Seq: a.Seq, N: a.N}}, s.Card...) {
			for i := range w.queue[l.ID] {
				if it := &w.queue[l.ID][i]; it.Seq == member.Seq {
					it.Attempts = member.N
					it.Unclear = it.Unclear || a.Outcome.Verdict == connector.VerdictUncertain
					if a.Outcome.Verdict == connector.VerdictSent {
						it.PartsDone = max(it.PartsDone, a.Part)
					}
				}
			}
		}
	}
	for _, e := range s.Ends {
		w.end(l.ID, e)
	}
}

func (w *world) end(id connector.LaneID, e connector.End) {
	q := w.queue[id]
	for i := range q {
		if q[i].Seq == e.Seq {
			w.queue[id] = append(append([]connector.Item(nil), q[:i]...), q[i+1:]...)
			w.state[e.Message] = e.State
			w.ended[e.Message] = e
			return
		}
	}
}

func (w *world) sweep(s connector.Sweep) int {
	n := 0
	for _, it := range append([]connector.Item(nil), w.queue[s.Lane]...) {
		expired := !s.ExpiresBefore.IsZero() && it.PartsDone == 0 && !it.ExpiresAt.After(s.ExpiresBefore)
		old := !s.AcceptedBefore.IsZero() && !it.AcceptedAt.After(s.AcceptedBefore)
		if it.Seq <= s.Except || it.Seq == s.Test || !(expired || old || s.Retired) {
			continue
		}
		state, reason := connector.StateExpired, connector.ReasonExpired
		if s.Retired {
			state, reason = connector.StateFailed, connector.ReasonWebhookDeleted
		}
		if it.Unclear {
			state = connector.StateUncertain
		}
		w.end(s.Lane, connector.End{Seq: it.Seq, Message: it.ID, State: state, Reason: reason})
		n++
	}
	return n
}

// set changes a lane as people do, and tells the machine.
func (w *world) set(id connector.LaneID, state connector.LaneState, cause string) {
	l := w.lanes[id]
	if l.State.Held() && !state.Held() {
		l.Held += w.now.Sub(l.HeldSince)
		l.HeldSince, l.NotBefore, l.Failures = time.Time{}, time.Time{}, 0
	} else if state.Held() && !l.State.Held() {
		l.HeldSince = w.now
	}
	l.State, l.Cause = state, cause
	w.soon(0, lane.Wake{Lane: id})
}

// move puts a lane into another group, as people do, and tells the machine.
func (w *world) move(id connector.LaneID, to connector.GroupID) {
	old, g := w.groups[w.lanes[id].Group], w.groups[to]
	both := append(append([]time.Time(nil), g.Recent...), old.Recent...)
	slices.SortFunc(both, time.Time.Compare)
	g.Merge(*old)
	g.Recent = both
	g.Version++
	old.Version++
	w.lanes[id].Group = to
	for other, l := range w.lanes {
		if l.Group == to && other <= id {
			w.soon(0, lane.Wake{Lane: other})
		}
	}
}

// restart loses the machine and all that is under way, and starts a new one on the rows.
func (w *world) restart() {
	w.machine = lane.New(w.options)
	w.pending = nil
	var ids []connector.LaneID
	for id, q := range w.queue {
		if len(q) > 0 {
			ids = append(ids, id)
		}
	}
	sort.Slice(ids, func(i, j int) bool { return ids[i] < ids[j] })
	w.soon(0, lane.Start{Lanes: ids})
}

func concerns(e lane.Event, id connector.LaneID) bool {
	switch e := e.(type) {
	case lane.Wake:
		return e.Lane == id
	case lane.Loaded:
		return e.Lane.ID == id
	case lane.LoadFailed:
		return e.Lane == id
	case lane.Delivered:
		return e.Lane == id
	case lane.Settled:
		return e.Lane == id
	case lane.Swept:
		return e.Lane == id
	}
	return false
}

// everybodys reports whether an event is about no lane of its own.
func everybodys(e lane.Event) bool {
	switch e.(type) {
	case lane.Tick, lane.Start, lane.Drain:
		return true
	}
	return false
}

func of(effects []lane.Effect, id connector.LaneID) []lane.Effect {
	var mine []lane.Effect
	for _, f := range effects {
		switch g := f.(type) {
		case lane.Fetch:
			if g.Lane == id {
				mine = append(mine, f)
			}
		case lane.Send:
			if g.Lane == id {
				mine = append(mine, f)
			}
		case lane.Settle:
			if g.Settlement.Lane.ID == id {
				mine = append(mine, f)
			}
		case lane.Sweep:
			if g.Sweep.Lane == id {
				mine = append(mine, f)
			}
		}
	}
	return mine
}
