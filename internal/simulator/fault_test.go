package simulator_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/teamsconnector/teamsconnector/internal/simulator"
)

// seen is what a client saw of one request.
type seen struct {
	status  int // 0: no answer
	header  http.Header
	body    string
	err     error // of the call, or of reading the body
	took    time.Duration
	started time.Duration // until the status
}

func call(t *testing.T, client *http.Client, url, body string) seen {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return seen{err: err, took: time.Since(start)}
	}
	defer func() { _ = resp.Body.Close() }() // it is read
	got := seen{status: resp.StatusCode, header: resp.Header, started: time.Since(start)}
	b, err := io.ReadAll(resp.Body)
	got.body, got.err, got.took = string(b), err, time.Since(start)
	return got
}

// plainClient follows no redirects, unpacks nothing and makes a connection per call.
func plainClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 8 << 20},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

const stall = 300 * time.Millisecond

// faultCases say what a client sees of each fault; what becomes of the message
// is Fault.Runs.
func faultCases() map[simulator.Fault]func(seen) bool {
	answered := func(status int, with ...string) func(seen) bool {
		return func(g seen) bool {
			ok := g.err == nil && g.status == status
			for _, w := range with {
				ok = ok && strings.Contains(g.body, w)
			}
			return ok
		}
	}
	throttled := func(fits func(string) bool) func(seen) bool {
		return func(g seen) bool { return g.err == nil && g.status == 429 && fits(g.header.Get("Retry-After")) }
	}
	is := func(want string) func(string) bool { return func(got string) bool { return got == want } }
	broken := func(g seen) bool { return g.status == 0 && errors.Is(g.err, syscall.ECONNRESET) }
	led := func(status int, to string) func(seen) bool {
		return func(g seen) bool {
			return g.status == status && strings.HasSuffix(g.header.Get("Location"), to) && strings.HasPrefix(g.header.Get("Location"), "http://")
		}
	}
	legacy := "Microsoft Teams endpoint returned HTTP error "
	return map[simulator.Fault]func(seen) bool{
		simulator.SlowHeaders: func(g seen) bool { return g.status == 202 && g.started >= stall },
		simulator.SlowBody: func(g seen) bool {
			return g.status == 202 && g.started < stall && g.took >= stall*9/10 && len(g.body) == 30
		},
		simulator.HangThenReset:  func(g seen) bool { return broken(g) && g.took >= stall },
		simulator.ResetUnread:    broken,
		simulator.ResetAfterRead: broken,
		simulator.ServerError:    answered(500),
		simulator.ErrorAfterAll:  answered(500),
		simulator.RequestTimeout: answered(408),
		simulator.BadGatewayHTML: answered(502, "<html>"),
		simulator.NoResponse:     answered(502, `"NoResponse"`),
		simulator.Unavailable:    func(g seen) bool { return g.status == 503 && g.header.Get("Retry-After") == "2" },
		simulator.TruncatedBody:  func(g seen) bool { return g.status == 202 && errors.Is(g.err, io.ErrUnexpectedEOF) },
		simulator.HugeBody:       func(g seen) bool { return g.status == 200 && len(g.body) == 10<<20 },
		simulator.GzipBomb: func(g seen) bool {
			return g.status == 200 && g.header.Get("Content-Encoding") == "gzip" && len(g.body) < 128<<10
		},
		simulator.HeaderBomb:        func(g seen) bool { return g.status == 202 && len(g.header) > 64 },
		simulator.BadUTF8:           func(g seen) bool { return g.status == 200 && !utf8.ValidString(g.body) },
		simulator.StrangeStatus:     answered(999),
		simulator.TooLargeHTML:      answered(413, "<html>"),
		simulator.BadClaims:         answered(401, `"MisMatchingOAuthClaims"`),
		simulator.VersionGone:       answered(404, `"WorkflowTriggerVersionNotFound"`),
		simulator.SchemaMismatch:    answered(400, `"TriggerInputSchemaMismatch"`),
		simulator.Redirect:          led(302, "/_sim/trap"),
		simulator.RedirectKeep:      led(307, "/_sim/trap"),
		simulator.RedirectInside:    led(302, "http://169.254.169.254/latest/meta-data/"),
		simulator.LegacyThrottle:    answered(200, legacy+"429"),
		simulator.LegacyTooLarge:    answered(200, legacy+"413"),
		simulator.LegacyRefused:     answered(200, legacy+"400"),
		simulator.LegacyGone:        answered(200, legacy+"403"),
		simulator.LegacyError:       answered(200, legacy+"500"),
		simulator.LegacyThrown:      answered(200, "HttpRequestException"),
		simulator.ThrottleSeconds:   throttled(is("2")),
		simulator.ThrottleLong:      throttled(is("600")),
		simulator.ThrottleAbsent:    throttled(is("")),
		simulator.ThrottleMalformed: throttled(is("soon")),
		simulator.ThrottleDate:      throttled(func(s string) bool { at, err := http.ParseTime(s); return err == nil && time.Until(at) > time.Second }),
		simulator.RunLost:           answered(202),
		simulator.RunTwice:          answered(202),
	}
}

