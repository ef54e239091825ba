package outbound_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/outbound"
)

// quick are limits that a test can wait for.
func quick() outbound.Options {
	return outbound.Options{DialTimeout: time.Second, TLSTimeout: 200 * time.Millisecond, FirstByte: 200 * time.Millisecond, Total: 20 * time.Second}
}

func TestServerThatGivesNoAnswerIsAFailure(t *testing.T) {
	echo := "echo " + query + " \r\n"
	for claim, tc := range map[string]struct {
		serve func(*rawServer, net.Conn)
		kind  outbound.Kind
		took  int // whole requests
	}{
		"hangs":                     {func(s *rawServer, c net.Conn) { r := bufio.NewReader(c); s.take(r); hang(c) }, outbound.KindTimeout, 1},
		"drips its header":          {dripHeader, outbound.KindTimeout, 1},
		"hangs up after reading":    {func(s *rawServer, c net.Conn) { s.take(bufio.NewReader(c)) }, outbound.KindBroken, 1},
		"resets after reading":      {func(s *rawServer, c net.Conn) { s.take(bufio.NewReader(c)); reset(c) }, outbound.KindBroken, 1},
		"breaks in its header":      {answering("HTTP/1.1 202 Accepted\r\nX-Half"), outbound.KindBroken, 1},
		"speaks something else":     {answering(echo), outbound.KindBroken, 1},
		"has a header of 200 KB":    {answering("HTTP/1.1 200 OK\r\nX-Bomb: " + strings.Repeat("a", 200_000) + "\r\n\r\n"), outbound.KindBroken, 1},
		"has 100,000 header fields": {answering("HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 100_000) + "\r\n"), outbound.KindBroken, 1},
		"has a malformed header":    {answering("HTTP/1.1 200 OK\r\n" + echo + "\r\n\r\n"), outbound.KindBroken, 1},
		"sends 1xx without end":     {answering(strings.Repeat("HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n", 100_000)), outbound.KindBroken, 1},
	} {
		t.Run(claim, func(t *testing.T) {
			s := newRaw(t, tc.serve)

			o := quick()
			if tc.kind != outbound.KindTimeout {
				o.FirstByte = 10 * time.Second
			}
			start := time.Now()

			_, failure := post(t, o, s.origin)

			wantFailure(t, failure, tc.kind, true)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			if s.total() != tc.took {
				t.Errorf("the server got the request %d times, want %d", s.total(), tc.took)
			}
		})
	}
}

func dripHeader(s *rawServer, c net.Conn) {
	s.take(bufio.NewReader(c))
	_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX-Slow: ")
	drip(c, "a")
}

// drip writes a piece each 20 ms until the client hangs up.
func drip(c net.Conn, piece string) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := io.WriteString(c, piece); err != nil {
			return
		}
	}
}

func TestServerThatResetsAtOnceNeverCountsAsAnswer(t *testing.T) {
	s := newRaw(t, func(_ *rawServer, c net.Conn) { reset(c) })

	for range 50 { // the reset comes before, while or after the request is written
		_, failure := post(t, outbound.Options{}, s.origin)
		if failure == nil || failure.Kind != outbound.KindBroken && failure.Kind != outbound.KindConnect {
			t.Fatalf("got %+v", failure)
		}
		if failure.Kind == outbound.KindConnect && failure.Wrote {
			t.Errorf("no connection, but something was written: %v", failure.Err)
		}
	}
}

