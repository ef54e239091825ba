package api_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/api"
	"github.com/teamsconnector/teamsconnector/internal/auth"
	"github.com/teamsconnector/teamsconnector/internal/keyring"
)

func TestEverythingUnderAPIIsAProblem(t *testing.T) {
	h := newHouse(t, api.Options{})
	for name, c := range map[string]struct {
		method, path string
		code         int
		problem      string
		allow        string
	}{
		"unknown path":        {"GET", "/api/v1/nope", 404, "not_found", ""},
		"the root":            {"GET", "/api/", 404, "not_found", ""},
		"message without id":  {"GET", "/api/v1/messages/", 404, "not_found", ""},
		"DELETE on messages":  {"DELETE", "/api/v1/messages", 405, "method_not_allowed", "POST, GET, HEAD"},
		"DELETE on a message": {"DELETE", "/api/v1/messages/msg_x", 405, "method_not_allowed", "GET, HEAD"},
		"unknown message":     {"GET", "/api/v1/messages/msg_00000000000000000000000000", 404, "message_not_found", ""},
		"no message id":       {"GET", "/api/v1/messages/%00'", 404, "message_not_found", ""},
	} {
		a := h.call(c.method, c.path, "")
		if a.code != c.code || a.Code != c.problem || a.header.Get("Allow") != c.allow {
			t.Errorf("%s: %d %s, Allow %q; want %d %s, %q", name, a.code, a.raw, a.header.Get("Allow"), c.code, c.problem, c.allow)
		}
	}
}

func TestMessageIsReadOnlyWithItsOwnLicense(t *testing.T) {
	h := newHouse(t, api.Options{})
	a := h.post(h.body(), "Prefer", "respond-async")
	f := newForeign(h)
	path := "/api/v1/messages/" + a.MessageID

	if got := h.call("GET", path, ""); got.code != 200 {
		t.Errorf("own license: %d %s", got.code, got.raw)
	}
	if got := h.call("GET", path, "", "Authorization", basic(f.key, f.secret)); got.code != 404 || got.Code != "message_not_found" {
		t.Errorf("other tenant: %d %s, want 404", got.code, got.raw)
	}
	if got := h.call("GET", path, "", "Authorization", "-"); got.code != 401 {
		t.Errorf("no license: %d, want 401", got.code)
	}
}

func TestRequestIDIsTakenOnlyWhenHarmless(t *testing.T) {
	h := newHouse(t, api.Options{})
	if got := h.call("GET", "/api/x", "", "X-Request-Id", "abc-1.2_3").RequestID; got != "abc-1.2_3" {
		t.Errorf("a good id came back as %q", got)
	}
	for _, bad := range []string{"a b", `"`, strings.Repeat("x", 129), "é", "a{}"} {
		if got := h.call("GET", "/api/x", "", "X-Request-Id", bad).RequestID; got == bad || got == "" {
			t.Errorf("%q came back as %q, want one of ours", bad, got)
		}
	}
	if !strings.Contains(h.log.String(), `"request_id":"abc-1.2_3"`) {
		t.Errorf("the id is not in the log:\n%s", h.log)
	}
}

func TestHostListHoldsForAllButProbes(t *testing.T) {
	h := newHouse(t, api.Options{AllowedHosts: []string{"Teams.example.com", "other.example:8080"}})
	for host, want := range map[string]int{
		"teams.example.com": 202, "TEAMS.example.com:443": 202, "other.example:8080": 202,
		"other.example": 421, "evil.example": 421, "teams.example.com.evil.example": 421,
	} {
		if a := h.post(h.body(), "Host", host, "Prefer", "respond-async"); a.code != want {
			t.Errorf("Host %s: %d %s, want %d", host, a.code, a.raw, want)
		}
	}
	if a := h.call("GET", "/healthz", "", "Host", "10.0.0.7:8080"); a.code != 200 {
		t.Errorf("/healthz by address: %d, want 200", a.code)
	}
}

func TestReadyzFollowsReady(t *testing.T) {
	var broken atomic.Bool
	h := newHouse(t, api.Options{Ready: func(context.Context) error {
		if broken.Load() {
			return errors.New("disk full at /secret/path")
		}
		return nil
	}})
	for _, c := range []struct {
		broken bool
		want   int
	}{{false, 200}, {true, 503}, {true, 503}, {false, 200}, {false, 200}} {
		broken.Store(c.broken)
		if a := h.call("GET", "/readyz", ""); a.code != c.want || strings.Contains(a.raw, "/secret") {
			t.Errorf("broken %v: %d %q, want %d without the cause", c.broken, a.code, a.raw, c.want)
		}
	}
	if log := h.log.String(); strings.Count(log, "node not ready") != 1 || strings.Count(log, "node ready again") != 1 {
		t.Errorf("the changes are not logged once each:\n%s", log)
	}
}

