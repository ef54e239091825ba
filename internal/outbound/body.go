package outbound

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// errRevoked never reaches a caller: it ends an attempt that was given up.
var errRevoked = errors.New("the request was given up before its body was sent")

// body is the one copy of a request's body that a transport may send. It knows
// whether a byte of it was taken, and can be revoked while none was.
type body struct {
	src io.ReadCloser

	mu      sync.Mutex
	taken   bool
	revoked bool
}

// once makes the copy of a request's body for one attempt; nil: it has none.
func once(req *http.Request) (*body, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	if req.GetBody == nil {
		return &body{src: req.Body}, nil
	}
	src, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	return &body{src: src}, nil
}

// Read gives bytes to the transport.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	if b.revoked {
		b.mu.Unlock()
		return 0, errRevoked
	}
	b.taken = true
	b.mu.Unlock()
	return b.src.Read(p)
}

// Close closes the source.
func (b *body) Close() error { return b.src.Close() }

// revoke reports whether a byte of the body may be on its way. If none is, none
// will be: the transport gets an error in its place.
func (b *body) revoke() (taken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.revoked = !b.taken
	return b.taken
}