func TestEachFaultIsAsItsNameSays(t *testing.T) {
	cases := faultCases()
	for _, fault := range simulator.Faults() {
		if fault == simulator.ExpiredTLS {
			continue // needs a TLS listener: TestExpiredCertificate
		}
		t.Run(string(fault), func(t *testing.T) {
			looks, ok := cases[fault]
			if !ok {
				t.Fatal("the table does not say what this fault looks like")
			}
			o := open()
			o.Stall = stall
			s := newTeams(t, o)
			id, target := s.AddFlow(simulator.Flow{})
			server := httptest.NewServer(s)
			defer server.Close()
			if err := s.Inject(simulator.Injection{Fault: fault, Flow: id}); err != nil {
				t.Fatal(err)
			}

			got := call(t, plainClient(), server.URL+target, envelope("hello"))
			settle(t, s)

			if !looks(got) {
				t.Errorf("the client saw status %d, headers %v, %d bytes %.80q, error %v after %v",
					got.status, got.header, len(got.body), got.body, got.err, got.took)
			}
			checkAftermath(t, s, fault)
			if again := call(t, plainClient(), server.URL+target, envelope("after")); !strings.HasPrefix(string(fault), "429") && again.status != 202 {
				t.Errorf("the next request: %d (%v), want 202: one injection hits once", again.status, again.err)
			}
		})
	}
}

// checkAftermath compares what became of the message with what the fault says
// of itself.
func checkAftermath(t *testing.T, s *simulator.Simulator, fault simulator.Fault) {
	t.Helper()
	want, excused := 0, 0
	if fault.Runs() {
		want, excused = 1, 1
	}
	switch fault {
	case simulator.RunTwice:
		want = 2
	case simulator.RunLost:
		want, excused = 0, 0
	default:
	}
	r := s.Oracle()
	m, _ := r.Find("hello")
	if m.Posts != want || m.Excused != excused || r.Total.Posts != want || r.Flows[0].Duplicates != 0 {
		t.Errorf("posts %d, excused %d, unexcused %d; want %d, %d, 0", m.Posts, m.Excused, r.Flows[0].Duplicates, want, excused)
	}
	if r.Total.Faulty != 1 {
		t.Errorf("%d faulty requests counted, want 1", r.Total.Faulty)
	}
}

func TestExpiredCertificate(t *testing.T) {
	s := newTeams(t, open())
	_, target := s.AddFlow(simulator.Flow{})
	config, pool, err := s.TLS("127.0.0.1", "teams.example")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(s)
	server.TLS = config
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	defer server.Close()
	client := plainClient()
	client.Transport = &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	if err := s.Inject(simulator.Injection{Fault: simulator.ExpiredTLS}); err != nil {
		t.Fatal(err)
	}

	first := call(t, client, server.URL+target, envelope("first"))
	second := call(t, client, server.URL+target, envelope("second"))
	if err := s.Inject(simulator.Injection{Fault: simulator.ResetAfterRead}); err != nil {
		t.Fatal(err)
	}
	third := call(t, client, server.URL+target, envelope("third"))

	var invalid x509.CertificateInvalidError
	if !errors.As(first.err, &invalid) || invalid.Reason != x509.Expired {
		t.Errorf("first call: %v, want an expired certificate", first.err)
	}
	if second.status != 202 {
		t.Errorf("second call: %d (%v), want 202", second.status, second.err)
	}
	if !errors.Is(third.err, syscall.ECONNRESET) {
		t.Errorf("reset over TLS: %v, want a reset", third.err)
	}
}

