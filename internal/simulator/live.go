package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// streamEvery keeps a busy channel from drowning the browser.
	streamEvery = 100 * time.Millisecond
	// streamPosts is how many posts one step sends; of more, the newest.
	streamPosts = 100
	// keepAlive is how long a stream may be silent. Windows and pauses move on by themselves,
	// and the next event carries them.
	keepAlive = 5 * time.Second
)

// liveState is the part of the page that is numbers and words.
type liveState struct {
	Counts
	Window     int           `json:"window"`
	State      string        `json:"state"`
	StateClass string        `json:"stateClass"`
	Armed      string        `json:"armed"`
	Sender     string        `json:"sender"`
	Channels   []liveChannel `json:"channels"`
}

type liveChannel struct {
	ID    FlowID `json:"id"`
	Posts int    `json:"posts"`
	Off   bool   `json:"off"`
}

// step is what one turn of the stream sends.
type step struct {
	state  liveState
	posts  []postView
	notes  []noteView
	last   int64
	gap    bool // posts were left out: the page must be read anew
	closed bool
}

// serveEvents streams a channel: its new posts and notes as fragments of the
// page, and its numbers. It draws from the transcript, so that a slow browser
// costs no memory, and goes on where Last-Event-ID left off.
func (s *Simulator) serveEvents(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseInt(r.Header.Get("Last-Event-ID"), 10, 64)
	if err != nil {
		after, err = strconv.ParseInt(r.FormValue("after"), 10, 64)
	}
	id := FlowID(r.FormValue("flow"))
	if err != nil || !s.has(id) {
		http.Error(w, "flow and after (or Last-Event-ID) name what to stream", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	rc := http.NewResponseController(w)
	for {
		// A server's write timeout would cut the stream; one that can't be moved may do so.
		_ = rc.SetWriteDeadline(time.Now().Add(4 * keepAlive))
		st, changed := s.step(id, after)
		body, err := s.encode(st)
		if err != nil {
			s.opts.Logger.ErrorContext(r.Context(), "simulator event not drawn", "error", err)
			return
		}
		after = st.last
		if _, err := w.Write(body); err != nil || st.closed {
			return
		}
		if rc.Flush() != nil || !rest(r.Context(), changed) {
			return
		}
	}
}

// rest waits for a change, at least a little, and at most until a sign of life
// is due. It reports whether the client is still there.
func rest(ctx context.Context, changed <-chan struct{}) bool {
	if !wait(ctx, streamEvery) {
		return false
	}
	timer := time.NewTimer(keepAlive)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
		return false
	}
	return true
}

func (s *Simulator) has(id FlowID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[id] != nil
}

// step reads what is new after an entry and returns the channel that the next
// change closes.
func (s *Simulator) step(id FlowID, after int64) (step, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, now := s.byID[id], time.Now()
	st := step{last: s.seq, closed: s.closed}
	st.state = liveState{
		Counts: f.counts, Window: f.connection.posts.count(now, s.opts.Limits.RunWindow), Armed: s.armedLocked(f), Sender: f.sender,
	}
	st.state.State, st.state.StateClass = f.stateWords(now)
	for i, other := range s.flows {
		if i < shownChannels {
			st.state.Channels = append(st.state.Channels, liveChannel{ID: other.id, Posts: other.counts.Posts, Off: other.state != stateOn})
		}
	}
	posts := newer(f.transcript.posts, func(p Post) bool { return p.Seq > after })
	st.gap = len(posts) > streamPosts
	if !st.gap {
		for _, p := range posts {
			st.posts = append(st.posts, f.viewPost(p))
		}
	}
	for _, n := range newer(f.transcript.notes, func(n Note) bool { return n.Seq > after }) {
		st.notes = append(st.notes, noteView{n, stampOf(n.At)})
	}
	return st, s.changedChanLocked()
}

// newer is the end of a list that is sorted by age.
func newer[T any](list []T, isNew func(T) bool) []T {
	i := len(list)
	for i > 0 && isNew(list[i-1]) {
		i--
	}
	return list[i:]
}

func (s *Simulator) encode(st step) ([]byte, error) {
	var out, fragment bytes.Buffer
	event := func(kind, template string, data any) error {
		fragment.Reset()
		if err := s.page.ExecuteTemplate(&fragment, template, data); err != nil {
			return err
		}
		writeEvent(&out, kind, fragment.String())
		return nil
	}
	for _, p := range st.posts {
		if err := event("post", "post", p); err != nil {
			return nil, err
		}
	}
	for _, n := range st.notes {
		if err := event("note", "note", n); err != nil {
			return nil, err
		}
	}
	if st.gap {
		writeEvent(&out, "gap", "")
	}
	state, err := json.Marshal(st.state)
	if err != nil {
		return nil, err
	}
	_, _ = fmt.Fprintf(&out, "id: %d\n", st.last) // a buffer takes everything
	writeEvent(&out, "state", string(state))
	return out.Bytes(), nil
}

// writeEvent writes one event; every line end of the data begins a new data
// field, or it would end the event.
func writeEvent(out *bytes.Buffer, kind, data string) {
	out.WriteString("event: " + kind + "\n")
	data = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(data)
	for line := range strings.SplitSeq(data, "\n") {
		out.WriteString("data: " + line + "\n")
	}
	out.WriteString("\n")
}
