package lane

import (
	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/teams"
)

// choose decides what goes next: a test, one message or part of it, or several
// texts in one card.
func (m *Machine) choose(l *lane) {
	l.testing, l.members = len(l.test) > 0, 0
	if !l.testing {
		l.members = m.run(l)
	}
}

// going are the messages of the attempt that is under way or about to be made.
func (l *lane) going() []connector.Item {
	if l.testing {
		return l.test
	}
	return l.head[:l.members]
}

// run counts the texts at the head that go in one card: a contiguous run, never
// past a card, a split text or one whose life is over. What ended unclear goes
// again with the same members, and alone if it was alone.
func (m *Machine) run(l *lane) int {
	head := &l.head[0]
	if head.Seq > l.CardLast {
		l.CardLast = 0
	}
	if !m.combines(l) || !combinable(head) || head.Unclear && l.CardLast == 0 && head.Seq > l.suspect {
		return 1
	}
	most := connector.MaxCard
	if l.most > 0 && head.Seq <= l.suspect {
		most = l.most
	}
	weight := head.Weight
	n := 1
	for ; n < min(len(l.head), most); n++ {
		next := &l.head[n]
		weight += next.Weight
		repeated := l.CardLast == 0 || next.Seq <= l.CardLast
		if !combinable(next) || !repeated || next.Unclear != head.Unclear || weight > teams.CardRoom || m.over(l, next) {
			break
		}
	}
	return n
}

func combinable(i *connector.Item) bool {
	return i.Parcel.Content.Kind == connector.KindText && i.Weight > 0 && i.Parts <= 1 && i.Broken == "" && !i.Test
}

// combines reports whether texts of the lane share a card now: where its webhook
// wants it and the window is short, and where a card is to be repeated.
func (m *Machine) combines(l *lane) bool {
	if l.CardLast != 0 {
		return true
	}
	return l.mayShare() && (m.tight(l.group) || m.short(l.group))
}

// mayShare reports whether people want texts of the lane to share cards.
func (l *lane) mayShare() bool { return l.Settings.Combine && l.payload != connector.PayloadText }

// short reports whether more messages wait in a group than its window has places.
func (m *Machine) short(g *group) bool {
	longest := g.window.longest()
	if longest.n == 0 {
		return false
	}
	free := longest.n - g.window.used(m.now)
	waiting := 0
	for _, l := range g.members {
		if l.State == connector.LaneOpen {
			waiting += l.waiting
		}
	}
	return waiting > max(free, 0)+1 // the lane that asks has its place already
}

// halve makes smaller cards of one that was refused, and reports whether it had
// more than one message.
func (m *Machine) halve(l *lane) bool {
	n := len(l.going())
	if n < 2 {
		return false
	}
	l.most, l.suspect, l.CardLast = n/2, l.going()[n-1].Seq, 0
	return true
}

// parcel is what a carrier gets of the messages that go.
func (l *lane) parcel() connector.Parcel {
	going := l.going()
	p := going[0].Parcel
	p.Part, p.Parts = partOf(&going[0]), going[0].Parts
	if len(going) > 1 {
		for i := range going {
			p.Card = append(p.Card, connector.CardText{Message: going[i].ID, Body: going[i].Parcel.Content.Body, At: going[i].AcceptedAt})
		}
	}
	return p
}

// partOf is which part of a split text goes next; zero: it is not split.
func partOf(i *connector.Item) int {
	if i.Parts <= 1 {
		return 0
	}
	return i.PartsDone + 1
}
