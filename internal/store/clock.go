package store

import "time"

// clock gives store time: the wall clock at the start plus what the monotonic
// clock says, so that a stored time never jumps while the process runs.
type clock struct{ start time.Time }

func newClock() clock { return clock{start: time.Now()} }

func (c clock) now() time.Time {
	return c.start.Round(0).Add(time.Since(c.start)).UTC().Truncate(time.Microsecond)
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