func TestAnswerWhoseBodyBreaksIsAnAnswer(t *testing.T) {
	for claim, serve := range map[string]func(*rawServer, net.Conn){
		"shorter than said": answering("HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\nX-Ms-Workflow-Run-Id: run\r\n\r\nhalf"),
		"truncated chunk":   answering("HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\nX-Ms-Workflow-Run-Id: run\r\n\r\n64\r\nhalf"),
		"broken chunk":      answering("HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\nX-Ms-Workflow-Run-Id: run\r\n\r\n4\r\nhalf\r\nzz\r\n"),
		"reset midway": func(s *rawServer, c net.Conn) {
			r := bufio.NewReader(c)
			s.take(r)
			_, _ = io.WriteString(c, "HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\nX-Ms-Workflow-Run-Id: run\r\n\r\nhalf")
			_, _ = r.ReadByte() // until the time is up
			reset(c)
		},
		"drips": func(s *rawServer, c net.Conn) {
			s.take(bufio.NewReader(c))
			_, _ = io.WriteString(c, "HTTP/1.1 202 Accepted\r\nContent-Length: 100000\r\nX-Ms-Workflow-Run-Id: run\r\n\r\nhalf")
			drip(c, ".")
		},
		"never ends": func(s *rawServer, c net.Conn) {
			s.take(bufio.NewReader(c))
			_, _ = io.WriteString(c, "HTTP/1.1 202 Accepted\r\nX-Ms-Workflow-Run-Id: run\r\n\r\nhalf")
			hang(c)
		},
	} {
		t.Run(claim, func(t *testing.T) {
			start := time.Now()

			resp, failure := post(t, outbound.Options{Total: time.Second}, newRaw(t, serve).origin)

			if failure != nil || resp.Status != 202 || !strings.HasPrefix(string(resp.Body), "half") || resp.Header.Get("x-ms-workflow-run-id") != "run" {
				t.Errorf("got %+v, %+v", resp, failure)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestSwitchingProtocolsDoesNotHoldTheCall(t *testing.T) {
	o := outbound.Options{Total: 5 * time.Second}
	s := newRaw(t, func(s *rawServer, c net.Conn) {
		s.take(bufio.NewReader(c))
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
		hang(c)
	})

	start := time.Now()
	resp, failure := post(t, o, s.origin)

	if failure != nil || resp.Status != http.StatusSwitchingProtocols || time.Since(start) > o.Total {
		t.Errorf("got %+v, %+v after %v", resp, failure, time.Since(start))
	}
}

func TestFailureBeforeAConnectionWroteNothing(t *testing.T) {
	closed := func(t *testing.T) string {
		t.Helper()
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = ln.Close()
		return ln.Addr().String()
	}
	silent := func(t *testing.T) string {
		t.Helper()
		return strings.TrimPrefix(newRaw(t, func(_ *rawServer, c net.Conn) { hang(c) }).origin, "http://")
	}
	plain := func(t *testing.T) string {
		t.Helper()
		return strings.TrimPrefix(newRaw(t, answering("")).origin, "http://")
	}
	talker := func(t *testing.T) string {
		t.Helper()
		return strings.TrimPrefix(newRaw(t, func(_ *rawServer, c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 400 echo "+query+"\r\n\r\n")
			hang(c)
		}).origin, "http://")
	}
	secure := func(end time.Time) func(t *testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			srv := httptest.NewUnstartedServer(http.NotFoundHandler())
			cert, _ := certificate(t, end, "teams.example")
			srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
			discard(srv)
			srv.StartTLS()
			t.Cleanup(srv.Close)
			return srv.Listener.Addr().String()
		}
	}
	for claim, tc := range map[string]struct {
		address func(*testing.T) string
		kind    outbound.Kind
		text    string
	}{
		"refused":           {closed, outbound.KindConnect, "connection refused"},
		"no such name":      {func(*testing.T) string { return "nobody.example:443" }, outbound.KindDNS, "no such host"},
		"silent on TLS":     {silent, outbound.KindTLS, "time limit reached"},
		"hangs up on TLS":   {plain, outbound.KindTLS, "closed"},
		"plain HTTP":        {talker, outbound.KindTLS, "does not speak TLS"},
		"expired":           {secure(time.Now().Add(-time.Hour)), outbound.KindTLS, "expired"},
		"unknown authority": {secure(time.Now().Add(time.Hour)), outbound.KindTLS, "unknown authority"},
	} {
		t.Run(claim, func(t *testing.T) {
			o := quick()
			o.Resolver = nameServer(t, func(string) netip.Addr { return netip.Addr{} })
			if claim != "silent on TLS" {
				o.TLSTimeout = 10 * time.Second
			}

			_, failure := post(t, o, "https://"+tc.address(t))

			wantFailure(t, failure, tc.kind, false)
			if !strings.Contains(failure.Err.Error(), tc.text) {
				t.Errorf("the failure does not say %q: %v", tc.text, failure.Err)
			}
		})
	}
}

func TestCertificateOfAnotherHostIsRefused(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	cert, pool := certificate(t, time.Now().Add(time.Hour), "teams.example")
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	discard(srv)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	o := outbound.Options{RootCAs: pool}
	o.Resolver = nameServer(t, func(string) netip.Addr { return netip.MustParseAddr("127.0.0.1") })
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())

	_, failure := post(t, o, "https://other.example:"+port)

	wantFailure(t, failure, outbound.KindTLS, false)
	if !strings.Contains(failure.Err.Error(), "another host") {
		t.Errorf("got %v", failure.Err)
	}
}

func TestTLSBelow12IsRefused(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	cert, pool := certificate(t, time.Now().Add(time.Hour), "teams.example")
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	discard(srv)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	o := outbound.Options{RootCAs: pool}

	_, failure := post(t, o, srv.URL)

	wantFailure(t, failure, outbound.KindTLS, false)
	if !strings.Contains(failure.Err.Error(), "protocol version") {
		t.Errorf("got %v", failure.Err)
	}
}

func TestSilentNameServerIsAFailureOfDNS(t *testing.T) {
	o := quick()
	o.DialTimeout = 100 * time.Millisecond
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	o.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}

	_, failure := post(t, o, "https://slow.example")

	wantFailure(t, failure, outbound.KindDNS, false)
}

func TestCancelledCallTellsWhetherItWasSent(t *testing.T) {
	t.Run("after the request was written", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := newRaw(t, func(s *rawServer, c net.Conn) {
			s.take(bufio.NewReader(c))
			cancel()
			hang(c)
		})
		c := newClient(t, outbound.Options{Trusted: []string{s.origin}})

		_, failure := c.Do(ctx, newRequest(t, s.origin+"/x"+query, "body"))

		wantFailure(t, failure, outbound.KindShutdown, true)
	})
	t.Run("while the TLS handshake hangs", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := newRaw(t, func(_ *rawServer, c net.Conn) {
			_, _ = io.ReadFull(c, make([]byte, 5))
			cancel()
			hang(c)
		})
		origin := "https" + strings.TrimPrefix(s.origin, "http")
		c := newClient(t, outbound.Options{Trusted: []string{origin}})

		_, failure := c.Do(ctx, newRequest(t, origin+"/x"+query, "body"))

		wantFailure(t, failure, outbound.KindShutdown, false)
	})
	t.Run("while the body comes", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := newRaw(t, func(s *rawServer, c net.Conn) {
			s.take(bufio.NewReader(c))
			_, _ = io.WriteString(c, "HTTP/1.1 202 Accepted\r\nContent-Length: 100000000\r\n\r\n")
			// More than the buffers of both sockets hold: the client has read the header when it is written.
			_, _ = c.Write(make([]byte, 32<<20))
			cancel()
			hang(c)
		})
		c := newClient(t, outbound.Options{Trusted: []string{s.origin}, MaxBody: 64 << 20})

		resp, failure := c.Do(ctx, newRequest(t, s.origin+"/x"+query, "body"))

		if failure != nil || resp.Status != 202 || len(resp.Body) == 0 {
			t.Errorf("got %+v after an answer", failure)
		}
	})
}

