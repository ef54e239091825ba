package outbound_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/outbound"
)

// query is a part of every URL here that no error may show.
const query = "?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sig=Hush-Hush_123"

func newClient(t testing.TB, o outbound.Options) *outbound.Client {
	t.Helper()
	c := outbound.New(o)
	t.Cleanup(c.Close)
	return c
}

func newRequest(t testing.TB, url string, body string) *http.Request {
	t.Helper()
	req, err := outbound.NewRequest(http.MethodPost, url, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// post makes one call with everything at its origin trusted.
func post(t *testing.T, o outbound.Options, origin string) (*outbound.Response, *outbound.Failure) {
	t.Helper()
	o.Trusted = append(o.Trusted, origin)
	resp, failure := newClient(t, o).Do(t.Context(), newRequest(t, origin+"/x"+query, "body"))
	checkFailure(t, failure)
	return resp, failure
}

func checkFailure(t *testing.T, f *outbound.Failure) {
	t.Helper()
	if f == nil {
		return
	}
	if f.Err == nil || f.Kind == "" {
		t.Fatalf("a failure without a kind or a text: %+v", f)
	}
	for _, secret := range []string{"sig", "Hush", "triggers", "/x", "echo"} {
		if strings.Contains(fmt.Sprintf("%v %+v %#v", f.Err, f.Err, f.Err), secret) {
			t.Errorf("the failure shows %q: %v", secret, f.Err)
		}
	}
}

func wantFailure(t *testing.T, f *outbound.Failure, kind outbound.Kind, wrote bool) {
	t.Helper()
	if f == nil {
		t.Fatalf("got an answer, want %s", kind)
	}
	if f.Kind != kind || f.Wrote != wrote {
		t.Errorf("got %s wrote=%v (%v), want %s wrote=%v", f.Kind, f.Wrote, f.Err, kind, wrote)
	}
}

// rawServer serves each connection with serve, which gets what net/http hides:
// the connection. It counts whole requests that take read.
type rawServer struct {
	origin string
	mu     sync.Mutex
	seen   map[string]int // bodies
}

func newRaw(t *testing.T, serve func(s *rawServer, conn net.Conn)) *rawServer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &rawServer{origin: "http://" + ln.Addr().String(), seen: map[string]int{}}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			wg.Go(func() {
				defer stop()
				defer func() { _ = conn.Close() }()
				serve(s, conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		cancel()
		wg.Wait()
	})
	return s
}

// take reads one whole request off a connection.
func (s *rawServer) take(r *bufio.Reader) bool {
	req, err := http.ReadRequest(r)
	if err != nil {
		return false
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[string(body)]++
	return true
}

func (s *rawServer) total() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, count := range s.seen {
		n += count
	}
	return n
}

// answering takes one request and writes an answer as it is.
func answering(answer string) func(*rawServer, net.Conn) {
	return func(s *rawServer, conn net.Conn) {
		if s.take(bufio.NewReader(conn)) {
			_, _ = io.WriteString(conn, answer)
		}
	}
}

// hang reads until the client hangs up.
func hang(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// reset closes a connection with RST.
func reset(conn net.Conn) {
	_ = tcp(conn).SetLinger(0)
	_ = conn.Close()
}

// nameServer answers every question for an IPv4 address with what say returns.
func nameServer(t *testing.T, say func(name string) netip.Addr) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = pc.WriteTo(answer(buf[:n], say), from)
		}
	})
	t.Cleanup(func() {
		_ = pc.Close()
		wg.Wait()
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

func answer(question []byte, say func(string) netip.Addr) []byte {
	end := 12
	var labels []string
	for question[end] != 0 {
		labels = append(labels, string(question[end+1:end+1+int(question[end])]))
		end += 1 + int(question[end])
	}
	end += 5
	out := append([]byte{}, question[:end]...)
	out[2], out[3] = 0x81, 0x80
	clear(out[6:12])
	addr := say(strings.Join(labels, "."))
	if !addr.IsValid() {
		out[3] |= 3 // no such name
		return out
	}
	if binary.BigEndian.Uint16(question[end-4:]) == 1 {
		out[7] = 1
		out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		out = append(out, addr.AsSlice()...)
	}
	return out
}

// certificate makes one for the host that is valid until end, signed by itself.
func certificate(t *testing.T, end time.Time, hosts ...string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "echo sig"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: end.AddDate(-1, 0, 0), NotAfter: end, DNSNames: hosts, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// shared finds a folder of data that stands beside the project, or skips.
func shared(t *testing.T, path string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		found := filepath.Join(dir, "shared", path)
		if _, err := os.Stat(found); err == nil {
			return found
		} else if !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if dir == filepath.Dir(dir) {
			t.Skipf("shared/%s is not there", path)
		}
		dir = filepath.Dir(dir)
	}
}

// discard is for servers whose clients misbehave on purpose.
func discard(srv *httptest.Server) {
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
}

func tcp(conn net.Conn) *net.TCPConn {
	c, ok := conn.(*net.TCPConn)
	if !ok {
		panic("not TCP")
	}
	return c
}
