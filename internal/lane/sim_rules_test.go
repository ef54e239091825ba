package lane_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/lane"
	teamsrules "github.com/teamsconnector/teamsconnector/internal/teams"
)

// attempt is one POST as an onlooker sees it who knows both sides.
type attempt struct {
	id      connector.MessageID   // of the first message that it carries
	ids     []connector.MessageID // of all
	part    int                   // of a text of several posts
	seq     connector.Seq
	lane    connector.LaneID
	n       int
	reply   reply
	told    bool // the process saw the answer
	onDisk  bool // what came of it is durable
	lost    bool // the process died before that
	arrived bool
	verdict connector.Verdict
	marked  bool   // the disk knew of it before it went
	belief  belief // of whose connection it goes through
}

// belief is what the machine knew of a lane's group when it last read the lane.
type belief struct {
	group   connector.GroupID
	profile connector.Profile
}

// ask is a wait that Teams asked for.
type ask struct {
	attempt *attempt
	flow    flow
	group   connector.GroupID
	until   time.Time
}

// rules watch a trial. Each has a name, and the first that breaks ends the trial.
type rules struct {
	t      *trial
	broken string // the name of the rule
	how    string

	attempts map[connector.MessageID][]*attempt
	open     map[connector.LaneID]*attempt // under way or not on disk yet
	busy     map[connector.LaneID]bool     // a settlement is under way
	untold   map[connector.LaneID]int      // changes of people that the machine has not heard of
	asks     []ask
	started  map[connector.LaneID]bool         // had messages waiting when the process started, and was not read yet
	ghosts   map[connector.GroupID][]time.Time // places taken for posts that may have been in flight then
	unread   map[connector.LaneID]time.Time    // when a lane that could not be read is asked for again
	able     map[connector.LaneID]time.Time    // since when a lane may send and does not
	mixed    map[connector.GroupID]time.Time   // until when a group knows more than its row
	slow     time.Time                         // until when a clock that was put back excuses delay
	excused  time.Time                         // until when a clock that jumped ahead excuses haste
	promised map[connector.MessageID]bool
	believed map[connector.LaneID]belief
	tested   map[connector.LaneID][2]bool // a test waited when it was read, and the time before
	first    map[connector.LaneID]bool    // urgent lanes that wait for a place, while nobody of their group had one
}

func newRules(t *trial) *rules {
	return &rules{
		t: t, attempts: map[connector.MessageID][]*attempt{}, open: map[connector.LaneID]*attempt{}, busy: map[connector.LaneID]bool{},
		untold: map[connector.LaneID]int{}, promised: map[connector.MessageID]bool{}, unread: map[connector.LaneID]time.Time{},
		able: map[connector.LaneID]time.Time{}, mixed: map[connector.GroupID]time.Time{}, started: map[connector.LaneID]bool{}, ghosts: map[connector.GroupID][]time.Time{},
		believed: map[connector.LaneID]belief{}, first: map[connector.LaneID]bool{}, tested: map[connector.LaneID][2]bool{},
	}
}

func (r *rules) breach(rule, format string, args ...any) {
	if r.broken != "" {
		return
	}
	r.broken, r.how = rule, fmt.Sprintf("%v: ", r.t.now.Sub(epoch))+fmt.Sprintf(format, args...)
	r.t.note("BROKEN %s: %s", rule, r.how)
}

func (r *rules) changed(id connector.LaneID) {
	r.untold[id]++
	delete(r.first, id)
}

func (r *rules) told(id connector.LaneID)     { r.untold[id]-- }
func (r *rules) fetching(id connector.LaneID) { delete(r.first, id) }

// accepted: a key stands for one message, as long as it lives.
func (r *rules) accepted(m record) {
	id := connector.MessageID(m.key)
	if r.promised[id] {
		r.breach("one_key_one_message", "%s is accepted twice", id)
	}
	r.promised[id] = true
}

// send holds what must be true where an attempt begins.
func (r *rules) send(f lane.Send) *attempt {
	t, id := r.t, f.Item.ID
	a := &attempt{id: id, seq: f.Item.Seq, lane: f.Lane, n: len(r.attempts[id]) + 1, part: f.Parcel.Part}
	for _, c := range f.Parcel.Card {
		a.ids = append(a.ids, c.Message)
	}
	if len(a.ids) == 0 {
		a.ids = []connector.MessageID{id}
	}
	l := t.disk.lanes[f.Lane]
	switch {
	case r.open[f.Lane] != nil:
		r.breach("one_send_per_lane", "%s begins while %s of lane %d is not on disk", id, r.open[f.Lane].id, f.Lane)
	case r.busy[f.Lane]:
		r.breach("settled_before_next", "%s begins while a settlement of lane %d is not on disk", id, f.Lane)
	case l.State != connector.LaneOpen && r.untold[f.Lane] == 0 && !(f.Item.Test && l.State == connector.LaneStopped):
		r.breach("held_sends_nothing", "%s is sent while lane %d is %s", id, f.Lane, l.State)
	case t.drained:
		r.breach("drain_starts_nothing", "%s is sent after the drain", id)
	}
	a.belief, a.marked = r.believed[f.Lane], l.Inflight >= f.Item.Seq
	r.carries(a, l)
	r.shape(a, f)
	r.inTurn(l, f.Item.Test)
	r.patient(f)
	for _, member := range a.ids {
		r.attempts[member] = append(r.attempts[member], a)
	}
	r.open[f.Lane] = a
	delete(r.able, f.Lane)
	return a
}

