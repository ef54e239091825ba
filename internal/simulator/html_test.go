package simulator_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

func get(s http.Handler, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w
}

// naughty are hostile texts that others collected.
func naughty(t *testing.T) []string {
	t.Helper()
	file, err := os.ReadFile(shared(t, "badinput", "naughty.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	if err := json.Unmarshal(file, &all); err != nil || len(all) == 0 {
		t.Fatalf("%d texts (%v)", len(all), err)
	}
	return all
}

// escapeMarkdown is how a careful sender writes plain text into a TextBlock.
func escapeMarkdown(s string) string {
	return regexp.MustCompile(`[!-/:-@[-\x60{-~]`).ReplaceAllString(s, `\$0`)
}

func TestPageShowsHostileTextsHarmlessly(t *testing.T) {
	o := open()
	o.Limits.RunPosts = -1
	s := newTeams(t, o)
	id, target := s.AddFlow(simulator.Flow{})
	// What the page holds besides posts: tags and attributes of its own.
	tags := regexp.MustCompile(`<[a-zA-Z][^\s>]*`)
	frame := tagCounts(tags.FindAllString(get(s, "/").Body.String(), -1))
	hostile := naughty(t)
	for i, text := range hostile {
		s.Forget()
		text = strings.ReplaceAll(text, "\n", " ")
		send(s, target, envelope(escapeMarkdown(text)))
		send(s, target, `{"text":`+quote(t, text)+`}`)

		w := get(s, "/?flow="+string(id))
		page := w.Body.String()

		if posts := s.Posts(id); posts[len(posts)-2].Text != strings.TrimSuffix(text, "\u00a0") {
			t.Errorf("%d: shown as %q, want %q", i, posts[len(posts)-2].Text, text)
		}
		if !strings.Contains(html.UnescapeString(page), strings.ReplaceAll(text, "\x00", "\ufffd")) {
			t.Errorf("%d: the page does not show %q", i, text)
		}
		for tag, n := range tagCounts(tags.FindAllString(page, -1)) {
			switch tag {
			case "<li", "<article", "<span", "<svg", "<use", "<div", "<header", "<b", "<i", "<time", "<p": // a post's own
			default:
				if n != frame[tag] {
					t.Fatalf("%d: %d times %s in the page, want %d: %q broke out", i, n, tag, frame[tag], text)
				}
			}
		}
	}
	t.Logf("%d hostile texts", len(hostile))
}

func tagCounts(tags []string) map[string]int {
	n := map[string]int{}
	for _, t := range tags {
		n[t]++
	}
	return n
}

func quote(t *testing.T, s string) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPageForbidsInlineCode(t *testing.T) {
	s := newTeams(t, open())
	_, target := s.AddFlow(simulator.Flow{})
	send(s, target, envelope("hello"))

	w := get(s, "/")

	policy := w.Header().Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q, want default-src 'none' and nothing unsafe", policy)
	}
	if m := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script>|javascript:`).FindString(w.Body.String()); m != "" {
		t.Errorf("the page holds %q, which the policy forbids", m)
	}
}

func TestPageSaysHowToSend(t *testing.T) {
	s := newTeams(t, open())
	s.SetHints("", simulator.Hint{Label: "With curl", Line: `curl '<url>'`})
	without := get(s, "/").Body.String()
	id, _ := s.AddFlow(simulator.Flow{Team: "Finance", Channel: "Invoices"})
	general := get(s, "/").Body.String()
	s.SetHints(id, simulator.Hint{Label: "Here", Line: "send here"})
	own := get(s, "/").Body.String()

	for name, c := range map[string]struct{ page, want string }{
		"no channels":             {without, "curl &#39;&lt;url&gt;&#39;"},
		"a channel":               {general, "curl &#39;&lt;url&gt;&#39;"},
		"a channel with its own":  {own, "send here"},
		"an empty channel":        {own, "Nothing posted yet"},
		"the title":               {own, "<title>Invoices – Microsoft Teams, simulated</title>"},
		"no channels has a title": {without, "No channels yet"},
	} {
		if !strings.Contains(c.page, c.want) {
			t.Errorf("%s: the page lacks %q", name, c.want)
		}
	}
}

func TestFormsWorkWithoutScripts(t *testing.T) {
	for path, c := range map[string]struct {
		form   url.Values
		status int // of the next request to the webhook
	}{
		"/_sim/change":   {url.Values{"change": {"turn-off"}}, 400},
		"/_sim/faults":   {url.Values{"fault": {"500"}, "times": {"1"}}, 500},
		"/_sim/throttle": {url.Values{"seconds": {"10"}}, 429},
	} {
		s := newTeams(t, open())
		id, target := s.AddFlow(simulator.Flow{})
		c.form.Set("id", string(id))
		c.form.Set("view", "behind")
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(c.form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()

		s.ServeHTTP(w, r)

		if w.Code != 303 || w.Header().Get("Location") != "/?flow="+string(id)+"&view=behind" {
			t.Errorf("%s: %d to %q, want 303 back to the channel", path, w.Code, w.Header().Get("Location"))
		}
		if got := send(s, target, envelope("x")).Code; got != c.status {
			t.Errorf("%s: the next request got %d, want %d", path, got, c.status)
		}
	}
}

func TestOtherSitesCannotPressButtons(t *testing.T) {
	s := newTeams(t, open())
	id, target := s.AddFlow(simulator.Flow{})
	r := httptest.NewRequest(http.MethodPost, "/_sim/change", strings.NewReader("id="+string(id)+"&change=delete"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()

	s.ServeHTTP(w, r)

	if got := send(s, target, envelope("x")).Code; w.Code != 403 || got != 202 {
		t.Errorf("the button answered %d, the flow then %d; want 403, 202", w.Code, got)
	}
}

func TestCallsOverHTTP(t *testing.T) {
	s := newTeams(t, open())
	post := func(path, body string) (int, map[string]any) {
		w := send(s, path, body)
		var answer map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%s: %d %q: %v", path, w.Code, w.Body, err)
		}
		return w.Code, answer
	}

	_, flow := post("/_sim/flows", `{"team":"Finance","channel":"Invoices","serial":true}`)
	id, target := fmt.Sprint(flow["id"]), fmt.Sprint(flow["target"])
	post("/_sim/faults", `{"id":"`+id+`","fault":"408","times":1}`)
	first, second := send(s, target, envelope("hello")).Code, send(s, target, envelope("hello")).Code
	_, moved := post("/_sim/change", `{"id":"`+id+`","change":"rotate-signature"}`)
	var report simulator.Report
	if err := json.Unmarshal(get(s, "/_sim/state").Body.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	post("/_sim/forget", `{}`)

	m, _ := report.Find("hello")
	if first != 408 || second != 202 || m.Posts != 1 || report.Flows[0].Target != moved["target"] || moved["target"] == target {
		t.Errorf("answers %d, %d; oracle %+v; target %v; want 408, 202, one post, a new target", first, second, report, moved)
	}
	if got := s.Oracle().Total.Posts; got != 0 {
		t.Errorf("%d posts after forget, want 0", got)
	}
	for body, want := range map[string]int{
		`{"id":"nobody","change":"turn-off"}`: 404, `{"id":"` + id + `","change":"explode"}`: 404, `{"no":1}`: 400, `[`: 400,
	} {
		if got, answer := post("/_sim/change", body); got != want || answer["error"] == "" {
			t.Errorf("change with %s: %d %v, want %d and why", body, got, answer, want)
		}
	}
}

// stream reads events until it has seen the wanted kinds.
func stream(t *testing.T, url, lastID string, kinds int) (events []string, last string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read as far as wanted
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	var kind string
	var data []string
	for len(events) < kinds && lines.Scan() {
		if strings.Contains(lines.Text(), "\r") {
			t.Errorf("%q holds a line end that would cut the event", lines.Text())
		}
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "event":
			kind = value
		case "id":
			last = value
		case "data":
			data = append(data, value)
		case "":
			events = append(events, kind+" "+strings.Join(data, "\n"))
			kind, data = "", nil
		}
	}
	return events, last
}

func TestStreamIsLiveAndGoesOnWhereItWas(t *testing.T) {
	s := newTeams(t, open())
	id, target := s.AddFlow(simulator.Flow{})
	server := httptest.NewServer(s)
	defer server.Close()
	defer s.Close()
	url := server.URL + "/_sim/events?flow=" + string(id) + "&after=0"
	send(s, target, envelope("first <b>\rline"))

	events, last := stream(t, url, "", 2)
	if len(events) != 2 || !strings.HasPrefix(events[0], "post ") || !strings.Contains(events[0], "first &lt;b&gt;") || !strings.HasPrefix(events[1], "state {") {
		t.Fatalf("got %q, want the post and the state", events)
	}
	send(s, target, envelope("second"))
	send(s, target, `{}`)
	events, _ = stream(t, url, last, 3)

	if len(events) != 3 || !strings.Contains(events[0], "second") || strings.Contains(events[0], "first") || !strings.HasPrefix(events[1], "note ") {
		t.Errorf("after the last id got %q, want the second post, a note, the state", events)
	}
	if !strings.Contains(events[2], `"failedRuns":1`) || !strings.Contains(events[2], `"posts":2`) {
		t.Errorf("the state is %q, want 2 posts and 1 failed run", events[2])
	}
}

func TestStreamEndsWithTheSimulator(t *testing.T) {
	s := newTeams(t, open())
	id, _ := s.AddFlow(simulator.Flow{})
	server := httptest.NewServer(s)
	defer server.Close()

	time.AfterFunc(50*time.Millisecond, s.Close)
	events, _ := stream(t, server.URL+"/_sim/events?flow="+string(id)+"&after=0", "", 1000)

	if len(events) == 0 || len(events) > 5 {
		t.Errorf("%d events, then the end; want a few", len(events))
	}
}

func TestStreamNeverPilesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open()
		o.Limits.RunPosts = -1
		s := newTeams(t, o)
		id, target := s.AddFlow(simulator.Flow{})
		ctx, cancel := context.WithCancel(t.Context())
		w := &flusher{}
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/_sim/events?flow="+string(id)+"&after=0", nil).WithContext(ctx))
		}()
		synctest.Wait()

		for i := range 150 {
			send(s, target, envelope(fmt.Sprint(i)))
		}
		wait(time.Second)
		cancel()
		<-done

		got := w.String()
		if posts, gaps := strings.Count(got, "event: post"), strings.Count(got, "event: gap"); posts != 0 || gaps != 1 {
			t.Errorf("of 150 posts at once %d were sent and %d gaps, want none and one gap", posts, gaps)
		}
	})
}

// flusher is a response that is read after the handler's end.
type flusher struct {
	bytes.Buffer
	header http.Header
}

func (f *flusher) Header() http.Header {
	if f.header == nil {
		f.header = http.Header{}
	}
	return f.header
}
func (*flusher) WriteHeader(int) {}
func (*flusher) Flush()          {}
