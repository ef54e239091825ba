package simulator

import (
	"net/http"
	"strconv"
	"time"
)

// RetryForm is how an answer says, or fails to say, how long to wait.
type RetryForm string

// The forms of Retry-After: RFC 9110 allows seconds and a date; answers without
// it and with a broken one are [obs] in other projects' issues and tests.
const (
	RetrySeconds   RetryForm = "seconds"
	RetryDate      RetryForm = "date"
	RetryAbsent    RetryForm = "absent"
	RetryMalformed RetryForm = "malformed"
	RetryLong      RetryForm = "600" // ten minutes, in seconds
)

// pause is the time in which a flow takes no request.
type pause struct {
	until time.Time
	// told is until when a sender knows that it should wait: who comes earlier is rude.
	told time.Time
}

// Throttle makes a flow answer 429 for a time from now.
func (s *Simulator) Throttle(id FlowID, d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.flowLocked(id)
	if err != nil {
		return err
	}
	f.pause.until = time.Now().Add(d)
	s.noteLocked(f, Note{Kind: NoteLife, Truth: "The front door is closed for " + d.Round(time.Second).String() + "."})
	return nil
}

// throttleLocked decides whether the front door turns a request away, and with
// which answer; nil: it lets it pass.
func (s *Simulator) throttleLocked(f *flow, now time.Time, c chance) *answer {
	if now.Before(f.pause.told) {
		f.counts.Rude++
	}
	if now.Before(f.pause.until) {
		return s.turnAwayLocked(f, RetrySeconds, f.pause.until.Sub(now))
	}
	limit := s.opts.Limits.DoorPerSecond
	if limit > 0 && f.door.count(now, time.Second) >= limit {
		form := s.opts.RetryForms[c.IntN(len(s.opts.RetryForms))]
		return s.pauseLocked(f, form, s.opts.RetryAfter)
	}
	if limit > 0 {
		f.door.add(now, time.Second)
	}
	return nil
}

// pauseLocked turns a request away and closes the door for as long as the
// answer says, so that whoever comes back early is seen.
func (s *Simulator) pauseLocked(f *flow, form RetryForm, d time.Duration) *answer {
	a := s.turnAwayLocked(f, form, d)
	if a.until.After(f.pause.until) {
		f.pause.until = a.until
	}
	return a
}

// turnAwayLocked makes the answer 429 in one form.
func (s *Simulator) turnAwayLocked(f *flow, form RetryForm, d time.Duration) *answer {
	a := &answer{status: http.StatusTooManyRequests, header: http.Header{}}
	if f.Kind == Office365 {
		a = legacy("429")
	}
	a.retryAfter(form, time.Now(), d)
	f.counts.Throttled++
	if !a.until.IsZero() {
		f.pause.told = a.until
	}
	return a
}

// unavailableLocked makes the answer 503 with the wait in its header. Who comes
// back earlier is rude, though not turned away.
func (s *Simulator) unavailableLocked(f *flow) *answer {
	a := plain(http.StatusServiceUnavailable, "")
	a.retryAfter(RetrySeconds, time.Now(), s.opts.RetryAfter)
	f.pause.told = a.until
	return a
}

// retryAfter writes the header in one form. The answer's until is the moment
// that a reader of the header must wait for; zero where it names none.
func (a *answer) retryAfter(form RetryForm, now time.Time, d time.Duration) {
	switch form {
	case RetryLong:
		d = longRetryAfter
		fallthrough
	case RetrySeconds:
		seconds := max(1, int64((d+time.Second-1)/time.Second))
		a.header.Set("Retry-After", strconv.FormatInt(seconds, 10))
		a.until = now.Add(time.Duration(seconds) * time.Second)
	case RetryDate:
		// A date has no fractions: the next full second after the wait.
		at := now.Add(d + time.Second).Truncate(time.Second)
		a.header.Set("Retry-After", at.UTC().Format(http.TimeFormat))
		a.until = at
	case RetryMalformed:
		a.header.Set("Retry-After", "soon")
	case RetryAbsent:
	}
}