func TestTrapCountsWhoFollowsARedirect(t *testing.T) {
	for _, fault := range []simulator.Fault{simulator.Redirect, simulator.RedirectKeep} {
		s := newTeams(t, open())
		_, target := s.AddFlow(simulator.Flow{})
		server := httptest.NewServer(s)
		if err := s.Inject(simulator.Injection{Fault: fault, Times: 2}); err != nil {
			t.Fatal(err)
		}

		call(t, plainClient(), server.URL+target, "{}")
		polite := s.Oracle().Total.RedirectsFollowed
		call(t, &http.Client{}, server.URL+target, "{}")
		server.Close()

		if got := s.Oracle().Total.RedirectsFollowed; polite != 0 || got != 1 {
			t.Errorf("%s: %d followed by one who does not, then %d by one who does; want 0, 1", fault, polite, got)
		}
	}
}

func TestFaultsStrikeAsArmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTeams(t, open())
		id, target := s.AddFlow(simulator.Flow{})
		_, other := s.AddFlow(simulator.Flow{})
		statuses := func(target string, n int) string {
			var got []string
			for range n {
				got = append(got, strconv.Itoa(send(s, target, envelope("x")).Code))
			}
			return strings.Join(got, " ")
		}
		inject := func(in simulator.Injection) {
			if err := s.Inject(in); err != nil {
				t.Error(err)
			}
		}

		inject(simulator.Injection{Fault: simulator.ServerError, Flow: id, Times: 2})
		inject(simulator.Injection{Fault: simulator.RequestTimeout, Flow: id})
		if a, b := statuses(other, 2), statuses(target, 4); a != "202 202" || b != "500 500 408 202" {
			t.Errorf("another flow %s, the flow %s; want 202 202, 500 500 408 202", a, b)
		}

		inject(simulator.Injection{Fault: simulator.ServerError, For: time.Minute})
		during := statuses(other, 1) + " " + statuses(target, 2)
		wait(time.Minute + time.Second)
		if after := statuses(target, 1); during != "500 500 500" || after != "202" {
			t.Errorf("for a minute: %s, then %s; want 500 500 500, then 202", during, after)
		}

		inject(simulator.Injection{Fault: simulator.ServerError, Rate: .25})
		if n := strings.Count(statuses(target, 1000), "500"); n < 200 || n > 300 {
			t.Errorf("at a rate of a quarter, %d of 1000 failed", n)
		}
		s.Clear(id)
		stays := strings.Count(statuses(target, 100), "500")
		s.Clear("")
		if gone := strings.Count(statuses(target, 100), "500"); stays == 0 || gone != 0 {
			t.Errorf("%d failed after clearing the flow, %d after clearing all; want some, none", stays, gone)
		}
	})
}

func TestUnknownNamesAreRefused(t *testing.T) {
	s := newTeams(t, open())
	id, _ := s.AddFlow(simulator.Flow{})
	_, changeErr := s.Change(id, "explode")
	_, flowErr := s.Target("nobody")

	for name, err := range map[string]error{
		"fault": s.Inject(simulator.Injection{Fault: "no-such"}), "flow of a fault": s.Inject(simulator.Injection{Fault: simulator.ServerError, Flow: "nobody"}),
		"change": changeErr, "flow": flowErr, "throttle": s.Throttle("nobody", time.Second),
	} {
		if !errors.Is(err, simulator.ErrUnknown) {
			t.Errorf("%s: %v, want ErrUnknown", name, err)
		}
	}
}

func TestClientThatLeavesExcusesTheDuplicate(t *testing.T) {
	o := open()
	o.Latency = simulator.Latency{Fixed: time.Hour}
	s := newTeams(t, o)
	_, target := s.AddFlow(simulator.Flow{})
	gone, leave := context.WithCancel(t.Context())
	leave()

	s.ServeHTTP(httptest.NewRecorder(), request("POST", target, envelope("hello")).WithContext(gone))
	s.SetLatency(simulator.Latency{})
	again := send(s, target, envelope("hello"))

	m, _ := s.Oracle().Find("hello")
	if again.Code != 202 || m.Posts != 2 || m.Excused != 1 || m.Duplicates() != 0 {
		t.Errorf("again %d, then %+v; want 202 and two posts of which one is excused", again.Code, m)
	}
}

func ExampleFaults() {
	fmt.Println(len(simulator.Faults()), simulator.ResetAfterRead.About(), simulator.ResetAfterRead.Runs())
	// Output: 38 accepted, then a reset true
}
