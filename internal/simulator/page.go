package simulator

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/teamsconnector/teamsconnector/internal/look"
)

//go:embed page.gohtml
var pageSource string

//go:embed static
var embedded embed.FS

const (
	shownPosts    = 60  // at first; the rest by a link
	shownNotes    = 40  // newest first
	shownChannels = 200 // in the list of teams
	behindView    = "behind"
	teamsView     = "teams"
	// policy lets in our own files, and pictures as a card names them.
	policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

// staticFiles are the page's own, beside those of the look.
func staticFiles() fs.FS {
	files, err := fs.Sub(embedded, "static")
	if err != nil { // the name is a constant
		return embedded
	}
	return files
}

// page draws the channels. html/template rather than templ: it is one page of a
// tool beside the product, its fragments go over the stream as well, and it
// spares the room a generator.
type page struct{ *template.Template }

func newPage(assets *look.Assets) (*page, error) {
	p := &page{}
	icon := func(name string) (template.HTML, error) {
		var b strings.Builder
		err := p.ExecuteTemplate(&b, "icon", name)
		return template.HTML(b.String()), err //nolint:gosec // our own fragment, with a constant name
	}
	t, err := template.New("").Funcs(template.FuncMap{"asset": assets.URL, "icon": icon}).Parse(pageSource)
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	p.Template = t
	return p, nil
}

// Hint is a line that says how to send: a command that works.
type Hint struct{ Label, Line string }

// SetHints gives a flow's channel its lines; an empty flow, the page without
// channels and every channel without lines of its own.
func (s *Simulator) SetHints(id FlowID, hints ...Hint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.byID[id]; f != nil {
		f.hints = hints
	} else {
		s.hints = hints
	}
}

// SetSender gives a channel's page a sentence about what the sender still has for it; empty: none.
func (s *Simulator) SetSender(id FlowID, says string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.byID[id]; f != nil && f.sender != says {
		f.sender = says
		s.changedLocked()
	}
}

// pageView is all that the page shows.
type pageView struct {
	Title, View  string
	Teams        []teamView
	MoreChannels int
	Current      *channelView // nil: there are no channels
	Hints        []Hint
}

type teamView struct {
	Name, Initial string
	Channels      []channelLink
}

type channelLink struct {
	ID          FlowID
	Name        string
	Posts       int
	Current, On bool
}

type channelView struct {
	ID                            FlowID
	View                          string
	Team, Channel, Initial, Owner string
	About, State, StateClass, URL string
	Deleted                       bool
	Counts                        Counts
	Window, Limit, High           int
	WindowSeconds                 int
	Posts                         []postView
	Older                         int
	After                         int64 // the last entry that is on the page
	Notes                         []noteView
	Hints                         []Hint
	Sender                        string
	Main, More                    []button
	Faults                        []faultGroup
	Armed                         string
}

// stamp is a moment as people and machines read it.
type stamp struct{ ISO, Day, Clock string }

func stampOf(t time.Time) stamp {
	return stamp{ISO: t.Format(time.RFC3339Nano), Day: t.Format("2 January 2006, 15:04:05"), Clock: t.Format("15:04")}
}

type postView struct {
	Post
	stamp
	Author, Owner, Initials string
	AsUser                  bool
}

type noteView struct {
	Note
	stamp
}

func (s *Simulator) servePage(w http.ResponseWriter, r *http.Request) {
	v := s.view(r)
	var b bytes.Buffer
	if err := s.page.ExecuteTemplate(&b, "page", v); err != nil {
		s.opts.Logger.ErrorContext(r.Context(), "simulator page not drawn", "error", err)
		http.Error(w, "The page can't be drawn.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(b.Bytes()) // a client that left needs no page
}

func (s *Simulator) view(r *http.Request) pageView {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := pageView{Title: s.opts.Title, Hints: s.hints, View: viewOf(r)}
	if len(s.flows) == 0 {
		return v
	}
	current := s.byID[FlowID(r.FormValue("flow"))]
	if current == nil {
		current = s.flows[0]
	}
	for i, f := range s.flows {
		if i >= shownChannels {
			v.MoreChannels = len(s.flows) - i
			break
		}
		v.add(f, f == current)
	}
	shown := shownPosts
	if r.FormValue("all") != "" {
		shown = keptPosts
	}
	v.Current = s.channelLocked(current, shown)
	v.Current.View = v.View
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	v.Current.URL = scheme + r.Host + current.target()
	return v
}

func viewOf(r *http.Request) string {
	switch v := r.FormValue("view"); v {
	case behindView, teamsView:
		return v
	}
	return "conversation"
}

// add puts a flow's channel under its team, teams in the order of their first channel.
func (v *pageView) add(f *flow, current bool) {
	link := channelLink{ID: f.id, Name: f.Channel, Posts: f.counts.Posts, Current: current, On: f.state == stateOn}
	for i := range v.Teams {
		if v.Teams[i].Name == f.Team {
			v.Teams[i].Channels = append(v.Teams[i].Channels, link)
			return
		}
	}
	v.Teams = append(v.Teams, teamView{Name: f.Team, Initial: initial(f.Team), Channels: []channelLink{link}})
}

func (s *Simulator) channelLocked(f *flow, shown int) *channelView {
	c := &channelView{
		ID: f.id, Team: f.Team, Channel: f.Channel, Initial: initial(f.Team), Owner: f.Owner, About: f.about(),
		Deleted: f.state == stateDeleted, Counts: f.counts, After: s.seq, Hints: f.hints, Sender: f.sender, Armed: s.armedLocked(f),
		Window: f.connection.posts.count(time.Now(), s.opts.Limits.RunWindow), WindowSeconds: int(s.opts.Limits.RunWindow.Seconds()),
		Limit: s.opts.Limits.posts(f.AsUser), Faults: faultGroups(),
	}
	c.State, c.StateClass = f.stateWords(time.Now())
	c.Main, c.More = buttons(f)
	if c.Limit < 0 {
		c.Limit = max(c.Window, runPosts)
	}
	c.High = c.Limit * 4 / 5
	if len(c.Hints) == 0 {
		c.Hints = s.hints
	}
	posts := f.transcript.posts
	c.Older = max(0, len(posts)-shown)
	for _, p := range posts[c.Older:] {
		c.Posts = append(c.Posts, f.viewPost(p))
	}
	notes := f.transcript.notes
	for i := len(notes) - 1; i >= max(0, len(notes)-shownNotes); i-- {
		c.Notes = append(c.Notes, noteView{notes[i], stampOf(notes[i].At)})
	}
	return c
}

func (f *flow) viewPost(p Post) postView {
	v := postView{Post: p, stamp: stampOf(p.At), Author: "Workflows", Owner: f.Owner, AsUser: f.AsUser}
	if f.AsUser {
		v.Author = f.Owner
	}
	v.Initials = initials(v.Author)
	return v
}

func (f *flow) about() string {
	parts := []string{"Owned by " + f.Owner}
	if f.AsUser {
		parts = append(parts, "posts as its owner")
	} else {
		parts = append(parts, "posts as Flow bot")
	}
	if f.Serial {
		parts = append(parts, "one run at a time")
	}
	if f.Strict {
		parts = append(parts, "strict schema")
	}
	if f.Template2024 {
		parts = append(parts, "template of 2024")
	}
	if f.Confirmed {
		parts = append(parts, "answers after its post")
	}
	return strings.Join(parts, " · ")
}

func initial(name string) string {
	r, _ := utf8.DecodeRuneInString(name)
	return strings.ToUpper(string(r))
}

func initials(name string) string {
	var out string
	for i, word := range strings.Fields(name) {
		if i < 2 {
			out += initial(word)
		}
	}
	return out
}

// armedLocked names the faults that wait for a flow.
func (s *Simulator) armedLocked(f *flow) string {
	var names []string
	for _, in := range s.injections {
		if in.Flow != "" && in.Flow != f.id {
			continue
		}
		name := string(in.Fault)
		if in.Times > 1 {
			name += " × " + strconv.Itoa(in.Times)
		}
		if in.Rate > 0 {
			name += fmt.Sprintf(" at %g%%", in.Rate*100)
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}
