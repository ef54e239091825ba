package outbound_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/outbound"
)

func TestRequestLineKeepsEveryByte(t *testing.T) {
	lines := make(chan string, 1)
	s := newRaw(t, func(_ *rawServer, conn net.Conn) {
		r := bufio.NewReader(conn)
		line, _ := r.ReadString('\n')
		lines <- strings.TrimSpace(line)
		_, _ = io.WriteString(conn, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		hang(conn)
	})
	c := newClient(t, outbound.Options{Trusted: []string{s.origin}})

	for _, target := range []string{
		"/workflows/0a/triggers/manual/paths/invoke" + query,
		"/powerautomate/automations/direct/cu/07/workflows/0a/triggers/manual/paths/invoke/?sp=%2ftriggers%2Fmanual&sig=a%2Bb_c-d",
		"/a%2Fb/%41/%7e?x=%zz;y=1&&=", "/a;b=1/(c)'d'!*@$,:/\"<>^`{|}", "/?", "/", "//double/slash?x", "/a//b/../c/./d", "/x?a=b?c=/d//e",
	} {
		resp, failure := c.Do(t.Context(), newRequest(t, s.origin+target, "body"))
		if failure != nil || resp.Status != 202 {
			t.Fatalf("%s: %+v, %+v", target, resp, failure)
		}
		if got, want := <-lines, "POST "+target+" HTTP/1.1"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestRequestCarriesNothingUnasked(t *testing.T) {
	var got http.Header
	var body string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, body = r.Header.Clone(), string(b)
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(srv.Close)
	c := newClient(t, outbound.Options{Trusted: []string{srv.URL}})

	for range 2 { // a cookie would come the second time
		req := newRequest(t, srv.URL+"/x"+query, "Grüße")
		req.Header.Set("User-Agent", "test")
		if _, failure := c.Do(t.Context(), req); failure != nil {
			t.Fatal(failure)
		}
	}

	if len(got) != 2 || got.Get("User-Agent") != "test" || got.Get("Content-Length") != "7" || body != "Grüße" {
		t.Errorf("the server got %v and %q", got, body)
	}
}

func TestURLWithStrangeBytesIsRefused(t *testing.T) {
	for _, u := range []string{
		"", " ", "https://a.example/x y" + query, "https://a.example/x\r\nHost: b" + query, "https://a.example/x\x00" + query, "https://a.example\\@b.example/x" + query,
		"https://a.example/ä" + query, "https://a.example/x" + query + "#f", "https://a.example:port/x" + query, "https:///x" + query, "https:a.example/x" + query, "https://[::1/x" + query,
	} {
		_, err := outbound.NewRequest(http.MethodPost, u, nil)
		if err == nil {
			t.Errorf("%q is taken", u)
		} else if strings.Contains(err.Error(), "example") || strings.Contains(err.Error(), "sig") {
			t.Errorf("the error quotes the URL: %v", err)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	for _, to := range []string{"http://169.254.169.254/latest/meta-data/", "/elsewhere", "//127.0.0.1:1/"} {
		calls := 0
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls++
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
		}))
		t.Cleanup(srv.Close)

		resp, failure := post(t, outbound.Options{}, srv.URL)

		if failure != nil || resp.Status != http.StatusTemporaryRedirect || calls != 1 {
			t.Errorf("%s: got %+v, %+v after %d calls", to, resp, failure, calls)
		}
	}
}

// TestMain names a proxy that nobody serves: net/http reads it once per process
// and never asks it for loopback addresses.
func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY"} {
		if err := os.Setenv(name, "http://127.0.0.1:1"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func TestProxyOfTheEnvironmentIsIgnored(t *testing.T) {
	resolver := nameServer(t, func(string) netip.Addr { return netip.MustParseAddr("127.0.0.1") })
	ln := answering("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
	s := newRaw(t, ln)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(s.origin, "http://"))

	resp, failure := post(t, outbound.Options{Resolver: resolver}, "http://teams.example:"+port)

	if failure != nil || resp.Status != 202 {
		t.Errorf("got %+v, %+v", resp, failure)
	}
}

func TestBodyIsCutAtItsLimitAndTheConnectionDropped(t *testing.T) {
	for claim, tc := range map[string]struct {
		size, want int
		reused     bool
	}{
		"up to the limit": {64 << 10, 64 << 10, true},
		"one byte more":   {64<<10 + 1, 64 << 10, false},
		"10 MB":           {10_000_000, 64 << 10, false},
	} {
		t.Run(claim, func(t *testing.T) {
			conns := newCounter()
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write(make([]byte, tc.size))
			}))
			srv.Config.ConnState = conns.state
			srv.Start()
			t.Cleanup(srv.Close)
			c := newClient(t, outbound.Options{Trusted: []string{srv.URL}})

			for range 2 {
				resp, failure := c.Do(t.Context(), newRequest(t, srv.URL+"/x", "body"))
				if failure != nil || resp.Status != 200 || len(resp.Body) != tc.want {
					t.Fatalf("got %+v, want %d bytes", failure, tc.want)
				}
			}
			if got := conns.opened(); got == 1 != tc.reused {
				t.Errorf("two calls took %d connections, want reuse=%v", got, tc.reused)
			}
		})
	}
}

