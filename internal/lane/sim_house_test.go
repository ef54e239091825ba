package lane_test

import (
	"container/heap"
	"fmt"
	"hash"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/lane"
)

// trial is one run of a plan: the machine, a runner that may be killed at any
// moment, a disk, a Teams, and the rules that all of them must keep. It is
// single-threaded and its time is virtual: the same plan gives the same trace.
type trial struct {
	plan   plan
	chance *rand.Rand
	now    time.Time     // true time, which Teams lives by
	skew   time.Duration // of the clock that the process started with
	disk   *disk
	teams  *cloud
	rules  *rules
	calm   bool // no fault happens any more

	machine *lane.Machine // nil: no process lives
	life    int           // counts processes
	drained bool
	blind   time.Time // until when the database fails
	agenda  agenda

	settles  []*step // asked for, not begun
	settling bool
	sweeps   []connector.Sweep
	sweeping bool
	fetches  []connector.FetchRequest
	fetching int

	hash  hash.Hash64
	loud  bool // keep the trace
	trace []string
}

// step is a settlement on its way to the disk.
type step struct {
	connector.Settlement
	done bool // on disk at least once
}

// item is one thing to happen; life 0: whatever becomes of the process.
type item struct {
	at   time.Time
	n    int
	life int
	do   func()
}

// agenda orders what will happen by time, then by the order of planning.
type agenda struct {
	list []item
	n    int
}

func (a *agenda) Len() int      { return len(a.list) }
func (a *agenda) Swap(i, j int) { a.list[i], a.list[j] = a.list[j], a.list[i] }
func (a *agenda) Push(x any)    { a.list = append(a.list, x.(item)) } //nolint:errcheck,forcetypeassert // nothing else is pushed
func (a *agenda) Less(i, j int) bool {
	if !a.list[i].at.Equal(a.list[j].at) {
		return a.list[i].at.Before(a.list[j].at)
	}
	return a.list[i].n < a.list[j].n
}

func (a *agenda) Pop() any {
	last := a.list[len(a.list)-1]
	a.list = a.list[:len(a.list)-1]
	return last
}

func newTrial(p plan) *trial {
	t := &trial{
		plan: p, chance: rand.New(rand.NewPCG(p.seed, 7)), now: epoch, disk: newDisk(), teams: newCloud(p), hash: fnv.New64a(),
	}
	t.rules = newRules(t)
	for i, profile := range p.owners {
		id := connector.GroupID(i + 1)
		t.disk.groups[id] = &connector.Group{ID: id, Profile: profile}
		t.teams.owners[id] = &connection{profile: profile}
	}
	for i, l := range p.lanes {
		id := connector.LaneID(i + 1)
		t.disk.lanes[id] = &connector.Lane{
			ID: id, Group: l.owner, State: connector.LaneOpen, URLVersion: 1, Settings: l.Settings,
		}
		t.teams.owner[flow{id, 1}] = l.owner
	}
	return t
}

// clock is store time.
func (t *trial) clock() time.Time { return t.now.Add(t.skew) }

func (t *trial) note(format string, args ...any) {
	line := fmt.Sprintf("%-16v ", t.now.Sub(epoch)) + fmt.Sprintf(format, args...)
	_, _ = t.hash.Write([]byte(line)) // never fails
	if t.loud {
		t.trace = append(t.trace, line)
	}
}

// after plans something that the present process does; a crash prevents it.
func (t *trial) after(d time.Duration, do func()) { t.put(t.now.Add(d), t.life, do) }

// outside plans something that happens whatever becomes of the process.
func (t *trial) outside(at time.Time, do func()) { t.put(at, 0, do) }

func (t *trial) put(at time.Time, life int, do func()) {
	t.agenda.n++
	heap.Push(&t.agenda, item{at, t.agenda.n, life, do})
}

// run lets things happen until the time is over, nothing is left or a rule is broken.
func (t *trial) run(until time.Time) {
	for t.rules.broken == "" {
		at := time.Time{}
		if t.machine != nil {
			if at = t.machine.Next(); !at.IsZero() {
				at = at.Add(-t.skew)
			}
		}
		for len(t.agenda.list) > 0 && t.agenda.list[0].life != 0 && t.agenda.list[0].life != t.life {
			heap.Pop(&t.agenda) // its process is dead
		}
		var next *item
		if len(t.agenda.list) > 0 && (at.IsZero() || !t.agenda.list[0].at.After(at)) {
			next, at = &t.agenda.list[0], t.agenda.list[0].at
		}
		if at.IsZero() || at.After(until) {
			t.now = until
			return
		}
		if at.After(t.now) {
			t.now = at
		}
		if next == nil {
			t.feed(lane.Tick{})
			continue
		}
		heap.Pop(&t.agenda).(item).do() //nolint:errcheck,forcetypeassert // nothing else is pushed
	}
}

// feed steps the machine and carries out what it asks for.
func (t *trial) feed(e lane.Event) {
	if t.machine == nil {
		return
	}
	t.note("%s", tell(e))
	switch e := e.(type) {
	case lane.Start:
		t.rules.start(e.Lanes)
	case lane.Loaded:
		t.rules.loaded(e.Loaded)
	}
	for _, f := range slices.Clone(t.machine.Step(t.clock(), e)) {
		t.carry(f)
	}
	t.rules.afterStep()
}

