package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

// spread is two nodes of one installation, and what people do on one of them.
type spread struct {
	*installation
	nodes           [2]*installation
	token, operator string
	texts           int
	slowest         time.Duration
}

func newSpread(t *testing.T, hooks int, flags ...string) *spread {
	t.Helper()
	in := installOnPostgres(t, fast(), hooks)
	in.trust = slices.Concat(in.trust, flags)
	s := &spread{installation: in, nodes: [2]*installation{in, in.another()}}
	s.token = s.say("token", "create", "--name", "test", "--organization", "Contoso", "--role", "admin")
	s.operator = s.say("token", "create", "--name", "operator", "--operator")
	for _, n := range s.nodes {
		n.start()
	}
	s.until("both nodes have their share", func() bool { held, nodes := s.shards(); return held == 64 && nodes == 2 })
	return s
}

// say runs a command and returns what it says.
func (s *spread) say(args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), s.bin, slices.Concat(args, s.where)...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, complaint.String())
	}
	return strings.TrimSpace(string(out))
}

// call makes a management call on a node.
func (s *spread) call(at *installation, token, method, path, body string, into any) int {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, at.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if into != nil && res.StatusCode < 300 {
		if err := json.NewDecoder(res.Body).Decode(into); err != nil {
			s.t.Fatal(err)
		}
	}
	return res.StatusCode
}

// change makes one that must go well.
func (s *spread) change(at *installation, token, method, path, body string, into any) {
	s.t.Helper()
	if status := s.call(at, token, method, path, body, into); status >= 300 {
		s.t.Fatalf("%s %s: %d", method, path, status)
	}
}

// within measures how long another node takes to know.
func (s *spread) within(what string, known func() bool) {
	s.t.Helper()
	began := time.Now()
	s.until(what, known)
	took := time.Since(began)
	s.slowest = max(s.slowest, took)
	if took > 3*time.Second { // a busy machine has its time
		s.t.Errorf("%s: only after %v, want within one second", what, took)
	}
}

// sendNew sends a text that nobody has sent before.
func (s *spread) sendNew(at *installation, h hook) (a answer, text string) {
	s.t.Helper()
	s.texts++
	text = fmt.Sprintf("text %d", s.texts)
	a, err := at.send(http.DefaultClient, h.id, text, "", "")
	if err != nil {
		s.t.Fatal(err)
	}
	return a, text
}

func (s *spread) posted(text string) bool {
	m, found := s.sim.Oracle().Find(text)
	return found && m.Posts == 1
}

// pauses: paused on one node, resumed on the other.
func (s *spread) pauses(from, to *installation, h hook) {
	s.change(from, s.token, http.MethodPost, "/api/v1/webhooks/"+h.id+"/pause", "", nil)
	var text string
	s.within("a webhook paused on another node holds its messages", func() bool {
		var a answer
		a, text = s.sendNew(to, h)
		return a.Status == "held"
	})
	<-time.After(500 * time.Millisecond)
	if s.posted(text) {
		s.t.Error("a message was posted although its webhook was paused on the other node")
	}
	s.change(to, s.token, http.MethodPost, "/api/v1/webhooks/"+h.id+"/resume", "", nil)
	s.within("what was held goes on when it is resumed", func() bool { return s.posted(text) })
}

// edits: the URL is changed on one node; the lane is one of either's.
func (s *spread) edits(from, to *installation, h hook) {
	target, err := s.sim.Change(h.flow, simulator.RotateSignature)
	if err != nil {
		s.t.Fatal(err)
	}
	a, text := s.sendNew(to, h)
	if a.Status != "held" {
		s.t.Errorf("with a URL that is no more: %q, want held", a.Status)
	}
	s.change(from, s.token, http.MethodPatch, "/api/v1/webhooks/"+h.id, fmt.Sprintf(`{"url":%q}`, s.teams.URL+target), nil)
	s.within("a new URL lets the webhook go on", func() bool { return s.posted(text) })
}

// keys: made and deleted on one node, used on the other.
func (s *spread) keys(from, to *installation, h hook, subscription string) {
	var made struct{ ID, LicenseKey, LicenseSecret string }
	of := "/api/v1/subscriptions/" + subscription + "/keys"
	s.change(from, s.token, http.MethodPost, of, `{"name":"app of a moment"}`, &made)
	app := *to
	app.key, app.secret = made.LicenseKey, made.LicenseSecret
	s.within("new keys are let in", func() bool { a, _ := s.sendNew(&app, h); return a.Status == "sent" })
	s.change(from, s.token, http.MethodDelete, of+"/"+made.ID, "", nil)
	s.within("deleted keys are refused", func() bool { a, _ := s.sendNew(&app, h); return a.HTTP == http.StatusUnauthorized })
}

