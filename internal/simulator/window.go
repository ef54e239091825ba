package simulator

import "time"

// keptTimes bounds a window: a burst beyond it is reported as this many.
const keptTimes = 100_000

// window is a sliding log of times, oldest first.
type window struct {
	at    []time.Time
	burst int // the most that any span held
}

// add enters a time.
func (w *window) add(now time.Time, span time.Duration) {
	w.trim(now, span)
	if len(w.at) >= keptTimes {
		w.at = w.at[1:]
	}
	w.at = append(w.at, now)
	w.burst = max(w.burst, len(w.at))
}

// count returns how many times of the last span there are.
func (w *window) count(now time.Time, span time.Duration) int {
	w.trim(now, span)
	return len(w.at)
}

func (w *window) trim(now time.Time, span time.Duration) {
	n := 0
	for n < len(w.at) && now.Sub(w.at[n]) >= span {
		n++
	}
	w.at = w.at[n:]
}
