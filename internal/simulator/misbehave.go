package simulator

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	hugeBytes  = 10 << 20
	bombBytes  = 64 << 20
	bombHeader = 64 // headers of 32 KiB
	drips      = 30 // bytes of the slow body
)

// wait waits, unless the client leaves first.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func slowHeaders(s *Simulator, w http.ResponseWriter, r *http.Request) {
	if wait(r.Context(), s.opts.Stall) {
		w.WriteHeader(http.StatusAccepted)
	}
}

func slowBody(s *Simulator, w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", textType)
	w.Header().Set("Content-Length", strconv.Itoa(drips))
	w.WriteHeader(http.StatusAccepted)
	rc := http.NewResponseController(w)
	for range drips {
		if _, err := w.Write([]byte(".")); err != nil {
			return
		}
		_ = rc.Flush() // a writer that can't flush still drips at the end
		if !wait(r.Context(), s.opts.Stall/drips) {
			return
		}
	}
}

func hangThenReset(s *Simulator, w http.ResponseWriter, r *http.Request) {
	wait(r.Context(), s.opts.Stall)
	reset(s, w, r)
}

// reset breaks the connection with a TCP reset, or as hard as the writer lets it.
func reset(_ *Simulator, w http.ResponseWriter, _ *http.Request) {
	conn := hijack(w)
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn() // else TLS would say goodbye first
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it the reset is a plain end, which is a break too
	}
	_ = conn.Close() // it is being broken
}

// hijack takes the connection from the server. Where it can't (HTTP/2, a test's
// recorder), it ends the request as a broken one.
func hijack(w http.ResponseWriter) net.Conn {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return conn
}

func truncated(_ *Simulator, w http.ResponseWriter, _ *http.Request) {
	conn := hijack(w)
	_, _ = io.WriteString(conn, "HTTP/1.1 202 Accepted\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n400\r\naccep")
	_ = conn.Close() // the cut is the fault
}

func hugeBody(_ *Simulator, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", textType)
	w.Header().Set("Content-Length", strconv.Itoa(hugeBytes))
	chunk := []byte(strings.Repeat("x", 64<<10))
	for range hugeBytes / len(chunk) {
		if _, err := w.Write(chunk); err != nil {
			return // the client has had enough
		}
	}
}

func gzipBomb(_ *Simulator, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", textType)
	w.Header().Set("Content-Encoding", "gzip")
	zip := gzip.NewWriter(w)
	zeros := make([]byte, 1<<20)
	for range bombBytes / len(zeros) {
		if _, err := zip.Write(zeros); err != nil {
			return // the client has had enough
		}
	}
	_ = zip.Close() // likewise
}

func headerBomb(_ *Simulator, w http.ResponseWriter, _ *http.Request) {
	value := strings.Repeat("x", 32<<10)
	for i := range bombHeader {
		w.Header().Set("X-Bomb-"+strconv.Itoa(i), value)
	}
	w.WriteHeader(http.StatusAccepted)
}

func redirect(status int, target string) func(*Simulator, http.ResponseWriter, *http.Request) {
	return func(_ *Simulator, w http.ResponseWriter, r *http.Request) {
		to := target
		if strings.HasPrefix(to, "/") {
			scheme := "http://"
			if r.TLS != nil {
				scheme = "https://"
			}
			to = scheme + r.Host + to
		}
		w.Header().Set("Location", to)
		w.WriteHeader(status)
	}
}

func mismatch(detail string) *answer {
	return refusal(http.StatusBadRequest, "TriggerInputSchemaMismatch",
		"The input body for trigger 'manual' of type 'Request' did not match its schema definition. Error details: '"+detail+"'.")
}

// noResponse is the gateway's answer for a flow that ran and never answered. [doc]
// learn.microsoft.com, Azure Logic Apps, "Request and Response": a run that fails or outlasts
// the time limit before its Response action.
func noResponse() *answer {
	return refusal(http.StatusBadGateway, "NoResponse",
		"The server did not receive a response from an upstream server. Request tracking id 'simulated'.")
}
