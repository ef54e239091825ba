package dispatch

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/teamsconnector/teamsconnector/internal/connector"
	"github.com/teamsconnector/teamsconnector/internal/lane"
)

type metrics struct {
	attempts   *prometheus.CounterVec
	seconds    prometheus.Histogram
	violations *prometheus.CounterVec
	unsettled  prometheus.Counter
}

func newMetrics(r prometheus.Registerer, busy, late func() int) *metrics {
	m := &metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "teamsconnector_attempts_total",
			Help: "Attempts to deliver, by verdict and reason.",
		}, []string{"verdict", "reason"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "teamsconnector_send_seconds",
			Help:    "How long one attempt took.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120},
		}),
		violations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "teamsconnector_invariant_violations_total",
			Help: "Steps that were about to break an invariant: each is a defect.",
		}, []string{"name"}),
		unsettled: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "teamsconnector_settle_failures_total",
			Help: "Batches of outcomes that could not be written and were tried again.",
		}),
	}
	for _, name := range lane.Invariants() {
		m.violations.WithLabelValues(name) // so that an alert sees zero, not nothing
	}
	if r == nil {
		return m
	}
	r.MustRegister(m.attempts, m.seconds, m.violations, m.unsettled,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "teamsconnector_lanes_busy",
			Help: "Lanes with an attempt under way or being made durable.",
		}, func() float64 { return float64(busy()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "teamsconnector_lanes_late",
			Help: "Lanes that need more than five minutes for what waits in them.",
		}, func() float64 { return float64(late()) }))
	return m
}

func (m *metrics) attempt(o connector.Outcome) {
	m.attempts.WithLabelValues(o.Verdict.String(), string(o.Reason)).Inc()
	m.seconds.Observe(o.Took.Seconds())
}

// gauges registers what is known of the nodes.
func (f *Fleet) gauges(r prometheus.Registerer) {
	if r == nil {
		return
	}
	of := func(name, help string, value func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	of("teamsconnector_nodes", "Nodes that live, as this one counted them last.", func() float64 { return float64(f.nodes.Load()) })
	of("teamsconnector_node_shards", "Shards, of 64, whose messages this node sends.", func() float64 { return float64(len(f.all())) })
	of("teamsconnector_shards_free", "Shards that nobody held when this node looked last.", func() float64 { return float64(f.free.Load()) })
	of("teamsconnector_leases_age_seconds", "Time since this node renewed its leases; they end at 2.25.", func() float64 {
		return time.Since(time.UnixMicro(f.renewed.Load())).Seconds()
	})
}
