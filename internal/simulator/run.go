package simulator

import (
	"container/heap"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// run is one execution of a flow, started by an accepted request.
type run struct {
	flow   *flow
	parcel parcel
	record *record
	id     string
	at     time.Time // when it starts
	order  int64     // among runs that start at the same time
	lost   bool
	// done is closed at its end; fails then says why it posted nothing, and posted names the post.
	done   chan struct{}
	fails  *Failure
	posted int64
}

// strikeLocked readies the fault that hits a request.
func (s *Simulator) strikeLocked(v *visit) {
	f := v.flow
	f.counts.Faulty++
	told := v.fault.about
	switch {
	case v.fault.fault == Unavailable:
		v.throttle = s.unavailableLocked(f)
	case v.fault.throttle != "":
		v.throttle = s.pauseLocked(f, v.fault.throttle, s.opts.RetryAfter)
	}
	s.noteLocked(f, Note{Kind: NoteFault, Told: told, Truth: "Injected: " + string(v.fault.fault) + "."})
}

// accept enters a message and starts its run.
func (s *Simulator) accept(v *visit, p parcel) *run {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := v.flow
	f.counts.Accepted++
	now := time.Now()
	rec := f.oracle.accept(p.text, v.tracking, now)
	first := &run{flow: f, parcel: p, record: rec, id: v.runID, done: make(chan struct{})}
	if v.fault != nil {
		first.lost = v.fault.fault == RunLost
		if v.spoiled() {
			rec.Excused++
		}
	}
	delay := v.chance.between(s.opts.RunDelay)
	if v.Kind == Office365 {
		delay = 0 // the connector posts while the client waits
	}
	s.startLocked(v.Flow, first, now.Add(delay))
	if v.chance.oneIn(s.opts.TwiceIn) || (v.fault != nil && v.fault.fault == RunTwice) {
		again := *first
		again.done = make(chan struct{})
		rec.Excused++
		s.startLocked(v.Flow, &again, now.Add(delay+v.chance.between(s.opts.RunDelay)))
		s.noteLocked(f, Note{Kind: NoteTwice, Told: "202 Accepted", Truth: "The run is made twice."})
	}
	return first
}

func (s *Simulator) startLocked(settings Flow, r *run, at time.Time) {
	f := r.flow
	if s.closed {
		r.end(&Failure{Lost, "The simulator was closed."})
		return
	}
	if settings.Serial && at.Before(f.lastStart) {
		at = f.lastStart
	}
	if at.After(f.lastStart) {
		f.lastStart = at
	}
	s.underWay++
	f.counts.UnderWay++
	r.at = at
	if now := time.Now(); !at.After(now) && !s.runs.due(now) {
		s.executeLocked(r)
		return
	}
	s.runs.add(r, s.runDue)
	s.changedLocked()
}

// runDue executes the runs whose time has come.
func (s *Simulator) runDue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := s.runs.next(time.Now()); r != nil; r = s.runs.next(time.Now()) {
		s.executeLocked(r)
	}
	s.runs.arm(s.runDue)
}

func (s *Simulator) executeLocked(r *run) {
	s.underWay--
	f := r.flow
	f.counts.UnderWay--
	switch {
	case r.lost:
		s.failedLocked(r, &Failure{Lost, "The channel took no post: BotNotInConversationRoster."})
	case r.parcel.fails != nil:
		s.failedLocked(r, r.parcel.fails)
	default:
		for _, d := range r.parcel.posts {
			s.makeLocked(r, d)
		}
	}
	close(r.done)
	s.changedLocked()
}

// makeLocked makes one post, or fails as the flow's action does.
func (s *Simulator) makeLocked(r *run, d draft) {
	if d.fails != nil {
		s.failedLocked(r, d.fails)
		return
	}
	f, now := r.flow, time.Now()
	limits := s.opts.Limits
	limit := limits.posts(f.AsUser)
	f.connection.tries.add(now, limits.RunWindow)
	if made := f.connection.posts.count(now, limits.RunWindow); limit >= 0 && f.Kind != Office365 && made >= limit {
		s.failedLocked(r, &Failure{TooFast, fmt.Sprintf("%d posts in %d s by the connection of %s: no more than %d.",
			made, int(limits.RunWindow.Seconds()), f.Owner, limit)})
		return
	}
	f.connection.posts.add(now, limits.RunWindow)
	f.oracle.post(r.record, now)
	s.postLocked(f, Post{RunID: r.id, Text: r.parcel.text, Card: string(d.card), Blocks: d.blocks, Wide: d.wide})
	r.posted = s.seq
}

