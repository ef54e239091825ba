package outbound_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/teamsconnector/teamsconnector/internal/outbound"
)

// A server that hangs up after each answer without saying so meets the next
// request in every state: gone before it, crossed with it, read and dropped.
func TestConnectionClosedMeanwhileNeverSendsTwice(t *testing.T) {
	for claim, hangUp := range map[string]func(net.Conn){
		"closed": func(c net.Conn) { _ = c.Close() },
		"reset":  reset,
		"a request late": func(c net.Conn) {
			r := bufio.NewReader(c)
			if _, err := http.ReadRequest(r); err == nil { // headers read, then gone
				_ = c.Close()
			}
		},
	} {
		t.Run(claim, func(t *testing.T) {
			s := newRaw(t, func(s *rawServer, c net.Conn) {
				if s.take(bufio.NewReader(c)) {
					_, _ = io.WriteString(c, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
					hangUp(c)
				}
			})
			c := newClient(t, outbound.Options{Trusted: []string{s.origin}})

			answers, unclear, unsent := 0, 0, 0
			for i := range 400 {
				body := fmt.Sprint("body ", i)
				resp, failure := c.Do(t.Context(), newRequest(t, s.origin+"/x"+query, body))
				checkFailure(t, failure)
				s.mu.Lock()
				seen := s.seen[body]
				s.mu.Unlock()
				switch {
				case seen > 1:
					t.Fatalf("%q reached the server %d times", body, seen)
				case resp != nil && seen != 1:
					t.Fatalf("%q has an answer and reached the server %d times", body, seen)
				case resp != nil:
					answers++
				case failure.Wrote:
					unclear++
				case seen > 0:
					t.Fatalf("%q reached the server, but the failure says that nothing was written", body)
				default:
					unsent++
				}
			}
			t.Logf("%d answers, %d unclear, %d unsent", answers, unclear, unsent)
		})
	}
}

// The connection from the pool is closed between its choice and the first byte:
// certainly nothing was sent, so another connection is taken.
func TestConnectionClosedBeforeTheFirstByteIsReplaced(t *testing.T) {
	hangUp, gone := make(chan struct{}), make(chan struct{}, 1)
	s := newRaw(t, func(s *rawServer, c net.Conn) {
		r := bufio.NewReader(c)
		for s.take(r) {
			_, _ = io.WriteString(c, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
			if _, again := <-hangUp; !again {
				continue
			}
			_ = tcp(c).CloseWrite()
			hang(c) // ends when the client has closed its side too
			gone <- struct{}{}
			return
		}
	})
	c := newClient(t, outbound.Options{Trusted: []string{s.origin}})
	if _, failure := c.Do(t.Context(), newRequest(t, s.origin+"/x", "first")); failure != nil {
		t.Fatal(failure)
	}
	conns := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		if conns++; conns == 1 {
			hangUp <- struct{}{}
			<-gone
			close(hangUp)
		}
	}})

	resp, failure := c.Do(ctx, newRequest(t, s.origin+"/x"+query, "second"))

	if failure != nil || resp.Status != 202 || conns != 2 || s.seen["second"] != 1 {
		t.Errorf("got %+v, %+v over %d connections; the server got it %d times", resp, failure, conns, s.seen["second"])
	}
}

// Go's HTTP/2 transport repeats a request after these when it can get its body
// again, although the server has read all of it.
func TestHTTP2RequestIsNeverRepeated(t *testing.T) {
	for claim, reply := range map[string]func(stream uint32) []byte{
		"protocol error": func(stream uint32) []byte { return frame(3, stream, 0, 0, 0, 1) },
		"refused stream": func(stream uint32) []byte { return frame(3, stream, 0, 0, 0, 7) },
		"internal error": func(stream uint32) []byte { return frame(3, stream, 0, 0, 0, 2) },
		"gone away":      func(uint32) []byte { return frame(7, 0, 0, 0, 0, 0, 0, 0, 0, 0) },
	} {
		t.Run(claim, func(t *testing.T) {
			s := newH2(t, reply)
			o := outbound.Options{Trusted: []string{s.origin}, RootCAs: s.pool, Total: 2 * time.Second}

			_, failure := newClient(t, o).Do(t.Context(), newRequest(t, s.origin+"/x"+query, "body"))

			checkFailure(t, failure)
			wantFailure(t, failure, outbound.KindBroken, true)
			if got := s.count(); got != 1 {
				t.Errorf("the server got the request %d times", got)
			}
		})
	}
}

