package lane

import "time"

// How long a text waits for others to share its card, once an eighth of a window's places is
// used (docs/decisions/0012-texts-wait-for-company.md).
const (
	freePart  = 8                       // the first eighth of a window's places goes at once
	stallFor  = 2500 * time.Millisecond // silence after which a burst is over
	stallGaps = 5                       // likewise, in gaps between its texts
	longGap   = 6 * time.Second         // a longer one tells no more
	hurry     = time.Minute             // a message whose life ends sooner waits for nobody
)

// arrivals is how the messages of a lane come.
type arrivals struct {
	last time.Time
	gap  time.Duration // between two of them, smoothed
}

func (a *arrivals) note(now time.Time, n int) {
	if n > 0 {
		a.gap = (3*a.gap + min(now.Sub(a.last), longGap)/time.Duration(n)) / 4
		a.last = now
	}
}

// used is how many places of the limit that looks back furthest are used.
func (w *window) used(now time.Time) int {
	l, n := w.longest(), w.flying
	for _, at := range w.log {
		if now.Sub(at) < l.per {
			n++
		}
	}
	return n
}

// tight reports whether places of a group's window are precious: texts that wait together share
// a card, and may wait for others.
func (m *Machine) tight(g *group) bool {
	l := g.window.longest()
	return l.per >= time.Minute && g.window.used(m.now) >= l.n/freePart
}

// company is until when a lane that may send waits for more texts to share its next card: not
// later than now when it goes at once.
func (m *Machine) company(l *lane) time.Time {
	a, full := l.arrivals, m.perCard(l)
	hurries := l.Settings.Urgent || l.hurried || l.Failures > 0 || l.CardLast != 0
	shares := l.mayShare() && l.mix.texts >= 0.5 && full >= 2
	if hurries || !shares || l.waiting == 0 || l.waiting >= int(full) || !m.tight(l.group) {
		return m.now
	}
	return earlier(l.landed.Add(m.spacing(l.group)), a.last.Add(max(stallFor, stallGaps*a.gap)))
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// spacing is how long a lane keeps between posts that are not full: what is left of the window,
// spread over the time until the oldest place comes back and over the lanes that want to send.
func (m *Machine) spacing(g *group) time.Duration {
	l := g.window.longest()
	used := g.window.used(m.now)
	back := l.per
	if n := used - g.window.flying; n > 0 {
		back -= m.now.Sub(g.window.log[len(g.window.log)-n])
	}
	return back * time.Duration(max(len(g.round), 1)) / time.Duration(max(l.n-used, 1))
}
