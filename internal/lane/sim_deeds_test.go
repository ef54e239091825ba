package lane_test

import (
	"fmt"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/lane"
)

// do lets a deed happen.
func (t *trial) do(i int, a act) {
	t.note("* %s", a)
	switch a.do {
	case accepts:
		for k := range a.n {
			t.call(written(record{lane: a.lane, key: fmt.Sprintf("a%d-%d", i, k), text: "text"}, a.span), a.span)
		}
	case tests:
		r := record{lane: a.lane, key: fmt.Sprintf("t%d", i), text: "test"}
		r.Test, r.Parcel.Content.Kind = true, connector.KindText
		t.call(r, a.span)
	case repeats, differs:
		for k := i - 1; k >= 0; k-- {
			if b := t.plan.acts[k]; b.do == accepts {
				t.call(written(record{lane: b.lane, key: fmt.Sprintf("a%d-0", k), text: map[bool]string{true: "text", false: "other"}[a.do == repeats]}, b.span), b.span)
				break
			}
		}
	case pauses:
		t.person(a.lane, func() { t.disk.hold(a.lane, t.clock()) })
	case resumes:
		t.person(a.lane, func() { t.disk.open(a.lane, t.clock()) })
	case swaps:
		t.person(a.lane, func() { t.swap(a.lane, t.disk.lanes[a.lane].Group) })
	case moves:
		t.person(a.lane, func() { t.swap(a.lane, connector.GroupID(1+a.n%len(t.plan.owners))) })
	case edits:
		t.person(a.lane, func() { t.edit(a) })
	case regroups:
		t.person(a.lane, func() { t.regroup(a.lane, connector.GroupID(1+a.n%len(t.plan.owners))) })
	case profiles:
		t.person(a.lane, func() { t.reprofile(a.lane, kinds()[a.n%len(kinds())]) })
	case deletes:
		t.person(a.lane, func() { t.disk.retire(a.lane) })
	case breaks:
		t.teams.off[flow{a.lane, t.disk.lanes[a.lane].URLVersion}] = true
	case throttle:
		t.teams.asking[flow{a.lane, t.disk.lanes[a.lane].URLVersion}] = a.span
	case crashes:
		t.crash()
		t.startIn(a.span, 0)
	case jumps:
		t.crash()
		t.startIn(time.Second, a.span)
	case drains:
		t.drain()
	case blinds:
		t.blind = t.now.Add(min(a.span, 10*time.Minute))
	case waits:
	}
}

// call is a program that sends a text until it has an answer.
func (t *trial) call(r record, life time.Duration) {
	again := func() { t.outside(t.now.Add(20*time.Second), func() { t.call(r, life) }) }
	if t.machine == nil || t.drained {
		again()
		return
	}
	process := t.life
	t.after(t.lag(), func() {
		l := t.disk.lanes[r.lane]
		if l.State == connector.LaneRetired {
			return // 404
		}
		if t.now.Before(t.blind) {
			again()
			return
		}
		r.AcceptedAt, r.ExpiresAt = t.clock(), l.Time(t.clock()).Add(lifeOf(life, l.Settings.MessageLife))
		news := t.disk.accept(r)
		if news {
			t.rules.accepted(r)
		}
		t.after(t.lag(), func() { // the answer, and the wake
			if news {
				t.feed(lane.Wake{Lane: r.lane, N: 1})
				if r.Test {
					t.feed(lane.Wake{Lane: r.lane})
				}
			}
			t.rules.forecast(r.lane)
		})
		t.outside(t.now.Add(3*time.Millisecond), func() {
			if t.life != process { // no answer came: once more, under the same key
				t.call(r, life)
			}
		})
	})
}

// written gives a message its content, by its name: most are short texts, some
// cards, some texts of several posts.
func written(r record, span time.Duration) record {
	lot := int(span.Microseconds()) + 7*len(r.key) + int(r.key[len(r.key)-1])
	r.Parcel.Content.Kind = connector.KindText
	switch {
	case lot%11 == 0:
		r.Parcel.Content.Kind = connector.KindCard
	case lot%13 == 0:
		r.Parts, r.Weight = 2+lot%3, 0
	default:
		r.Weight = 200 + lot*997%2000
		if lot%5 == 0 {
			r.Weight *= 8
		}
	}
	return r
}

// lifeOf makes a message's life of a plan's span: a few name a short one, the others have their webhook's.
func lifeOf(d, webhook time.Duration) time.Duration {
	switch {
	case d.Microseconds()%10 < 3:
		return d + time.Second
	case webhook > 0:
		return webhook
	}
	return day
}

// person commits a change, through this process or the command line; the
// machine hears of it a little later, a process that starts reads it.
func (t *trial) person(id connector.LaneID, change func()) {
	change()
	if t.machine == nil {
		return
	}
	t.rules.changed(id)
	t.after(time.Duration(t.chance.Int64N(int64(time.Second))), func() {
		t.rules.told(id)
		t.feed(lane.Wake{Lane: id})
	})
}

