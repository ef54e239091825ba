package simulator

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/look"
)

// Simulator is one simulated Teams. It is an http.Handler: webhooks at their
// own paths, the page at /, its own calls below /_sim/.
type Simulator struct {
	opts   Options
	mux    *http.ServeMux
	assets *look.Assets
	page   *page

	mu          sync.Mutex // guards all below
	flows       []*flow    // in the order of AddFlow
	byID        map[FlowID]*flow
	byPath      map[string]*flow
	connections map[string]*connection
	injections  []*injection
	stray       Counts // of requests that reached no flow, and of the trap
	hints       []Hint
	flowsMade   int
	seq         int64 // of the last entry in any transcript
	runs        schedule
	underWay    int
	// changed is closed at the next change of anything; nil: nobody waits for it.
	changed chan struct{}
	closed  bool
}

// New makes a Teams without flows.
func New(o Options) (*Simulator, error) {
	s := &Simulator{
		opts:        o.withDefaults(),
		byID:        map[FlowID]*flow{},
		byPath:      map[string]*flow{},
		connections: map[string]*connection{},
	}
	var err error
	if s.assets, err = look.New(assetPrefix, staticFiles()); err != nil {
		return nil, err
	}
	if s.page, err = newPage(s.assets); err != nil {
		return nil, err
	}
	s.mux = s.routes()
	return s, nil
}

// ServeHTTP answers as Teams does, and below /_sim/ and at / for itself.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/" || strings.HasPrefix(r.URL.Path, "/_sim/") {
		s.mux.ServeHTTP(w, r)
		return
	}
	s.serveWebhook(w, r)
}

// Close drops the runs that have not started and ends the page's streams, so
// that the server that serves it can shut down.
func (s *Simulator) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.runs.stop()
	for _, f := range s.flows {
		f.counts.UnderWay = 0
	}
	s.underWay = 0
	s.changedLocked()
}

// Settle waits until no run is under way.
func (s *Simulator) Settle(ctx context.Context) error {
	for {
		s.mu.Lock()
		if s.underWay == 0 || s.closed {
			s.mu.Unlock()
			return nil
		}
		changed := s.changedChanLocked()
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// SetLatency changes how long answers take from now on.
func (s *Simulator) SetLatency(l Latency) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.Latency = l
}

func (s *Simulator) changedLocked() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

func (s *Simulator) changedChanLocked() <-chan struct{} {
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// NoteKind says what a note is about.
type NoteKind string

// The kinds of notes.
const (
	NoteThrottled NoteKind = "throttled" // the front door turned a request away
	NoteRefused   NoteKind = "refused"   // a request that no flow takes
	NoteFault     NoteKind = "fault"     // an injected fault
	NoteFailed    NoteKind = "failed"    // a run that posted nothing, unseen by the client
	NoteTwice     NoteKind = "twice"     // a run that posted twice
	NoteLife      NoteKind = "life"      // the flow itself changed
)

// Note is a line about what happened behind or before the channel.
type Note struct {
	Seq   int64     `json:"seq"`
	At    time.Time `json:"at"`
	Kind  NoteKind  `json:"kind"`
	Told  string    `json:"told,omitempty"`  // what the client was told; empty: nothing, or it was not asked
	Truth string    `json:"truth,omitempty"` // what really happened
}

// Post is what stands in a channel.
type Post struct {
	Seq    int64     `json:"seq"`
	At     time.Time `json:"at"`
	RunID  string    `json:"runId"`
	Text   string    `json:"text"`
	Card   string    `json:"-"` // its JSON; empty: a plain text
	Blocks []Block   `json:"-"`
	Wide   bool      `json:"-"` // the card asks for the whole width
}

// transcript is the newest of what happened in a channel.
type transcript struct {
	posts []Post
	notes []Note
}

func (s *Simulator) noteLocked(f *flow, n Note) {
	s.seq++
	n.Seq, n.At = s.seq, time.Now()
	f.transcript.notes = keep(f.transcript.notes, n, keptNotes)
	s.changedLocked()
}

func (s *Simulator) postLocked(f *flow, p Post) {
	s.seq++
	p.Seq, p.At = s.seq, time.Now()
	f.transcript.posts = keep(f.transcript.posts, p, keptPosts)
	f.counts.Posts++
	s.changedLocked()
}

// keep appends to the newest n of a list.
func keep[T any](list []T, item T, n int) []T {
	if len(list) < n {
		return append(list, item)
	}
	copy(list, list[1:])
	list[len(list)-1] = item
	return list
}

// Posts returns what stands in a flow's channel, oldest first.
func (s *Simulator) Posts(id FlowID) []Post {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.byID[id]
	if f == nil {
		return nil
	}
	return append([]Post(nil), f.transcript.posts...)
}

// Notes returns what happened behind and before a flow's channel, oldest first.
func (s *Simulator) Notes(id FlowID) []Note {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.byID[id]
	if f == nil {
		return nil
	}
	return append([]Note(nil), f.transcript.notes...)
}