// quotas: the operator changes one on one node.
func (s *spread) quotas(from, to *installation, h hook, subscription string) {
	of := "/api/v1/subscriptions/" + subscription
	s.change(from, s.operator, http.MethodPatch, of, `{"messageQuota":1}`, nil)
	s.within("a quota that is used up refuses", func() bool {
		a, _ := s.sendNew(to, h)
		return a.HTTP == http.StatusForbidden && strings.Contains(a.Problem, "message_quota_exhausted")
	})
	s.change(from, s.operator, http.MethodPatch, of, `{"messageQuota":0}`, nil)
	s.within("a larger quota lets messages in", func() bool { a, _ := s.sendNew(to, h); return a.Status == "sent" })
}

// browse asks a node for a page, or posts a form where there is one. It follows nothing.
func (s *spread) browse(at *installation, path string, cookies []*http.Cookie, form url.Values) *http.Response {
	s.t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, at.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range cookies {
		req.AddCookie(c)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// signIn makes an account by a link and returns the cookies of its session on a node.
func (s *spread) signIn(at *installation, email string) []*http.Cookie {
	s.t.Helper()
	said := s.say("user", "create", "--email", email, "--organization", "Contoso", "--role", "admin")
	res := s.browse(at, said[strings.Index(said, "/link/"):], nil, url.Values{"name": {"Mira"}, "password": {"correct horse battery staple"}})
	if res.StatusCode != http.StatusSeeOther || len(res.Cookies()) == 0 {
		s.t.Fatalf("the link answers %d, want a session", res.StatusCode)
	}
	return res.Cookies()
}

// sessions: begun and ended on one node, good on the other.
func (s *spread) sessions(from, to *installation, email string) {
	cookies := s.signIn(from, email)
	page := func() int { return s.browse(to, "/account", cookies, nil).StatusCode }
	s.within("a session is good on the other node", func() bool { return page() == http.StatusOK })
	s.browse(from, "/signout", cookies, url.Values{})
	s.within("a session that was ended is refused", func() bool { return page() == http.StatusSeeOther })
}

// streams: whatever node sends a lane, a page that is open on any of them hears of it.
func (s *spread) streams(subscription string) {
	cookies := s.signIn(s.nodes[0], "stream@contoso.example")
	var heard [2]atomic.Bool
	for i, n := range s.nodes {
		res := s.browse(n, "/console/events?instance="+subscription, cookies, nil)
		if kind := res.Header.Get("Content-Type"); kind != "text/event-stream" {
			s.t.Fatalf("the stream answers %d with %q", res.StatusCode, kind)
		}
		go func() {
			lines := bufio.NewScanner(res.Body)
			for lines.Scan() {
				heard[i].Store(heard[i].Load() || lines.Text() == "data: changed")
			}
		}()
	}
	<-time.After(2 * time.Second) // what happened before is told
	for i := range heard {
		heard[i].Store(false)
	}
	s.sendNew(s.nodes[0], s.hooks[0])
	s.within("pages that are open on either node hear of a message", func() bool { return heard[0].Load() && heard[1].Load() })
}

func TestWhatIsChangedOnOneNodeHoldsOnTheOtherWithinASecond(t *testing.T) {
	s := newSpread(t, 2)
	var of struct{ Subscription string }
	s.change(s.nodes[0], s.token, http.MethodGet, "/api/v1/webhooks/"+s.hooks[0].id, "", &of)

	for i, from := range s.nodes { // each way, so that one of them has the lane, and one has not
		to, h := s.nodes[1-i], s.hooks[i]
		s.edits(from, to, h)
		s.pauses(from, to, h)
		s.keys(from, to, h, of.Subscription)
		s.quotas(from, to, h, of.Subscription)
		s.sessions(from, to, fmt.Sprintf("person%d@contoso.example", i))
	}
	s.streams(of.Subscription)

	t.Logf("proof: two nodes: edits, pauses, keys, quotas, sessions and live pages hold on the other node within %v", s.slowest.Round(10*time.Millisecond))
}

func TestTheAPIsLimitHoldsForAllNodesTogether(t *testing.T) {
	const aSecond, seconds = 20, 4
	s := newSpread(t, 1, "--api-rate", fmt.Sprint(aSecond))
	<-time.After(time.Second) // each has heard of the other
	var let, refused atomic.Int64
	var all sync.WaitGroup
	end := time.Now().Add(seconds * time.Second)

	for i := range 8 { // four programs on each
		all.Go(func() {
			for n := 0; time.Now().Before(end); n++ {
				a, err := s.nodes[i%2].send(http.DefaultClient, s.hooks[0].id, fmt.Sprintf("text %d of %d", n, i), "", "respond-async")
				switch {
				case err != nil:
					t.Error(err)
					return
				case a.HTTP == http.StatusTooManyRequests:
					refused.Add(1)
					<-time.After(20 * time.Millisecond)
				default:
					let.Add(1)
				}
			}
		})
	}
	all.Wait()

	// What one pair of keys may do at once, of each node, comes on top.
	if n := let.Load(); n > aSecond*(seconds+2) || n < aSecond*seconds/2 || refused.Load() == 0 {
		t.Errorf("%d calls were let in within %d s by two nodes, %d refused; the limit is %d a second", n, seconds, refused.Load(), aSecond)
	}
	t.Logf("proof: two nodes: of a limit of %d calls a second %d were let in within %d s", aSecond, let.Load(), seconds)
}
