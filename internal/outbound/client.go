package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

// Options sets a Client up. The zero Options works.
type Options struct {
	// Trusted lists the operator's origins, scheme://host:port, that are called
	// although they are not https, not on port 443 or not public. Check them with
	// Origin: one that it refuses is never matched.
	Trusted []string
	// DialTimeout bounds name lookup and connecting; zero: 5 s.
	DialTimeout time.Duration
	// TLSTimeout bounds the TLS handshake; zero: 5 s.
	TLSTimeout time.Duration
	// FirstByte bounds the wait from the written request to the answer's whole header; zero: 10 s.
	FirstByte time.Duration
	// Total bounds a call from its start to the end of the answer's body; zero: 30 s.
	Total time.Duration
	// MaxBody is how much of an answer's body is read, in bytes; zero: 64 KiB.
	MaxBody int64
	// Resolver looks host names up; nil: the system's way.
	Resolver *net.Resolver
	// RootCAs are the authorities that certificates must come from; nil: the system's.
	RootCAs *x509.CertPool
}

const (
	// maxHeader bounds the header of an answer in bytes.
	maxHeader = 64 << 10
	// idleLife is shorter than the time after which servers hang up, so that a
	// request seldom meets a connection that is about to close.
	idleLife = 60 * time.Second
	// tries bounds how often a call takes another connection because the one from
	// the pool was closed before a byte of the body was sent.
	tries = 3
)

// Client makes HTTP calls. It follows no redirect, keeps no cookies, uses no
// proxy, decompresses nothing, and never sends a request twice. It may be used
// by many goroutines at once.
type Client struct {
	trusted map[string]bool
	port    string // of everybody who is not trusted
	total   time.Duration
	maxBody int64
	guard   *guard
	// public dials through the guard; local goes to trusted origins only.
	public, local *http.Transport
}

// Response is what a server answered.
type Response struct {
	Status int
	Header http.Header
	// Body is the beginning of the body, as it came over the wire. It is short when
	// the connection broke or the time was up midway.
	Body []byte
}

// New makes a client.
func New(o Options) *Client {
	c := &Client{
		trusted: make(map[string]bool), port: "443", guard: newGuard(),
		total:   or(o.Total, 30*time.Second),
		maxBody: or(o.MaxBody, 64<<10),
	}
	for _, raw := range o.Trusted {
		if origin, err := Origin(raw); err == nil {
			c.trusted[origin] = true
		}
	}
	guarded := dialer(o)
	guarded.ControlContext = c.guard.control
	c.public = transport(o, guarded)
	c.public.MaxIdleConns, c.public.MaxIdleConnsPerHost = 2048, 64
	c.local = transport(o, dialer(o))
	c.local.MaxIdleConns, c.local.MaxIdleConnsPerHost = 4096, 2048
	return c
}

func dialer(o Options) *net.Dialer {
	return &net.Dialer{Timeout: or(o.DialTimeout, 5*time.Second), Resolver: o.Resolver}
}

func transport(o Options, d *net.Dialer) *http.Transport {
	return &http.Transport{
		Proxy:                  nil, // the environment is not ours to obey
		DialContext:            d.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs, ClientSessionCache: tls.NewLRUClientSessionCache(1024)},
		TLSHandshakeTimeout:    or(o.TLSTimeout, 5*time.Second),
		ResponseHeaderTimeout:  or(o.FirstByte, 10*time.Second),
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		IdleConnTimeout:        idleLife,
		// A silent HTTP/2 connection would otherwise take request after request down.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
	}
}

// Close closes the connections that wait for their next use.
func (c *Client) Close() {
	c.public.CloseIdleConnections()
	c.local.CloseIdleConnections()
}

// Do makes one call: it returns either what the server answered, or a Failure.
// An answer whose body breaks midway is still an answer. The body of req is sent
// at most once, whatever happens.
func (c *Client) Do(ctx context.Context, req *http.Request) (*Response, *Failure) {
	if req.Body != nil {
		defer func() { _ = req.Body.Close() }() // a second Close at worst
	}
	rt, err := c.route(req.URL)
	if err != nil {
		return nil, &Failure{Kind: KindUntrusted, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, c.total)
	defer cancel()
	for try := 1; ; try++ {
		resp, stale, failure := c.attempt(ctx, rt, req)
		if !stale || try == tries {
			return resp, failure
		}
	}
}

// route chooses the transport by the URL: an origin is trusted as a whole, or
// the strict rules hold.
func (c *Client) route(u *url.URL) (*http.Transport, error) {
	if u == nil || u.Hostname() == "" {
		return nil, errors.New("the URL has no host")
	}
	if u.User != nil {
		return nil, errors.New("the URL has a user name in it")
	}
	if c.trusted[originOf(u)] {
		return c.local, nil
	}
	if u.Scheme != "https" {
		return nil, errors.New("only https is called")
	}
	if port := u.Port(); port != "" && port != c.port {
		return nil, fmt.Errorf("only port %s is called", c.port)
	}
	return c.public, nil
}

// attempt sends the request over one connection. It is stale when a connection
// from the pool turned out to be closed before anything was sent.
func (c *Client) attempt(ctx context.Context, rt *http.Transport, req *http.Request) (resp *Response, stale bool, failure *Failure) {
	var at atomic.Int32
	var reused atomic.Bool
	trace := &httptrace.ClientTrace{ // a dial may outlive its request: hence atomics
		TLSHandshakeStart: func() { at.CompareAndSwap(int32(stageStart), int32(stageTLS)) },
		GotConn: func(info httptrace.GotConnInfo) {
			at.Store(int32(stageConnected))
			reused.Store(info.Reused)
		},
	}
	out := req.WithContext(httptrace.WithClientTrace(ctx, trace))
	sent, err := once(req)
	if err != nil {
		return nil, false, &Failure{Kind: KindBroken, Err: errors.New("the request's body can't be read")}
	}
	out.GetBody = nil // with it, HTTP/2 repeats requests that the server may have seen
	if sent != nil {
		out.Body = sent
	}
	raw, err := rt.RoundTrip(out)
	if err == nil {
		defer func() { _ = raw.Body.Close() }() // nothing is to be lost any more
		return c.read(raw), false, nil
	}
	reached := stage(at.Load())
	wrote := reached == stageConnected
	if sent != nil {
		wrote = sent.revoke()
	}
	failure = failureOf(ctx, reached, wrote, err)
	return nil, failure.Kind == KindBroken && !wrote && reused.Load() && req.GetBody != nil, failure
}

// read takes what there is of an answer. A connection with more on it than is
// read is not used again: closing the body closes it.
func (c *Client) read(raw *http.Response) *Response {
	resp := &Response{Status: raw.StatusCode, Header: raw.Header}
	if raw.StatusCode == http.StatusSwitchingProtocols {
		return resp // its body is the connection, which nobody ends
	}
	// One byte beyond the limit tells whether the body ends there.
	data, _ := io.ReadAll(io.LimitReader(raw.Body, c.maxBody+1)) // a broken body: the status is known, what came is kept
	resp.Body = data[:min(int64(len(data)), c.maxBody)]
	return resp
}

// or returns the default where an option was left out.
func or[T int64 | time.Duration](value, otherwise T) T {
	if value <= 0 {
		return otherwise
	}
	return value
}