func TestCallersDeadlineIsATimeout(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	s := newRaw(t, func(s *rawServer, c net.Conn) { s.take(bufio.NewReader(c)); hang(c) })
	c := newClient(t, outbound.Options{Trusted: []string{s.origin}})

	_, failure := c.Do(ctx, newRequest(t, s.origin+"/x"+query, "body"))

	wantFailure(t, failure, outbound.KindTimeout, true)
}

func TestServerThatReadsNothingIsATimeout(t *testing.T) {
	s := newRaw(t, func(_ *rawServer, c net.Conn) { _ = tcp(c).SetReadBuffer(1024); <-t.Context().Done() })
	o := quick()
	o.Total = 400 * time.Millisecond
	o.Trusted = []string{s.origin}
	c := newClient(t, o)

	_, failure := c.Do(t.Context(), newRequest(t, s.origin+"/x"+query, strings.Repeat("x", 20_000_000)))

	wantFailure(t, failure, outbound.KindTimeout, true)
}

func TestFailureOfHTTP2IsAFailure(t *testing.T) {
	for claim, tc := range map[string]struct {
		serve http.HandlerFunc
		kind  outbound.Kind
	}{
		"stream is reset": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, outbound.KindBroken},
		"hangs":           {func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() }, outbound.KindTimeout},
		"header bomb": {func(w http.ResponseWriter, _ *http.Request) {
			for i := range 3000 {
				w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("b", 100))
			}
		}, outbound.KindBroken},
	} {
		t.Run(claim, func(t *testing.T) {
			srv := httptest.NewUnstartedServer(tc.serve)
			srv.EnableHTTP2 = true
			discard(srv)
			srv.StartTLS()
			t.Cleanup(srv.Close)
			o := quick()
			o.RootCAs = poolOf(srv)

			if tc.kind != outbound.KindTimeout {
				o.FirstByte = 10 * time.Second
			}
			start := time.Now()

			_, failure := post(t, o, srv.URL)

			wantFailure(t, failure, tc.kind, true)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}