func TestGzipStaysPacked(t *testing.T) {
	bomb := "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + strings.Repeat("\xff", 5000)
	var asked string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Header.Get("Accept-Encoding")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, bomb)
	}))
	t.Cleanup(srv.Close)

	resp, failure := post(t, outbound.Options{}, srv.URL)

	if failure != nil || string(resp.Body) != bomb || asked != "" {
		t.Errorf("got %d bytes, %+v; asked for %q", len(resp.Body), failure, asked)
	}
}

func TestHTTP2IsSpoken(t *testing.T) {
	var proto, path string
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proto, path = r.Proto, r.RequestURI
		w.WriteHeader(http.StatusAccepted)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)

	resp, failure := post(t, outbound.Options{RootCAs: poolOf(srv)}, srv.URL)

	if failure != nil || resp.Status != 202 || proto != "HTTP/2.0" || path != "/x"+query {
		t.Errorf("got %+v, %+v over %s for %s", resp, failure, proto, path)
	}
}

func TestStrangerIsCalledThroughTheGuard(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host)
	}))
	cert, pool := certificate(t, time.Now().Add(time.Hour), "teams.example")
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	resolver := nameServer(t, func(string) netip.Addr { return netip.MustParseAddr("127.0.0.1") })
	c := newClient(t, outbound.Options{Resolver: resolver, RootCAs: pool})
	var judged []netip.Addr
	c.Unguard(port, func(a netip.Addr) bool { judged = append(judged, a); return true })

	resp, failure := c.Do(t.Context(), newRequest(t, "https://teams.example:"+port+"/x"+query, "body"))

	if failure != nil || string(resp.Body) != "teams.example:"+port {
		t.Fatalf("got %+v, %+v", resp, failure)
	}
	if len(judged) != 1 || judged[0] != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("the guard judged %v", judged)
	}
}

func TestBusyOriginReusesItsConnections(t *testing.T) {
	const sends = 2000
	conns := newCounter()
	var mu sync.Mutex
	arrived, all := 0, make(chan struct{})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		arrived++
		gate := all
		if arrived == sends {
			arrived, all = 0, make(chan struct{})
			close(gate)
		}
		mu.Unlock()
		<-gate
		w.WriteHeader(http.StatusAccepted)
	}))
	srv.Config.ConnState = conns.state
	srv.Start()
	t.Cleanup(srv.Close)
	c := newClient(t, outbound.Options{Trusted: []string{srv.URL}})

	var opened []int
	for range 3 {
		var wg sync.WaitGroup
		for range sends {
			wg.Go(func() {
				if _, failure := c.Do(t.Context(), newRequest(t, srv.URL+"/x", "body")); failure != nil {
					t.Errorf("%+v", failure)
				}
			})
		}
		wg.Wait()
		opened = append(opened, conns.opened())
	}

	if opened[0] != sends || opened[2] > sends+sends/100 {
		t.Errorf("connections opened after each round of %d sends at once: %v", sends, opened)
	}
}

func TestZeroOptionsHoldTheLimits(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := newRaw(t, answering(""))

	_, failure := newClient(t, outbound.Options{Trusted: []string{s.origin}}).Do(ctx, newRequest(t, s.origin+"/x", "body"))

	wantFailure(t, failure, outbound.KindShutdown, false)
	if s.total() != 0 {
		t.Error("a cancelled call was sent")
	}
}

func FuzzNewRequest(f *testing.F) {
	f.Add("https://a.example/workflows/x" + query)
	f.Add("//a/b")
	f.Add("http://a.example//x?#")
	f.Add("https://u:p@[::1%25lo]:443?%zz")
	f.Fuzz(func(t *testing.T, raw string) {
		req, err := outbound.NewRequest(http.MethodPost, raw, nil)
		if err != nil {
			return
		}
		uri := req.URL.RequestURI()
		if !strings.HasSuffix(raw, strings.TrimPrefix(uri, "/")) && !strings.HasPrefix(req.URL.EscapedPath(), "//") {
			t.Errorf("%q sends %q", raw, uri)
		}
		if !strings.HasPrefix(uri, "/") || strings.ContainsAny(uri, " \r\n\t\x00") {
			t.Errorf("%q sends %q", raw, uri)
		}
	})
}

func poolOf(srv *httptest.Server) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	return pool
}

// counter counts the connections that a server got.
type counter struct {
	mu sync.Mutex
	n  int
}

func newCounter() *counter { return &counter{} }

func (c *counter) state(_ net.Conn, s http.ConnState) {
	if s == http.StateNew {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.n++
	}
}

func (c *counter) opened() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func BenchmarkDo(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	b.Cleanup(srv.Close)
	c := newClient(b, outbound.Options{Trusted: []string{srv.URL}})
	b.ReportAllocs()
	for b.Loop() {
		if _, failure := c.Do(b.Context(), newRequest(b, srv.URL+"/x"+query, "body")); failure != nil {
			b.Fatal(fmt.Sprint(failure))
		}
	}
}
