package lane

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

// Forecast says what is expected of the message that joined a lane last.
func (m *Machine) Forecast(now time.Time, id connector.LaneID) connector.Forecast {
	l := m.lanes[id]
	if l == nil || !l.known {
		return connector.Forecast{At: now, Waiting: 1}
	}
	f := connector.Forecast{Waiting: max(l.waiting, 1), At: now}
	if l.State.Held() {
		f.Held, f.Cause = true, l.Cause
		return f
	}
	f.At = m.expect(now, l, f.Waiting)
	return f
}

// expect is when the message at a place of a lane's queue is expected to go.
func (m *Machine) expect(now time.Time, l *lane, place int) time.Time {
	from := now
	for _, t := range []time.Time{l.NotBefore, l.group.NotBefore} {
		if t.After(from) {
			from = t
		}
	}
	if l.queued {
		if until := m.company(l); until.After(from) {
			from = until
		}
	}
	posts := m.posts(l, place)
	ahead := posts + m.beside(l, posts)
	if l.phase == Sending {
		ahead-- // what is under way has its place in the window already
	}
	byWindow := l.group.window.nth(from, ahead)
	if bySends := from.Add(time.Duration(posts-1) * l.took); bySends.After(byWindow) {
		return bySends
	}
	return byWindow
}

// mix is what the messages of a lane are like, by those that were read last.
type mix struct {
	alone  float64 // posts of cards and split texts, per message
	texts  float64 // share of texts that may share a card
	weight float64 // mean of those
}

// mixOf looks at messages; where there are none, all are taken for short texts.
func mixOf(items []connector.Item) mix {
	x, weights := mix{texts: 1}, 0
	if len(items) == 0 {
		return x
	}
	x.texts = 0
	for i := range items {
		if combinable(&items[i]) {
			x.texts++
			weights += items[i].Weight
			continue
		}
		x.alone += float64(max(items[i].Parts-items[i].PartsDone, 1))
	}
	if x.texts > 0 {
		x.weight = float64(weights) / x.texts
	}
	n := float64(len(items))
	x.alone, x.texts = x.alone/n, x.texts/n
	return x
}

// posts is in how many posts so many messages of a lane are expected to go.
func (m *Machine) posts(l *lane, n int) int {
	perCard := 1.0
	if m.combines(l) {
		perCard = m.perCard(l)
	}
	return max(int(math.Ceil(float64(n)*(l.mix.alone+l.mix.texts/perCard))), 1)
}

// perCard is how many texts of a lane a card is expected to hold.
func (m *Machine) perCard(l *lane) float64 {
	if w := l.mix.weight; w > 0 {
		return min(connector.MaxCard, max(float64(teams.CardRoom)/w, 1))
	}
	return connector.MaxCard
}

// beside is how many posts of other lanes take places before the last of own
// posts goes: lanes take turns, and urgent ones go first.
func (m *Machine) beside(l *lane, own int) (n int) {
	for _, o := range l.group.members {
		if o == l || o.State != connector.LaneOpen || o.waiting == 0 || l.Settings.Urgent && !o.Settings.Urgent {
			continue
		}
		theirs := m.posts(o, o.waiting)
		if o.Settings.Urgent == l.Settings.Urgent {
			theirs = min(theirs, own)
		}
		n += theirs
	}
	return n
}

// sorted returns all lanes in a fixed order, so that a run replays.
func (m *Machine) sorted() []*lane {
	all := make([]*lane, 0, len(m.lanes))
	for _, id := range slices.Sorted(maps.Keys(m.lanes)) {
		all = append(all, m.lanes[id])
	}
	return all
}
