package simulator

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	keptFailures = 8      // reasons per message
	keptTracking = 8      // tracking ids per message
	wideNumber   = 20     // digits that any number of ByNumber is padded to
	keptText     = 64_000 // bytes of a message's text
)

// Counts are the numbers of a flow.
type Counts struct {
	Requests   int `json:"requests"`   // that reached the flow
	Accepted   int `json:"accepted"`   // that started a run, whatever the client was told
	Throttled  int `json:"throttled"`  // 429 at the front door
	Refused    int `json:"refused"`    // by routing, lifecycle, JSON or schema
	Faulty     int `json:"faulty"`     // that met an injected fault
	Rude       int `json:"rude"`       // that came before the time that a Retry-After had named
	Posts      int `json:"posts"`      // in the channel
	FailedRuns int `json:"failedRuns"` // posts that were not made although the client was told 202
	UnderWay   int `json:"underWay"`   // runs that have not posted yet
	// LeakedAuthorization counts requests with an Authorization header.
	LeakedAuthorization int `json:"leakedAuthorization"`
	// RedirectsFollowed counts requests that came to the trap.
	RedirectsFollowed int `json:"redirectsFollowed"`
	// Bytes of bodies; counted only with Options.CountOnly.
	Bytes int64 `json:"bytes,omitempty"`
}

func (c *Counts) add(o Counts) {
	c.Requests += o.Requests
	c.Accepted += o.Accepted
	c.Throttled += o.Throttled
	c.Refused += o.Refused
	c.Faulty += o.Faulty
	c.Rude += o.Rude
	c.Posts += o.Posts
	c.FailedRuns += o.FailedRuns
	c.UnderWay += o.UnderWay
	c.LeakedAuthorization += o.LeakedAuthorization
	c.RedirectsFollowed += o.RedirectsFollowed
	c.Bytes += o.Bytes
}

// MessageReport is what the oracle knows of one message: of one text in one
// channel.
type MessageReport struct {
	Flow FlowID `json:"flow"`
	// Text is all that the post shows, without Markdown; empty where nothing could be read.
	Text string `json:"text"`
	// TrackingIDs are the x-ms-client-tracking-ids that it came with, the newest eight.
	TrackingIDs []string `json:"trackingIds,omitempty"`
	// Accepted counts the requests that started a run with it.
	Accepted int `json:"accepted"`
	// Excused counts the duplicates that no sender can avoid: accepted requests whose answer
	// was spoiled by a fault or not waited for, and runs that Teams made twice.
	Excused int `json:"excused"`
	// Posts counts how often it stands in the channel.
	Posts int `json:"posts"`
	// Failures are the reasons of its runs that posted nothing.
	Failures      []Reason  `json:"failures,omitempty"`
	FirstAccepted time.Time `json:"firstAccepted,omitzero"`
	FirstPosted   time.Time `json:"firstPosted,omitzero"`
	LastPosted    time.Time `json:"lastPosted,omitzero"`
}

// Duplicates counts the posts of the message that nothing excuses.
func (m MessageReport) Duplicates() int { return max(0, m.Posts-1-m.Excused) }

// FlowReport is what the oracle knows of one flow and its channel.
type FlowReport struct {
	ID      FlowID `json:"id"`
	Team    string `json:"team"`
	Channel string `json:"channel"`
	Owner   string `json:"owner"`
	State   string `json:"state"`
	Target  string `json:"target"` // path and query of its webhook
	Counts
	// SentInversions counts messages that were first accepted after one that should follow
	// them: the sender's fault.
	SentInversions int `json:"sentInversions"`
	// PostInversions counts messages that first stood in the channel after one that should
	// follow them: the sender's fault, or that of runs in parallel.
	PostInversions int `json:"postInversions"`
	// Duplicates counts the posts that nothing excuses.
	Duplicates int `json:"duplicates"`
	// BurstSecond is the most requests in any one second.
	BurstSecond int `json:"burstSecond"`
	// BurstWindow is the most posts that the flow's connection tried in any 300 s.
	BurstWindow int `json:"burstWindow"`
	// WindowPosts is how many of its posts count in the window now.
	WindowPosts int `json:"windowPosts"`
}

// Report is all that the oracle knows.
type Report struct {
	Total    Counts          `json:"total"`
	Flows    []FlowReport    `json:"flows"`
	Messages []MessageReport `json:"messages,omitempty"` // by flow, in the order of first acceptance
}

// Find returns the message with a text, wherever it was sent.
func (r Report) Find(text string) (MessageReport, bool) {
	i := slices.IndexFunc(r.Messages, func(m MessageReport) bool { return m.Text == text })
	if i < 0 {
		return MessageReport{}, false
	}
	return r.Messages[i], true
}

