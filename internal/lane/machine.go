package lane

import (
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

// Options bound what a Machine starts at once. The zero value works.
type Options struct {
	// Sends is how many lanes in good standing may send at once, a quarter of them such that have
	// not answered since the start: who never answers takes no place of those who do. Default 2,000.
	Sends int
	// SlowSends is how many lanes whose last attempt timed out may send at once. Default 256.
	SlowSends int
	// Loads is how many lanes that hold no slot may be loading at once. Default 256.
	Loads int
	// Several: several nodes accept messages, so that one whose acceptance was under way when a
	// later one was sent may appear after it. Order is promised to messages of which one was
	// answered before the other came, and those appear in theirs.
	Several bool
}

// Machine decides for all lanes of a node. It is not safe for concurrent use.
type Machine struct {
	lanes    map[connector.LaneID]*lane
	groups   map[connector.GroupID]*group
	timers   timers
	slots    [3]slots // of lanes in good standing, of slow ones, of those that were not heard yet
	loads    slots    // for lanes that are loaded without a slot
	sweepAt  time.Time
	busy     int // lanes that are sending or settling
	draining bool
	several  bool

	now time.Time
	out []Effect
}

// lane is one webhook's queue: its durable part and what is known of its head.
type lane struct {
	connector.Lane
	group *group
	phase Phase
	// known: loaded at least once, so that Lane and group hold.
	known bool
	// more: messages may wait in the store that head does not hold.
	more bool
	// stale: something but new messages changed in the store.
	stale bool
	// started: it had messages waiting when the process started.
	started bool
	// token and slot are held by a lane that may load and send right now.
	token bool
	slot  *slots
	// queued: it stands in its group's round or waits for a slot.
	queued   bool
	sweeping bool
	panics   int
	head     []connector.Item
	test     []connector.Item // the oldest waiting test; empty: none
	// probing: when it was read last, a test waited.
	probing bool
	// testing and members say what goes: the test, or so many messages of the head.
	testing bool
	members int
	// armed: what goes is being marked as under way, on disk.
	armed bool
	// carded: head was loaded for a card.
	carded bool
	// most is how many texts a card may hold up to suspect, after one was refused; zero: as many as fit.
	most    int
	suspect connector.Seq
	payload connector.Payload
	waiting int
	// miscounted: what waits is to be counted when it is read next.
	miscounted bool
	mix        mix
	arrivals   arrivals
	// hurried: a message at its head has too short a life to wait for others.
	hurried bool
	landed  time.Time     // when its last attempt ended
	last    connector.Seq // of the message that ended last
	dueAt   time.Time
	touched time.Time     // last time that something of it ended
	took    time.Duration // of its last sends, smoothed
	// paused is the wait that its last attempt brought upon the group, and the one before it.
	paused, before time.Time
}

// slots bounds how many lanes do something at once; the others wait in line.
type slots struct {
	free int
	line []*lane
}

// New makes a machine that knows no lane yet.
func New(o Options) *Machine {
	or := func(n, byDefault int) int {
		if n > 0 {
			return n
		}
		return byDefault
	}
	m := &Machine{lanes: map[connector.LaneID]*lane{}, groups: map[connector.GroupID]*group{}, several: o.Several}
	sends := or(o.Sends, 2000)
	m.slots[2].free = max(sends/4, 1)
	m.slots[0].free = max(sends-m.slots[2].free, 1)
	m.slots[1].free = or(o.SlowSends, 256)
	m.loads.free = or(o.Loads, 256)
	return m
}

// Step takes one event at a time that never goes back, and returns what is to
// be done, in order. The slice is valid until the next Step.
func (m *Machine) Step(now time.Time, e Event) []Effect {
	if now.After(m.now) {
		m.now = now
	}
	m.out = m.out[:0]
	switch e := e.(type) {
	case Start:
		for _, id := range e.Lanes {
			m.lane(id).started = true
			m.wake(m.lane(id), 0)
		}
	case Wake:
		m.wake(m.lane(e.Lane), e.N)
	case Loaded:
		m.loaded(m.lane(e.Lane.ID), e)
	case LoadFailed:
		m.loadFailed(m.lane(e.Lane))
	case Delivered:
		m.delivered(m.lane(e.Lane), e)
	case Settled:
		m.settled(m.lane(e.Lane))
	case Swept:
		m.swept(m.lane(e.Lane), e)
	case Tick:
		m.tick()
	case Drain:
		m.draining = true
	}
	return m.out
}

// Next returns when a Tick is due; zero: no need of one.
func (m *Machine) Next() time.Time {
	next := m.timers.next()
	if !m.sweepAt.IsZero() && (next.IsZero() || m.sweepAt.Before(next)) {
		next = m.sweepAt
	}
	return next
}

// Busy returns how many lanes have an attempt under way or being made durable.
func (m *Machine) Busy() int { return m.busy }

func (m *Machine) lane(id connector.LaneID) *lane {
	l := m.lanes[id]
	if l == nil {
		l = &lane{Lane: connector.Lane{ID: id}, phase: Idle, touched: m.now}
		m.lanes[id] = l
	}
	return l
}

func (m *Machine) do(e Effect) { m.out = append(m.out, e) }

// enter moves a lane to a phase.
func (m *Machine) enter(l *lane, to Phase) {
	m.busy += busy(to) - busy(l.phase)
	l.phase = to
	if to != Idle && m.sweepAt.IsZero() {
		m.sweepAt = m.now.Add(sweepEvery)
	}
}

func busy(p Phase) int {
	if p == Sending || p == Settling {
		return 1
	}
	return 0
}

// wake notes what changed and starts a lane that stands.
func (m *Machine) wake(l *lane, n int) {
	l.waiting += n
	l.arrivals.note(m.now, n)
	l.more = true
	if n == 0 {
		l.stale = true
	}
	if n == 0 || l.phase == Loading { // some of what waits may have ended; or may be counted twice
		l.miscounted = true
	}
	switch l.phase {
	case Idle:
		m.want(l)
	case Held:
		if l.stale {
			m.want(l)
		}
	case Waiting:
		switch {
		case n == 0:
			m.leave(l)
			m.want(l)
		case l.queued && l.known && m.company(l).Before(l.group.dueAt): // its card is full, or will be
			m.pump(l.group)
		}
	case Loading, Sending, Settling, Ending: // seen when that is done
	}
}

// want lets a lane go on: it is loaded if nothing certain is known of it, else
// it takes its place among those who wait to send.
func (m *Machine) want(l *lane) {
	if l.known && !l.stale && l.State == connector.LaneOpen {
		m.enter(l, Waiting)
		m.queue(l)
		return
	}
	m.enter(l, Waiting)
	m.reload(l)
}

// reload loads a lane that holds no slot: for its state first of all.
func (m *Machine) reload(l *lane) {
	if m.draining {
		return
	}
	if !m.loads.take(l) {
		return
	}
	m.load(l)
}

func (m *Machine) load(l *lane) {
	r := connector.FetchRequest{Lane: l.ID, Count: !l.known || l.miscounted}
	l.miscounted = false
	if l.carded = l.known && m.combines(l); l.carded {
		r.Card = teams.CardRoom
	}
	l.head, l.test, l.more, l.stale = nil, nil, false, false
	l.testing, l.members = false, 0
	m.enter(l, Loading)
	m.do(Fetch{r})
}

// loaded takes what the store knows and goes on from there.
func (m *Machine) loaded(l *lane, e Loaded) {
	m.learn(l, e.Loaded)
	switch {
	case l.stale: // changed while it was read
		m.release(l)
		m.enter(l, Waiting)
		m.reload(l)
	case l.Inflight != 0:
		m.release(l)
		if s, found := m.interrupted(l); found {
			l.stale = true
			m.enter(l, Waiting)
			m.settle(l, s)
		}
	case l.State == connector.LaneRetired:
		m.release(l)
		m.enter(l, Ending)
		m.endAll(l)
	case !l.sends():
		l.head, l.more = nil, true
		m.release(l)
		m.enter(l, Held)
	case l.empty():
		l.waiting = 0
		m.release(l)
		m.enter(l, Idle)
	default:
		m.enter(l, Waiting)
		m.advance(l)
	}
}

// sends reports whether anything of the lane may go: while it is stopped, only a test.
func (l *lane) sends() bool {
	return l.State == connector.LaneOpen || l.State == connector.LaneStopped && len(l.test) > 0
}

// empty reports whether nothing waits in the lane.
func (l *lane) empty() bool { return len(l.head) == 0 && !l.more && len(l.test) == 0 }

// learn takes over what the store says of a lane and its group. A group that is
// known already has newer windows here than there.
func (m *Machine) learn(l *lane, in connector.Loaded) {
	if g := l.group; g != nil && in.Lane.URLVersion != l.URLVersion && g.NotBefore.Equal(l.paused) && !in.Group.NotBefore.Equal(l.paused) {
		g.NotBefore = l.before // it was the old URL that said so
	}
	l.Lane = in.Lane
	l.NotBefore = m.sane(l.NotBefore)
	l.head, l.test = append([]connector.Item(nil), in.Head...), nil
	l.probing = in.Test != nil
	if in.Test != nil {
		l.test = []connector.Item{*in.Test}
	}
	if len(l.head) > 0 {
		l.payload = l.head[0].Parcel.Target.Payload
	}
	l.more = l.more || in.More
	if in.Waiting >= 0 {
		l.waiting = in.Waiting
	}
	if len(in.Head) > 0 || !l.known {
		l.mix = mixOf(in.Head)
	}
	l.hurried = slices.ContainsFunc(in.Head, func(i connector.Item) bool { return i.ExpiresAt.Sub(l.Time(m.now)) < hurry })
	l.waiting = max(l.waiting, len(l.head))
	l.known = true
	m.join(l, in.Group)
	if l.started {
		l.started = false
		if len(l.head) > 0 || len(l.test) > 0 {
			l.group.window.add(m.now) // the post that may have been in flight when the last process ended
		}
	}
}

func (m *Machine) loadFailed(l *lane) {
	m.release(l)
	l.more, l.stale = true, true // what it was to be read for may have changed its state
	m.enter(l, Waiting)
	m.at(l, m.now.Add(loadRetry))
}

// tick lets everything go on whose time has come.
func (m *Machine) tick() {
	for {
		l, g := m.timers.pop(m.now)
		switch {
		case l != nil && l.phase == Waiting && !l.queued:
			l.dueAt = time.Time{}
			m.want(l)
		case g != nil:
			g.dueAt = time.Time{}
			m.pump(g)
		}
		if l == nil && g == nil {
			break
		}
	}
	if !m.sweepAt.IsZero() && !m.now.Before(m.sweepAt) {
		m.sweep()
	}
}

// at sets the lane's own timer.
func (m *Machine) at(l *lane, t time.Time) {
	l.dueAt = t
	m.timers.push(timer{at: t, lane: l})
}

// leave takes a waiting lane out of every line.
func (m *Machine) leave(l *lane) {
	l.dueAt, l.queued = time.Time{}, false
	if l.group != nil {
		l.group.round = slices.DeleteFunc(l.group.round, func(o *lane) bool { return o == l })
	}
	for _, s := range []*slots{&m.slots[0], &m.slots[1], &m.slots[2], &m.loads} {
		s.line = slices.DeleteFunc(s.line, func(o *lane) bool { return o == l })
	}
}
