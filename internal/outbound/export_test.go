package outbound

import (
	"io"
	"net"
	"net/netip"
)

// Unguard lets the client dial what allow says, at any port, own addresses too:
// tests have no public server.
func (c *Client) Unguard(port string, allow func(netip.Addr) bool) {
	c.port = port
	c.guard.allow = allow
	c.guard.list = func() ([]net.Addr, error) { return nil, nil }
}

// Own makes the client believe these to be the addresses of its machine, and
// every address else to be public.
func (c *Client) Own(list func() ([]net.Addr, error)) {
	c.guard.allow = func(netip.Addr) bool { return true }
	c.guard.list = list
}

// Sent is a request's body as a transport gets it.
type Sent = body

// NewSent makes a Sent.
func NewSent(src io.ReadCloser) *Sent { return &body{src: src} }

// Revoke reports whether a byte of it may be on its way.
func (b *body) Revoke() bool { return b.revoke() }
