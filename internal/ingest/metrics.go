package ingest

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/teamsconnector/teamsconnector/internal/connector"
)

type metrics struct {
	accepts *prometheus.CounterVec // by what the caller was told: a status or an error's code, both small fixed sets
	ends    *prometheus.CounterVec // by state
	seconds prometheus.Histogram
}

func newMetrics(r prometheus.Registerer, w *waiting) *metrics {
	m := &metrics{
		accepts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "teamsconnector_accepts_total",
			Help: "Calls that sent a message, by the status or error code of the answer.",
		}, []string{"result"}),
		ends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "teamsconnector_messages_ended_total",
			Help: "Messages that came to their end, by state.",
		}, []string{"state"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "teamsconnector_accept_seconds",
			Help:    "Time from a checked message to its commit, waiting for its end not included.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
	}
	for s := connector.StateSent; s <= connector.StateUncertain; s++ {
		m.ends.WithLabelValues(s.String()) // so that an alert sees zero, not nothing
	}
	if r != nil {
		r.MustRegister(m.accepts, m.ends, m.seconds, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "teamsconnector_waiting_callers",
			Help: "Calls that wait for the end of their message.",
		}, func() float64 { return float64(w.len()) }))
	}
	return m
}

func (m *metrics) took(d time.Duration) { m.seconds.Observe(d.Seconds()) }

func (m *metrics) count(a Answer, err error) {
	result := a.Status
	if err != nil {
		result = string(connector.Internal)
		var problem *connector.Error
		if errors.As(err, &problem) {
			result = string(problem.Code)
		}
	}
	m.accepts.WithLabelValues(result).Inc()
}