// FindTracking returns the message with a tracking id, wherever it was sent.
func (r Report) FindTracking(id string) (MessageReport, bool) {
	i := slices.IndexFunc(r.Messages, func(m MessageReport) bool { return slices.Contains(m.TrackingIDs, id) })
	if i < 0 {
		return MessageReport{}, false
	}
	return r.Messages[i], true
}

// record is a MessageReport in the making.
type record struct {
	MessageReport
	key, place string
}

// ledger is the oracle of one flow. Simulator.mu guards it.
type ledger struct {
	keepAll  bool
	sequence func(text, trackingID string) string
	records  map[string]*record
	order    []*record // of first acceptance
	requests window
	sent     high
	posted   high
}

// high is the highest place so far, and how many came after a higher one.
type high struct {
	place      string
	inversions int
}

func (h *high) see(place string) {
	switch {
	case place == "":
	case place < h.place:
		h.inversions++
	default:
		h.place = place
	}
}

func (l *ledger) init(o Options) {
	l.keepAll, l.sequence, l.records = o.KeepAll, o.Sequence, map[string]*record{}
}

func (l *ledger) accept(text, tracking string, now time.Time) *record {
	if len(text) > keptText {
		text = strings.ToValidUTF8(text[:keptText], "")
	}
	key := "text:" + text
	if text == "" {
		key = "id:" + tracking
	}
	rec := l.records[key]
	if rec == nil {
		rec = &record{key: key, place: l.sequence(text, tracking)}
		rec.Text, rec.FirstAccepted = text, now
		l.sent.see(rec.place)
		l.remember(rec)
	}
	rec.Accepted++
	if tracking != "" && !slices.Contains(rec.TrackingIDs, tracking) {
		rec.TrackingIDs = keep(rec.TrackingIDs, tracking, keptTracking)
	}
	return rec
}

func (l *ledger) remember(rec *record) {
	l.records[rec.key] = rec
	l.order = append(l.order, rec)
	if !l.keepAll && len(l.order) > keptPosts {
		delete(l.records, l.order[0].key)
		l.order[0] = nil // so that it can be freed
		l.order = l.order[1:]
	}
}

func (l *ledger) post(rec *record, now time.Time) {
	if rec.Posts == 0 {
		rec.FirstPosted = now
		l.posted.see(rec.place)
	}
	rec.Posts++
	rec.LastPosted = now
}

func (s *Simulator) excuse(r *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.record.Excused++
}

// countsOf is where a request is counted: at its flow, or with the strays.
func (s *Simulator) countsOf(f *flow) *Counts {
	if f == nil {
		return &s.stray
	}
	return &f.counts
}

func (s *Simulator) refusedLocked(f *flow, a *answer) {
	s.countsOf(f).Refused++
	if f != nil {
		s.noteLocked(f, Note{Kind: NoteRefused, Told: a.said(), Truth: "Not accepted."})
	}
}

func (s *Simulator) refuse(v *visit, a *answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusedLocked(v.flow, a)
}

// Oracle returns all that is known now.
func (s *Simulator) Oracle() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := Report{Total: s.stray, Flows: make([]FlowReport, 0, len(s.flows))}
	for _, f := range s.flows {
		fr := s.reportLocked(f)
		for _, rec := range f.oracle.order {
			m := rec.MessageReport
			m.Flow = f.id
			m.TrackingIDs, m.Failures = slices.Clone(m.TrackingIDs), slices.Clone(m.Failures)
			fr.Duplicates += m.Duplicates()
			r.Messages = append(r.Messages, m)
		}
		r.Total.add(fr.Counts)
		r.Flows = append(r.Flows, fr)
	}
	return r
}

func (s *Simulator) reportLocked(f *flow) FlowReport {
	return FlowReport{
		ID: f.id, Team: f.Team, Channel: f.Channel, Owner: f.Owner, State: string(f.state), Target: f.target(), Counts: f.counts,
		SentInversions: f.oracle.sent.inversions, PostInversions: f.oracle.posted.inversions,
		BurstSecond: f.oracle.requests.burst, BurstWindow: f.connection.tries.burst,
		WindowPosts: f.connection.posts.count(time.Now(), s.opts.Limits.RunWindow),
	}
}

// Forget empties the oracle and the channels; flows and faults stay.
func (s *Simulator) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stray = Counts{}
	for _, f := range s.flows {
		f.counts = Counts{UnderWay: f.counts.UnderWay}
		f.oracle = ledger{}
		f.oracle.init(s.opts)
		f.transcript = transcript{}
		f.connection.tries.burst = 0
	}
	s.changedLocked()
}

func byTrackingID(_, trackingID string) string { return trackingID }

var lastNumber = regexp.MustCompile(`(\d{1,18})\D*$`)

// ByNumber is a Sequence for texts that carry their place: the last number in
// them.
func ByNumber(text, _ string) string {
	m := lastNumber.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return strings.Repeat("0", wideNumber-len(m[1])) + m[1]
}
