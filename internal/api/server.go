package api

import (
	"log/slog"
	"net/http"
	"time"
)

// The bounds of a connection. A slow or silent peer holds a connection for
// these times at most.
const (
	headerTimeout  = 4 * time.Second  // for a request's header
	readTimeout    = 20 * time.Second // for header and body; it does not run on while a handler works
	idleTimeout    = 2 * time.Minute  // between two requests
	writeTimeout   = 90 * time.Second // from the end of the header to that of the answer: MaxWait, and time to store and write
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
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		IdleTimeout:       idleTimeout,
		WriteTimeout:      writeTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
