package api_test

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/api"
)

// BenchmarkSend is a whole call: HTTP, license, checks, seal, commit with fsync, answer.
func BenchmarkSend(b *testing.B) {
	h := newHouse(b, api.Options{Logger: slog.New(slog.DiscardHandler)})
	body := h.body("textMessage", strings.Repeat("A line of a message. ", 15))
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	defer transport.CloseIdleConnections()
	b.SetParallelism(32)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, h.url+"/api/v1/messages", strings.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			req.SetBasicAuth(h.key, h.secret)
			req.Header.Set("Prefer", "respond-async")
			res, err := transport.RoundTrip(req)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			if res.StatusCode != http.StatusAccepted {
				b.Errorf("status %d", res.StatusCode)
				return
			}
			select {
			case <-h.engine.woken:
			default:
			}
		}
	})
}