// carries holds what must be true of the messages of an attempt: they are the
// first of those that wait, in their order.
func (r *rules) carries(a *attempt, l *connector.Lane) {
	first := slices.DeleteFunc(slices.Clone(r.t.disk.queues[l.ID]), func(m *record) bool { return m.Test != (a.id[0] == 't') })
	for i, id := range a.ids {
		m := r.t.disk.rows[id]
		switch {
		case m == nil || m.lane != l.ID:
			r.breach("knows_its_messages", "%s is not a message of lane %d", id, l.ID)
			return
		case m.end != nil:
			r.breach("ended_never_sent", "%s ended %s and is sent again", id, m.end.State)
			return
		case i >= len(first) || first[i] != m:
			r.breach("fifo", "%s is sent while %s waits before it", id, first[0].ID)
			return
		case m.PartsDone == 0 && !l.Time(r.t.clock()).Before(m.ExpiresAt) && r.untold[l.ID] == 0:
			r.breach("expired_never_sent", "%s is sent %v after its life", id, l.Time(r.t.clock()).Sub(m.ExpiresAt))
		case a.part > 0 && a.part != m.PartsDone+1:
			r.breach("parts_in_order", "part %d of %s is sent after %d", a.part, id, m.PartsDone)
		}
		r.repeats(a, m, l)
	}
	r.card(a, l)
}

// card: one card of several holds texts only, at most 50 and no more than Teams takes.
func (r *rules) card(a *attempt, l *connector.Lane) {
	weight := 0
	for _, id := range a.ids {
		m := r.t.disk.rows[id]
		weight += m.Weight
		if len(a.ids) > 1 && (m.Parcel.Content.Kind != connector.KindText || m.Parts > 1 || m.Weight == 0) {
			r.breach("texts_only_in_a_card", "%s is no text that may share a card", id)
		}
	}
	switch {
	case len(a.ids) > 1 && (len(a.ids) > 50 || weight > teamsrules.CardRoom):
		r.breach("card_fits", "a card of %d texts weighs %d", len(a.ids), weight)
	case len(a.ids) > 1 && !l.Settings.Combine && r.untold[l.ID] == 0 && !r.again(a):
		r.breach("combines_where_wanted", "lane %d combines %d texts", l.ID, len(a.ids))
	}
}

// repeats: what may be in the channel is not sent again where people want to be
// asked, and elsewhere never with another text that the card did not hold.
func (r *rules) repeats(a *attempt, m *record, l *connector.Lane) {
	all := r.attempts[m.ID]
	if len(all) == 0 {
		if l.Settings.OnUnclear == connector.UnclearAsk && !m.Test && l.Inflight < m.Seq && r.untold[l.ID] == 0 {
			r.breach("marked_before_sent", "%s is sent, and the disk knows nothing of it", m.ID)
		}
		return
	}
	last := all[len(all)-1]
	unclear := last.lost && last.marked || last.verdict == connector.VerdictUncertain && last.onDisk
	if unclear && l.Settings.OnUnclear == connector.UnclearAsk && !m.Test && r.untold[l.ID] == 0 {
		r.breach("asked_not_repeated", "%s is sent again, and its webhook is set to ask", m.ID)
	}
	if last.verdict != connector.VerdictUncertain || !last.onDisk {
		return
	}
	for _, id := range a.ids {
		if !slices.Contains(last.ids, id) {
			r.breach("same_members_again", "%s is repeated in a card with %s, which was not in it", m.ID, id)
		}
	}
}

// again reports whether an attempt repeats a card that ended unclear: with the same members, whatever people have chosen since.
func (r *rules) again(a *attempt) bool {
	all := r.attempts[a.id]
	return len(all) > 0 && all[len(all)-1].verdict == connector.VerdictUncertain
}

