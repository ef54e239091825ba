package store_test

import (
	"strings"
	"testing"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/store"
)

// callers is how many wait for their own commit at once.
const callers = 64

func BenchmarkAccept(b *testing.B) {
	for name, lanes := range map[string]int{"one lane": 1, "64 lanes": 64} {
		for kind, place := range databases() {
			b.Run(name+"/"+kind, func(b *testing.B) { benchmarkAccept(b, newHouse(b, place), lanes) })
		}
	}
}

func benchmarkAccept(b *testing.B, h *house, lanes int) {
	b.Helper()
	go func() { _ = h.Run(b.Context()) }()
	webhooks := h.webhooks(lanes)
	body := strings.Repeat("x", 320)
	requests := make([]store.AcceptRequest, b.N)
	for i := range requests {
		requests[i] = h.requestTo(webhooks[i%lanes].ID, body)
	}
	b.ResetTimer()
	crowd(callers, b.N, func(i int) {
		if _, err := h.Accept(b.Context(), requests[i]); err != nil {
			b.Error(err)
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

func BenchmarkSettle(b *testing.B) {
	for kind, place := range databases() {
		b.Run(kind, func(b *testing.B) { benchmarkSettle(b, newHouse(b, place)) })
	}
}

func benchmarkSettle(b *testing.B, h *house) {
	b.Helper()
	go func() { _ = h.Run(b.Context()) }()
	webhooks := h.webhooks(callers)
	crowd(callers, b.N, func(i int) { h.accept(h.requestTo(webhooks[i%callers].ID, "text")) })
	steps := make([]connector.Settlement, 0, b.N)
	for _, w := range webhooks {
		loaded := h.load(w.Lane)
		for _, item := range h.all(w.Lane) {
			loaded.Head = []connector.Item{item}
			steps = append(steps, h.attempted(loaded, connector.VerdictSent, h.endOf(item, connector.StateSent)))
		}
	}
	b.ResetTimer()
	crowd(callers, b.N, func(i int) { h.settle(steps[i]) })
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

func (h *house) webhooks(n int) []store.WebhookRow {
	h.t.Helper()
	all := []store.WebhookRow{h.webhook}
	for i := 1; i < n; i++ {
		all = append(all, h.newWebhook(text(i)))
	}
	return all
}
