package lane

import (
	"container/heap"
	"time"
)

// timer wakes a lane or a group. It counts only while its owner's dueAt still
// says the same time: to move or drop a timer, dueAt is changed and the old
// entry goes stale.
type timer struct {
	at    time.Time
	n     uint64 // order of setting, so that equal times fire in a fixed order
	lane  *lane
	group *group
}

func (t timer) stale() bool {
	if t.lane != nil {
		return !t.lane.dueAt.Equal(t.at)
	}
	return !t.group.dueAt.Equal(t.at)
}

// timers is a heap by time, soonest first.
type timers struct {
	list []timer
	set  uint64
}

// Len, Less, Swap, Push and Pop serve container/heap.
func (t *timers) Len() int { return len(t.list) }

// Less orders by time, then by the order of setting.
func (t *timers) Less(i, j int) bool {
	if t.list[i].at.Equal(t.list[j].at) {
		return t.list[i].n < t.list[j].n
	}
	return t.list[i].at.Before(t.list[j].at)
}

// Swap serves container/heap.
func (t *timers) Swap(i, j int) { t.list[i], t.list[j] = t.list[j], t.list[i] }

// Push serves container/heap.
func (t *timers) Push(x any) {
	if e, ok := x.(timer); ok {
		t.list = append(t.list, e)
	}
}

// Pop serves container/heap.
func (t *timers) Pop() any {
	last := len(t.list) - 1
	e := t.list[last]
	t.list = t.list[:last]
	return e
}

func (t *timers) push(e timer) {
	t.set++
	e.n = t.set
	heap.Push(t, e)
}

// next returns the soonest time that still counts; zero: none.
func (t *timers) next() time.Time {
	for len(t.list) > 0 && t.list[0].stale() {
		heap.Pop(t)
	}
	if len(t.list) == 0 {
		return time.Time{}
	}
	return t.list[0].at
}

// pop returns the owner of the next timer that is due, or nil and nil.
func (t *timers) pop(now time.Time) (*lane, *group) {
	if at := t.next(); at.IsZero() || at.After(now) {
		return nil, nil
	}
	e := t.list[0]
	heap.Pop(t)
	return e.lane, e.group
}