// shape: texts go in the shape that people chose, and cards of several only where that is a card.
func (r *rules) shape(a *attempt, f lane.Send) {
	p := f.Parcel.Target.Payload
	switch chosen := r.t.disk.payloads[f.Lane]; {
	case r.untold[f.Lane] > 0:
	case p != chosen:
		r.breach("shape_as_chosen", "%s is sent %s, and people chose %s", a.id, p, chosen)
	case len(a.ids) > 1 && chosen == connector.PayloadText && !r.again(a):
		r.breach("combines_where_wanted", "lane %d combines %d texts, and is set to plain text", f.Lane, len(a.ids))
	}
}

// inTurn: an urgent lane that waits for nothing but a place of its group gets the next one. A lane
// in which a test waited when it was read the last time but one, and a failing lane's probe may come before it.
func (r *rules) inTurn(sender *connector.Lane, test bool) {
	if test || r.tested[sender.ID] != [2]bool{} || sender.Settings.Urgent || sender.Failures > 2 || r.untold[sender.ID] > 0 {
		return
	}
	for id := range r.first {
		if l := r.t.disk.lanes[id]; l.Group == sender.Group && l.State == connector.LaneOpen && len(r.t.disk.queues[id]) > 0 {
			r.breach("urgent_first", "lane %d sends, and urgent lane %d of its group waited for the place before it", sender.ID, id)
		}
	}
}

// patient: no request before a time that Teams named.
func (r *rules) patient(f lane.Send) {
	to := flow{f.Lane, f.Parcel.Target.Version}
	for _, w := range r.asks {
		if !r.t.now.Before(w.until) || r.t.now.Before(r.excused) {
			continue
		}
		if w.flow == to {
			r.breach("retry_after", "%s is sent %v before the time that Teams named", f.Item.ID, w.until.Sub(r.t.now))
		}
		current := r.t.disk.lanes[w.flow.lane].URLVersion == w.flow.version
		if w.group == r.believed[f.Lane].group && current {
			r.breach("retry_after_of_group", "%s is sent %v before the time that Teams named to lane %d", f.Item.ID, w.until.Sub(r.t.now), w.flow.lane)
		}
	}
}

// arrive is a request at Teams' door: what Microsoft counts.
func (r *rules) arrive(a *attempt, to flow) {
	t := r.t
	a.arrived = true
	owner := t.teams.owners[t.teams.owner[to]]
	if (belief{t.teams.owner[to], owner.profile}) != a.belief { // its flow became another owner's since, as nobody here could know
		delete(t.teams.requests, to)
	}
	if over(t.teams.requests[to], frontDoor(owner.profile)) && !t.now.Before(r.excused) {
		r.breach("front_door", "more than 4 requests in a second at lane %d", a.lane)
	}
	if !a.reply.runs {
		return
	}
	for _, id := range a.ids {
		r.duplicate(a, id)
	}
	late := time.Duration(0) // a retired connector posts before it answers; a flow's run starts later
	if owner.profile != connector.ProfileOffice365 {
		late = 200*time.Millisecond + time.Duration(t.teams.lot("late", a.id, a.n)*float64(2800*time.Millisecond))
	}
	t.outside(t.now.Add(late), func() {
		if (belief{t.teams.owner[to], owner.profile}) != a.belief {
			return
		}
		owner.posts = append(owner.posts, t.now)
		if over(owner.posts, runLimits(owner.profile)) && !t.now.Before(r.excused) {
			r.breach("window", "the run of %s fails: the connection of lane %d posts too much", a.id, a.lane)
		}
	})
}

// duplicate: a message is posted twice only where a fault or a crash hid the answer.
func (r *rules) duplicate(a *attempt, id connector.MessageID) {
	for _, b := range r.attempts[id] {
		if b == a || b.part != a.part || !b.arrived || !b.reply.runs {
			continue
		}
		if hidden := a.lost || b.lost || b.verdict == connector.VerdictUncertain; !hidden {
			r.breach("duplicate", "%s is posted again although attempt %d was known to be %s", id, b.n, b.verdict)
		}
	}
}

// answered is the moment at which the process knows.
func (r *rules) answered(a *attempt, to flow, o connector.Outcome) {
	a.told, a.verdict = true, o.Verdict
	if o.RetryAfter > 0 {
		until := r.t.now.Add(min(max(o.RetryAfter, time.Second), day))
		r.asks = append(r.asks, ask{a, to, a.belief.group, until})
	}
}