func TestPanicIsA500WithoutDetail(t *testing.T) {
	log := &syncBuffer{}
	// Without a store, asking whose keys these are panics.
	mux := http.NewServeMux()
	who := auth.New(nil, auth.Options{})
	api.New(nil, who, nil, api.Options{Logger: slog.New(slog.NewJSONHandler(log, nil))}).Mount(mux)
	rec := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodPost, "/api/v1/messages", strings.NewReader("{}"))
	key, secret, err := keyring.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(key, secret)

	mux.ServeHTTP(rec, req)

	if rec.Code != 500 || !strings.Contains(rec.Body.String(), `"code":"internal"`) || strings.Contains(rec.Body.String(), "nil pointer") {
		t.Errorf("answer is %d %s, want 500 internal without detail", rec.Code, rec.Body)
	}
	if !strings.Contains(log.String(), "handler panicked") || !strings.Contains(log.String(), "request_id") {
		t.Errorf("the log does not say it: %s", log)
	}
}

func TestAnswersCarrySecurityHeaders(t *testing.T) {
	h := newHouse(t, api.Options{})
	for _, path := range []string{"/api/v1/messages", "/api/nope", "/healthz"} {
		header := h.call("GET", path, "").header
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

// bounded serves a handler that reads its body and then works for longer than
// a request may take to arrive; it reports the error of the body and that of the context.
func bounded(t *testing.T) (addr string, ended <-chan [2]error) {
	t.Helper()
	const within = 100 * time.Millisecond
	both := make(chan [2]error, 1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := api.Server("", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		timer := time.NewTimer(3 * within)
		defer timer.Stop()
		select {
		case <-r.Context().Done():
		case <-timer.C:
		}
		both <- [2]error{err, r.Context().Err()}
	}), nil)
	if srv.ReadTimeout <= 0 || srv.ReadTimeout > 30*time.Second || srv.WriteTimeout <= api.MaxWait {
		t.Errorf("a request may take %v to arrive, its answer %v", srv.ReadTimeout, srv.WriteTimeout)
	}
	srv.ReadTimeout = within
	go func() { _ = srv.Serve(listener) }() // it ends with Close
	t.Cleanup(func() { _ = srv.Close() })
	return listener.Addr().String(), both
}

func TestReadTimeoutDoesNotCutTheWait(t *testing.T) {
	addr, ended := bounded(t)

	res, err := http.Post("http://"+addr, "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if got := <-ended; got[0] != nil || got[1] != nil {
		t.Errorf("the body ended with %v, the context with %v; want neither", got[0], got[1])
	}
}

func TestBodyThatDoesNotArriveIsGivenUp(t *testing.T) {
	addr, ended := bounded(t)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()

	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab"); err != nil {
		t.Fatal(err)
	}

	if got := <-ended; !errors.Is(got[0], os.ErrDeadlineExceeded) {
		t.Errorf("the body ended with %v, want a deadline", got[0])
	}
}

func TestBodyTooLargeIsAnsweredToACallerThatWritesItWhole(t *testing.T) {
	h := newHouse(t, api.Options{})
	for name, length := range map[string]string{"declared": "Content-Length: 900000\r\n\r\n", "chunked": "Transfer-Encoding: chunked\r\n\r\ndbba0\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", h.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			const first, second = 600_000, 300_000 // net/http reads 512 KiB of its own accord
			begin := "POST /api/v1/messages HTTP/1.1\r\nHost: h\r\nAuthorization: " + basic(h.key, h.secret) + "\r\n" + length + strings.Repeat("x", first)
			if _, err := io.WriteString(conn, begin); err != nil {
				t.Fatal(err)
			}
			<-time.After(800 * time.Millisecond) // net/http resets a connection that it closed after 500 ms
			if _, err := io.WriteString(conn, strings.Repeat("x", second)+"\r\n0\r\n\r\n"); err != nil {
				t.Errorf("the body could not be written: %v", err)
			}

			res, err := http.ReadResponse(bufio.NewReader(conn), nil)

			if err != nil || res.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("answer %v, %v; want 413", res, err)
			}
		})
	}
}

func TestHeaderBeyondItsLimitIsRefused(t *testing.T) {
	h := newHouse(t, api.Options{})
	request := func(size int) []byte {
		return []byte("GET /healthz HTTP/1.1\r\nHost: h\r\nX-A: " + strings.Repeat("a", size) + "\r\n\r\n")
	}
	for size, want := range map[int]int{16 << 10: 200, 64 << 10: 431} {
		if code, _ := raw(t, h.addr, request(size)); code != want {
			t.Errorf("a header of %d bytes: %d, want %d", size, code, want)
		}
	}
}
