package api

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// The bounds of a connection. A slow or silent peer holds a connection for
// these times at most.
const (
	headerTimeout  = 4 * time.Second  // for the request's header
	bodyTimeout    = 15 * time.Second // for its body, from the end of the header
	idleTimeout    = 2 * time.Minute  // between two requests
	writeTimeout   = 90 * time.Second // for the answer, from the end of the header: MaxWait and time to store and write
	maxHeaderBytes = 32 << 10
)

// Server returns a server for handler with the bounds that a public listener
// needs; log gets what net/http complains of, at debug.
func Server(addr string, handler http.Handler, log *slog.Logger) *http.Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &http.Server{
		Addr:              addr,
		Handler:           boundBody(handler, bodyTimeout),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		WriteTimeout:      writeTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// boundBody gives each body a time within which it must arrive. Server.ReadTimeout would do
// the same, but goes on after the body was read and then cancels the context of
// a request that waits for its message.
func boundBody(next http.Handler, within time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			conn := http.NewResponseController(w)
			if err := conn.SetReadDeadline(time.Now().Add(within)); err == nil {
				r.Body = &timedBody{ReadCloser: r.Body, conn: conn}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// timedBody lifts the deadline of its connection when it was read to its end.
type timedBody struct {
	io.ReadCloser
	conn *http.ResponseController
}

// Read reads, and lifts the deadline at the end.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		if lift := b.conn.SetReadDeadline(time.Time{}); lift != nil {
			return n, lift
		}
	}
	return n, err
}