// settle is a settlement that is asked for.
func (r *rules) settle(s connector.Settlement) {
	if r.busy[s.Lane.ID] {
		r.breach("two_settles", "lane %d settles twice at once", s.Lane.ID)
	}
	r.busy[s.Lane.ID] = true
	a := r.open[s.Lane.ID]
	switch {
	case (s.Attempt != nil) != (a != nil):
		r.breach("every_outcome_settled", "lane %d settles an attempt: %v; one is under way: %v", s.Lane.ID, s.Attempt != nil, a != nil)
	case a != nil && (s.Attempt.Message != a.id || len(s.Card) != len(a.ids)-1):
		r.breach("every_outcome_settled", "lane %d settles %s and %d more instead of %v", s.Lane.ID, s.Attempt.Message, len(s.Card), a.ids)
	}
}

// commit is a settlement that reaches the disk, the first time or again.
func (r *rules) commit(s *step) {
	if s.done {
		return
	}
	r.busy[s.Lane.ID] = false
	if a := r.open[s.Lane.ID]; a != nil && s.Attempt != nil {
		a.onDisk = true
		delete(r.open, s.Lane.ID)
	}
	for i, e := range s.Ends {
		if slices.ContainsFunc(s.Ends[:i], func(o connector.End) bool { return o.Seq == e.Seq }) {
			r.breach("ends_once", "%s ends twice in one settlement", e.Message)
		}
		r.end(e, false)
	}
}

// end holds what must be true where a message ends.
func (r *rules) end(e connector.End, swept bool) {
	m := r.t.disk.rows[e.Message]
	sure, maybe, unclear, alone := false, false, false, 0
	for _, a := range r.attempts[e.Message] {
		delivered := a.arrived && a.reply.runs
		alone = len(a.ids)
		sure = sure || delivered && a.told && taken(a.verdict)
		maybe = maybe || delivered && !a.lost
		unclear = unclear || a.lost || a.verdict == connector.VerdictUncertain
		if swept && r.open[a.lane] == a {
			r.breach("ended_under_way", "%s is swept while an attempt is under way", e.Message)
		}
	}
	switch {
	case m.end != nil && !swept:
		r.breach("ends_once", "%s ended %s and ends %s", e.Message, m.end.State, e.State)
	case handedOver(e.State) && m.Parts > 1 && m.PartsDone < m.Parts-1:
		r.breach("all_parts_sent", "%s ends %s after %d of %d parts", e.Message, e.State, m.PartsDone, m.Parts)
	case e.State == connector.StateFailed && e.Reason == connector.ReasonTooLarge && alone > 1:
		r.breach("innocent_in_a_bad_card", "%s ends failed with a card of %d", e.Message, alone)
	case handedOver(e.State) && !sure:
		r.breach("sent_is_true", "%s ends %s, and Teams has not taken it", e.Message, e.State)
	case !handedOver(e.State) && e.State != connector.StateUncertain && maybe && m.Parts < 2:
		r.breach("in_the_channel_is_never_failed", "%s ends %s, and may be in the channel", e.Message, e.State)
	case e.State == connector.StateUncertain && !unclear && e.Reason != connector.ReasonShutdown: // a crash between the mark and the send
		r.breach("uncertain_has_a_cause", "%s ends uncertain, and every attempt was clear", e.Message)
	}
	l := r.t.disk.lanes[m.lane]
	old := r.t.clock().Sub(m.AcceptedAt) >= 14*day
	if e.State == connector.StateExpired && l.Time(r.t.clock()).Before(m.ExpiresAt) && !old && r.untold[m.lane] == 0 {
		r.breach("expires_in_time", "%s ends expired %v before its life ends", e.Message, m.ExpiresAt.Sub(l.Time(r.t.clock())))
	}
}

func taken(v connector.Verdict) bool {
	return v == connector.VerdictSent || v == connector.VerdictPosted
}

// moved: a group that a lane joins or leaves knows more than its row for as long as the window reaches.
func (r *rules) moved(from, to connector.GroupID) {
	if from != to {
		r.mixed[from], r.mixed[to] = r.t.now.Add(time.Hour), r.t.now.Add(time.Hour)
	}
}

// crash: what was not on disk is forgotten; one attempt per lane may be repeated for it.
func (r *rules) crash() {
	for _, a := range r.open {
		a.lost = true
	}
	asks := r.asks[:0]
	for _, w := range r.asks {
		if w.attempt.onDisk {
			asks = append(asks, w)
		}
	}
	r.asks = asks
	clear(r.open)
	clear(r.busy)
	clear(r.untold)
	clear(r.started)
	clear(r.able)
	clear(r.ghosts)
	clear(r.believed)
	clear(r.first)
}

// jumped: a clock that was put ahead makes the past look old, and nobody can
// know; one that was put back makes waits longer.
func (r *rules) jumped(by time.Duration) {
	if by > 0 {
		r.excused = r.t.now.Add(time.Hour + by)
		r.asks = nil
		return
	}
	if until := r.t.now.Add(2*time.Hour - by); until.After(r.slow) {
		r.slow = until
	}
}
