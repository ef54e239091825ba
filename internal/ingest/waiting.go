package ingest

import (
	"slices"
	"sync"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

// caller is one request that waits for the end of its message.
type caller struct {
	deadline time.Time // in store time
	// signal says that there is something to look at. Written under waiting.mu, never closed.
	signal chan struct{}

	// Guarded by waiting.mu:
	message connector.MessageID
	lane    connector.LaneID // zero until the message is on disk
	place   int              // among those that joined the lane
	end     *connector.End
	unclear bool
}

func (c *caller) nudge() {
	select {
	case c.signal <- struct{}{}:
	default: // it was nudged before and has not looked yet
	}
}

// waiting knows who waits for which message, and on which lane.
type waiting struct {
	limit   int
	drained chan struct{} // closed by drain
	once    sync.Once     // that

	mu       sync.Mutex
	count    int
	messages map[connector.MessageID][]*caller
	lanes    map[connector.LaneID]*queue
}

// queue holds the callers whose messages wait on one lane.
type queue struct {
	joined  int // since the queue was last empty
	callers map[*caller]struct{}
}

func newWaiting(limit int) *waiting {
	return &waiting{
		limit:    limit,
		drained:  make(chan struct{}),
		messages: make(map[connector.MessageID][]*caller),
		lanes:    make(map[connector.LaneID]*queue),
	}
}

// enter registers a caller; nil: it must not wait, because too many do.
func (w *waiting) enter(id connector.MessageID, deadline time.Time) *caller {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.count >= w.limit {
		return nil
	}
	c := &caller{message: id, deadline: deadline, signal: make(chan struct{}, 1)}
	w.count++
	w.messages[id] = append(w.messages[id], c)
	return c
}

func (w *waiting) leave(c *caller) {
	if c == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count--
	w.forget(c)
	if q := w.lanes[c.lane]; q != nil {
		delete(q.callers, c)
		if len(q.callers) == 0 {
			delete(w.lanes, c.lane)
		}
	}
}

func (w *waiting) forget(c *caller) {
	rest := slices.DeleteFunc(w.messages[c.message], func(o *caller) bool { return o == c })
	if len(rest) == 0 {
		delete(w.messages, c.message)
		return
	}
	w.messages[c.message] = rest
}

// follow turns a caller to another message.
func (w *waiting) follow(c *caller, id connector.MessageID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget(c)
	c.message = id
	w.messages[id] = append(w.messages[id], c)
}

// watch puts a caller on its lane: it hears when the lane is stopped or backs
// off beyond its deadline.
func (w *waiting) watch(c *caller, lane connector.LaneID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := w.lanes[lane]
	if q == nil {
		q = &queue{callers: make(map[*caller]struct{})}
		w.lanes[lane] = q
	}
	q.joined++
	q.callers[c] = struct{}{}
	c.lane, c.place = lane, q.joined
}

// isLast reports whether no other caller joined the lane after c, so that a
// forecast for the lane's end speaks of its message.
func (w *waiting) isLast(c *caller) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := w.lanes[c.lane]
	return q != nil && q.joined == c.place
}

// endOf returns how the caller's message ended; nil: it has not.
func (w *waiting) endOf(c *caller) *connector.End {
	w.mu.Lock()
	defer w.mu.Unlock()
	return c.end
}

func (w *waiting) unclear(c *caller) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return c.unclear
}

func (w *waiting) settled(all []connector.Settlement) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range all {
		s := &all[i]
		w.deliver(s.Ends)
		if s.Attempt != nil && s.Attempt.Outcome.Verdict == connector.VerdictUncertain {
			for _, m := range append(s.Card, connector.Member{Message: s.Attempt.Message}) {
				for _, c := range w.messages[m.Message] {
					c.unclear = true
				}
			}
		}
		w.backedOff(s)
	}
}

// backedOff nudges the callers of a lane whose deadline the settlement puts out of reach.
func (w *waiting) backedOff(s *connector.Settlement) {
	until := s.Lane.NotBefore
	if s.Group.NotBefore.After(until) {
		until = s.Group.NotBefore
	}
	if !s.Stop && until.IsZero() {
		return
	}
	q := w.lanes[s.Lane.ID]
	if q == nil {
		return
	}
	for c := range q.callers {
		if s.Stop || until.After(c.deadline) {
			c.nudge()
		}
	}
}

func (w *waiting) swept(ends []connector.End) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deliver(ends)
}

func (w *waiting) deliver(ends []connector.End) {
	for i := range ends {
		for _, c := range w.messages[ends[i].Message] {
			end := ends[i]
			c.end = &end
			c.nudge()
		}
	}
}

func (w *waiting) drain() { w.once.Do(func() { close(w.drained) }) }

func (w *waiting) len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}