func (s *Simulator) failedLocked(r *run, why *Failure) {
	r.fails = why
	r.flow.counts.FailedRuns++
	r.record.Failures = keep(r.record.Failures, why.Reason, keptFailures)
	told := "202 Accepted"
	if r.flow.Confirmed || r.flow.Kind == Office365 {
		told = "an error"
	}
	s.noteLocked(r.flow, Note{Kind: NoteFailed, Told: told, Truth: why.Detail})
}

// end gives up a run that will not be made.
func (r *run) end(why *Failure) {
	r.fails = why
	close(r.done)
}

// result is what a client hears that waited for the run's end.
func (r *run) result(v *visit) *answer {
	if v.Kind == Office365 {
		return r.connectorResult()
	}
	if r.fails != nil {
		return noResponse() // the flow failed before its Response action
	}
	body, err := json.Marshal(map[string]string{"messageId": strconv.FormatInt(r.posted, 10)})
	if err != nil { // a map of strings always marshals
		return noResponse()
	}
	return &answer{
		status: http.StatusOK, body: string(body),
		header: http.Header{"Content-Type": {jsonType}, http.CanonicalHeaderKey(workflowRunID): {v.runID}},
	}
}

func (r *run) connectorResult() *answer {
	switch {
	case r.fails == nil:
		return plain(http.StatusOK, "1")
	case r.fails.Reason == NoCard:
		return plain(http.StatusBadRequest, "Summary or Text is required.")
	case r.fails.Reason == TooLarge:
		return legacy("413")
	case r.fails.Reason == Lost:
		return legacy("403")
	}
	return legacy("400")
}

// schedule holds the runs that have not started, the next one first, under one
// timer. Simulator.mu guards it.
type schedule struct {
	waiting []*run
	orders  int64
	timer   *time.Timer
}

func (q *schedule) add(r *run, fire func()) {
	q.orders++
	r.order = q.orders
	heap.Push(q, r)
	if q.waiting[0] == r {
		q.arm(fire)
	}
}

// arm sets the timer to the next run.
func (q *schedule) arm(fire func()) {
	if q.timer != nil {
		q.timer.Stop()
		q.timer = nil
	}
	if len(q.waiting) > 0 {
		q.timer = time.AfterFunc(time.Until(q.waiting[0].at), fire)
	}
}

// next takes the next run whose time has come; nil: there is none.
func (q *schedule) next(now time.Time) *run {
	if !q.due(now) {
		return nil
	}
	r, ok := heap.Pop(q).(*run)
	if !ok { // Push and Pop hold runs only
		return nil
	}
	return r
}

func (q *schedule) due(now time.Time) bool {
	return len(q.waiting) > 0 && !q.waiting[0].at.After(now)
}

func (q *schedule) stop() {
	if q.timer != nil {
		q.timer.Stop()
	}
	for _, r := range q.waiting {
		r.end(&Failure{Lost, "The simulator was closed."})
	}
	q.waiting = nil
}

// Len is part of heap.Interface.
func (q *schedule) Len() int { return len(q.waiting) }

// Less is part of heap.Interface.
func (q *schedule) Less(i, j int) bool {
	a, b := q.waiting[i], q.waiting[j]
	if a.at.Equal(b.at) {
		return a.order < b.order
	}
	return a.at.Before(b.at)
}

// Swap is part of heap.Interface.
func (q *schedule) Swap(i, j int) { q.waiting[i], q.waiting[j] = q.waiting[j], q.waiting[i] }

// Push is part of heap.Interface.
func (q *schedule) Push(x any) {
	if r, ok := x.(*run); ok {
		q.waiting = append(q.waiting, r)
	}
}

// Pop is part of heap.Interface.
func (q *schedule) Pop() any {
	last := q.waiting[len(q.waiting)-1]
	q.waiting = q.waiting[:len(q.waiting)-1]
	return last
}
