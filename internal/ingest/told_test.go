package ingest_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/ingest"
)

func TestTheOperatorHearsOfStopsAndOfMessagesThatWereNotDelivered(t *testing.T) {
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	h := newHouse(t, ingest.Options{Logger: slog.New(slog.NewTextHandler(&log, nil)), Registerer: registry})
	gone := connector.Outcome{Verdict: connector.VerdictGone, Reason: connector.ReasonDisabled, HTTPStatus: 400}

	h.in.Settled([]connector.Settlement{
		{Stop: true, Lane: connector.Lane{Webhook: "wh_stopped"}, Attempt: &connector.Attempt{Outcome: gone}},
		{Ends: []connector.End{{Message: "msg_good", State: connector.StateSent}, {Message: "msg_bad", State: connector.StateFailed}}},
	})
	h.in.Swept([]connector.End{{Message: "msg_late", State: connector.StateExpired}})

	for _, want := range []string{
		`msg="webhook stopped" webhook_id=wh_stopped reason=disabled http_status=400`,
		`msg="message not delivered" message_id=msg_bad state=failed`, `message_id=msg_late state=expired`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, log.String())
		}
	}
	if strings.Contains(log.String(), "msg_good") {
		t.Errorf("the log tells of a message that was delivered:\n%s", log.String())
	}
	if got := ended(t, registry); got["sent"] != 1 || got["failed"] != 1 || got["expired"] != 1 || got["uncertain"] != 0 {
		t.Errorf("messages counted by their end: %v, want one each of sent, failed and expired", got)
	}
}

func ended(t *testing.T, r *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "teamsconnector_messages_ended_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			counts[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
		}
	}
	return counts
}