func TestRevokedBodyGivesNoByte(t *testing.T) {
	untouched := outbound.NewSent(io.NopCloser(strings.NewReader("body")))
	if untouched.Revoke() {
		t.Error("a byte of an untouched body is on its way")
	}
	if got, err := io.ReadAll(untouched); len(got) > 0 || err == nil {
		t.Errorf("a revoked body gave %q, %v", got, err)
	}

	begun := outbound.NewSent(io.NopCloser(strings.NewReader("body")))
	if _, err := begun.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if !begun.Revoke() {
		t.Error("no byte of a body that was read is on its way")
	}
	if got, err := io.ReadAll(begun); string(got) != "ody" || err != nil {
		t.Errorf("a body under way ended with %q, %v", got, err)
	}
}

func TestManySendsAtOnceReachTheServerOnceEach(t *testing.T) {
	s := newRaw(t, func(s *rawServer, c net.Conn) {
		r := bufio.NewReader(c)
		for range 5 {
			if !s.take(r) {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
		}
	})
	c := newClient(t, outbound.Options{Trusted: []string{s.origin}})

	var wg sync.WaitGroup
	for g := range 20 {
		wg.Go(func() {
			for i := range 50 {
				body := fmt.Sprint(g, "/", i)
				resp, failure := c.Do(t.Context(), newRequest(t, s.origin+"/x", body))
				if resp == nil && failure.Kind != outbound.KindBroken {
					t.Errorf("%+v", failure)
				}
			}
		})
	}
	wg.Wait()

	s.mu.Lock()
	defer s.mu.Unlock()
	for body, n := range s.seen {
		if n != 1 {
			t.Errorf("%q reached the server %d times", body, n)
		}
	}
}

// h2 is an HTTP/2 server, as little of one as shows whether a request comes twice.
type h2 struct {
	*rawServer
	pool *x509.CertPool
}

func newH2(t *testing.T, reply func(stream uint32) []byte) *h2 {
	t.Helper()
	cert, pool := certificate(t, time.Now().Add(time.Hour), "teams.example")
	config := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}}
	raw := newRaw(t, func(s *rawServer, plain net.Conn) {
		c := tls.Server(plain, config)
		r := bufio.NewReader(c)
		if _, err := io.ReadFull(r, make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
			return
		}
		_, _ = c.Write(frame(4, 0))
		for {
			head := make([]byte, 9)
			if _, err := io.ReadFull(r, head); err != nil {
				return
			}
			size := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
			if _, err := io.CopyN(io.Discard, r, int64(size)); err != nil {
				return
			}
			stream := binary.BigEndian.Uint32(head[5:])
			if kind, flags := head[3], head[4]; kind <= 1 && flags&1 == 1 { // DATA or HEADERS that end the stream
				s.mu.Lock()
				s.seen["body"]++
				s.mu.Unlock()
				_, _ = c.Write(reply(stream))
			}
		}
	})
	raw.origin = "https" + raw.origin[len("http"):]
	return &h2{raw, pool}
}

func (s *h2) count() int { return s.total() }

func frame(kind byte, stream uint32, payload ...byte) []byte {
	b := []byte{0, 0, byte(len(payload)), kind, 0}
	b = binary.BigEndian.AppendUint32(b, stream)
	return append(b, payload...)
}