// swap replaces a URL by that of another flow, which may be another owner's.
func (t *trial) swap(id connector.LaneID, owner connector.GroupID) {
	t.rules.moved(t.disk.lanes[id].Group, owner)
	t.disk.swap(id, t.clock())
	t.disk.move(id, owner)
	t.teams.owner[flow{id, t.disk.lanes[id].URLVersion}] = t.disk.lanes[id].Group
}

// edit changes one of a webhook's settings.
func (t *trial) edit(a act) {
	s := &t.disk.lanes[a.lane].Settings
	switch a.n {
	case 1:
		s.Combine = !s.Combine
	case 2:
		s.Order = connector.OrderBestEffort + connector.OrderGuaranteed - max(s.Order, connector.OrderBestEffort)
	case 3:
		s.OnUnclear = connector.UnclearRepeat + connector.UnclearAsk - s.OnUnclear
	case 4:
		s.Urgent = !s.Urgent
	case 5:
		s.MessageLife = map[bool]time.Duration{true: time.Minute + a.span}[s.MessageLife == 0]
	default:
		t.disk.payloads[a.lane] = connector.PayloadAdaptive + connector.PayloadText - max(t.disk.payloads[a.lane], connector.PayloadAdaptive)
	}
}

// regroup brings a flow to another owner's connection, on both sides. The door counts by its new kind from now on.
func (t *trial) regroup(id connector.LaneID, owner connector.GroupID) {
	t.rules.moved(t.disk.lanes[id].Group, owner)
	t.disk.move(id, owner)
	now := flow{id, t.disk.lanes[id].URLVersion}
	t.teams.owner[now] = t.disk.lanes[id].Group
	delete(t.teams.requests, now)
}

// reprofile makes a connection, whose only flow is the lane's, one of another kind, on both sides. What it posted as the
// other kind was bound by other limits.
func (t *trial) reprofile(id connector.LaneID, to connector.Profile) {
	in := t.disk.lanes[id].Group
	for _, l := range t.disk.lanes {
		if l.Group == in && l.ID != id {
			return // people give it a group of its own then: that is regroup
		}
	}
	g := t.disk.groups[in]
	if g.Profile == to {
		return
	}
	t.rules.moved(in, 0)
	g.Profile = to
	g.Version++
	*t.teams.owners[in] = connection{profile: to}
	clear(t.teams.requests)
}

// crash loses the process and all that is not on disk.
func (t *trial) crash() {
	t.machine = nil
	t.life++
	t.settles, t.settling, t.sweeps, t.sweeping, t.fetches, t.fetching = nil, false, nil, false, nil, 0
	t.drained = false
	t.rules.crash()
}

// startIn starts the next process, by a clock that may have changed.
func (t *trial) startIn(d, jump time.Duration) {
	life := t.life
	t.outside(t.now.Add(d), func() {
		if t.machine != nil || t.life != life {
			return
		}
		if jump != 0 {
			t.skew += jump
			t.rules.jumped(jump)
		}
		t.machine = lane.New(lane.Options{Sends: t.plan.slots, SlowSends: t.plan.slots, Loads: t.plan.slots})
		t.life++
		t.after(t.lag(), func() { t.feed(lane.Start{Lanes: t.disk.waiting()}) })
	})
}

// drain ends the process as SIGTERM does: what is under way settles, or is given up after the grace.
func (t *trial) drain() {
	if t.machine == nil || t.drained {
		return
	}
	t.drained = true
	t.feed(lane.Drain{})
	life, grace := t.life, t.now.Add(40*time.Second)
	var look func()
	look = func() {
		if t.life != life {
			return
		}
		if t.machine.Busy() > 0 && t.now.Before(grace) {
			t.outside(t.now.Add(100*time.Millisecond), look)
			return
		}
		t.crash()
		t.startIn(time.Second, 0)
	}
	look()
}

// playOut runs a plan to its end: first its deeds, then the peace in which
// everything that waits must come to an end.
func playOut(p plan, loud bool) *trial {
	t := newTrial(p)
	t.loud = loud
	t.startIn(0, 0)
	last := time.Duration(0)
	for i, a := range p.acts {
		t.outside(epoch.Add(a.at), func() { t.do(i, a) })
		last = max(last, a.at)
	}
	t.run(epoch.Add(last + time.Second))
	t.peace()
	return t
}

// peace ends all faults; whatever was held is let go on.
func (t *trial) peace() {
	t.calm, t.teams.faults, t.blind = true, 0, time.Time{}
	t.teams.off, t.teams.asking = map[flow]bool{}, map[flow]time.Duration{}
	if t.machine == nil {
		t.startIn(2*time.Hour, 0) // unless its own restart comes first
	}
	t.run(t.now.Add(3 * time.Hour)) // what was asked for is waited for
	for id := range connector.LaneID(len(t.plan.lanes)) {
		t.person(id+1, func() {
			t.swap(id+1, t.disk.lanes[id+1].Group)
			t.disk.open(id+1, t.clock())
		})
	}
	t.note("peace")
	t.run(t.now.Add(t.rules.patience()))
	t.rules.atTheEnd()
}