func (t *trial) carry(f lane.Effect) {
	switch f := f.(type) {
	case lane.Fetch:
		t.note("  fetch lane %d", f.Lane)
		t.rules.fetching(f.Lane)
		t.fetches = append(t.fetches, f.FetchRequest)
		t.fetch()
	case lane.Send:
		t.send(f)
	case lane.Settle:
		t.note("  settle %s", tellSettlement(f.Settlement))
		t.rules.settle(f.Settlement)
		t.settles = append(t.settles, &step{Settlement: f.Settlement})
		t.settle()
	case lane.Sweep:
		t.note("  sweep lane %d except %d", f.Lane, f.Except)
		t.sweeps = append(t.sweeps, f.Sweep)
		t.sweep()
	case lane.Violation:
		t.rules.breach("machine: "+f.Name, "the machine counted %s", f.Name)
	}
}

// lag is how long the database takes for one call.
func (t *trial) lag() time.Duration {
	return time.Duration(t.chance.Int64N(int64(3*time.Millisecond))) + time.Microsecond
}

// fails reports whether the database fails this time.
func (t *trial) fails() bool {
	return t.now.Before(t.blind) || !t.calm && t.chance.Float64() < t.plan.flaky
}

// fetch runs at most two reads at once; each takes its picture before it is told.
func (t *trial) fetch() {
	if t.fetching == 2 || len(t.fetches) == 0 {
		return
	}
	asked := t.fetches
	t.fetches = nil
	t.fetching++
	t.after(t.lag(), func() {
		var events []lane.Event
		failed := t.fails()
		for _, ask := range asked {
			if failed {
				events = append(events, lane.LoadFailed{Lane: ask.Lane})
				t.rules.unread[ask.Lane] = t.clock().Add(time.Second + 3*time.Millisecond)
				continue
			}
			events = append(events, lane.Loaded{Loaded: t.disk.fetch(ask)})
		}
		t.after(t.lag(), func() {
			for _, e := range events {
				t.feed(e)
			}
			t.fetching--
			t.fetch()
		})
	})
}

// settle writes what has come together as one batch, in order, until it is told that it stands.
func (t *trial) settle() {
	if t.settling || len(t.settles) == 0 {
		return
	}
	batch := t.settles
	t.settles, t.settling = nil, true
	t.write(batch, 50*time.Millisecond)
}

func (t *trial) write(batch []*step, again time.Duration) {
	t.after(t.lag(), func() {
		failed := t.fails()
		if !failed || !t.now.Before(t.blind) && t.chance.IntN(2) == 0 { // half of the failures come after the commit
			for _, s := range batch {
				t.rules.commit(s)
				t.disk.settle(s.Settlement, t.clock())
				s.done = true
			}
		}
		t.after(t.lag(), func() {
			if failed {
				t.after(again, func() { t.write(batch, min(2*again, time.Second)) })
				return
			}
			for _, s := range batch {
				t.feed(lane.Settled{Lane: s.Lane.ID})
			}
			t.settling = false
			t.settle()
		})
	})
}

// sweep ends one lane's messages at a time: found by one call, ended by the next.
func (t *trial) sweep() {
	if t.sweeping || len(t.sweeps) == 0 {
		return
	}
	s := t.sweeps[0]
	t.sweeps, t.sweeping = t.sweeps[1:], true
	t.after(t.lag(), func() {
		var ends []connector.End
		if !t.fails() {
			ends = t.disk.sweepable(s)
		}
		t.after(t.lag(), func() {
			for _, e := range ends {
				t.note("  swept %s %s", e.Message, e.State)
				t.rules.end(e, true)
				t.disk.end(e)
			}
			t.sweeping = false
			t.feed(lane.Swept{Lane: s.Lane, N: len(ends)})
			t.sweep()
		})
	})
}

// send makes an attempt. What is on its way when the process dies may arrive.
func (t *trial) send(f lane.Send) {
	a := t.rules.send(f)
	t.note("  send %v part %d to lane %d, attempt %d", a.ids, a.part, f.Lane, a.n)
	to := flow{f.Lane, f.Parcel.Target.Version}
	took := t.teams.takes(a.id, a.n)
	if t.calm {
		took = 100 * time.Millisecond
	}
	arrival := time.Duration(t.teams.lot("arrival", a.id, a.n) * float64(min(took, time.Second)))
	life := t.life
	t.outside(t.now.Add(arrival), func() {
		if t.life != life && a.n%2 == 0 {
			return // the request died with its process
		}
		a.reply = t.teams.arrive(to, a, t.now)
		t.note("arrives %s: %s/%s", a.id, a.reply.outcome.Verdict, a.reply.outcome.Reason)
		t.rules.arrive(a, to)
	})
	t.put(t.now.Add(took), life, func() {
		o := a.reply.outcome
		o.Took = took
		t.rules.answered(a, to, o)
		t.feed(lane.Delivered{Lane: f.Lane, Outcome: o, Rand: t.chance.Float64()})
	})
}
