package store

import (
	"sync/atomic"
	"time"
)

// clock gives store time: the wall clock at the start, or the database's where
// it has one, plus what the monotonic clock says, so that a stored time never
// jumps while the process runs, and nodes whose clocks differ agree.
type clock struct {
	start time.Time
	ahead atomic.Int64 // of the wall clock at the start
}

func newClock() *clock { return &clock{start: time.Now()} }

func (c *clock) now() time.Time {
	return c.start.Round(0).Add(time.Duration(c.ahead.Load()) + time.Since(c.start)).UTC().Truncate(time.Microsecond)
}

// set takes over what the database's clock said, by an answer that took so long.
func (c *clock) set(said time.Time, took time.Duration) {
	c.ahead.Add(int64(said.Add(took / 2).Sub(c.now())))
}

// drift is how far apart two clocks may be before one follows the other.
const drift = 50 * time.Millisecond

// follow keeps up with the database's clock where this one falls behind. It never goes back.
func (c *clock) follow(said time.Time, took time.Duration) {
	if said.Add(took/2).Sub(c.now()) > drift+took {
		c.set(said, took)
	}
}

// micros is how a time is stored; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// fromMicros reads what micros wrote.
func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// fromMicro reads a duration, which is stored in microseconds.
func fromMicro(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

// dayOf is the day, in UTC, on which usage is counted.
func dayOf(t time.Time) int64 { return t.Unix() / (24 * 60 * 60) }

// monthOf is the month, in UTC, on which a quota is counted.
func monthOf(t time.Time) int64 {
	t = t.UTC()
	return int64(t.Year())*100 + int64(t.Month())
}

// monthStart is when the month of a time began, in UTC.
func monthStart(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}
