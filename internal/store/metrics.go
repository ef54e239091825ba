package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// queueLook is how long the figures of the queue are kept: counting it costs as
// much as it is long.
const queueLook = 5 * time.Second

// metrics are the store's figures.
type metrics struct {
	commitSeconds *prometheus.HistogramVec
	batchSize     *prometheus.HistogramVec
	walBytes      prometheus.Gauge
	undo          func() // unregisters; nil: was not registered
}

func newMetrics() *metrics {
	return &metrics{
		commitSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "teamsconnector_store_commit_seconds",
			Help:    "How long a transaction of the writer took, by kind.",
			Buckets: prometheus.ExponentialBuckets(0.0002, 2, 16),
		}, []string{"kind"}),
		batchSize: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "teamsconnector_store_batch_size",
			Help:    "How many accepts, settled steps or changes a transaction held, by kind.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}, []string{"kind"}),
		walBytes: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "teamsconnector_store_wal_bytes",
			Help: "Size of the write-ahead log that is in use.",
		}),
	}
}

func (m *metrics) committed(job work, took time.Duration) {
	m.commitSeconds.WithLabelValues(job.kind).Observe(took.Seconds())
	m.batchSize.WithLabelValues(job.kind).Observe(float64(job.size))
}

func (m *metrics) register(r prometheus.Registerer, s *Store) error {
	all := []prometheus.Collector{m.commitSeconds, m.batchSize, m.walBytes, newQueueFigures(s)}
	m.undo = func() {
		for _, c := range all {
			r.Unregister(c)
		}
	}
	for _, c := range all {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("register the store's metrics: %w", err)
		}
	}
	return nil
}

func (m *metrics) unregister() {
	if m.undo != nil {
		m.undo()
	}
}

// queueFigures counts the queue when it is asked, at most every few seconds.
type queueFigures struct {
	s          *Store
	depth, age *prometheus.Desc
	mu         sync.Mutex
	at         time.Time
	last       queueState
	lastErr    error
}

type queueState struct {
	messages int64
	oldest   time.Time // zero: nothing waits
}

func newQueueFigures(s *Store) *queueFigures {
	return &queueFigures{
		s:     s,
		depth: prometheus.NewDesc("teamsconnector_queue_messages", "Messages that wait to be delivered.", nil, nil),
		age:   prometheus.NewDesc("teamsconnector_queue_oldest_seconds", "Age of the oldest message that waits.", nil, nil),
	}
}

// Describe names the figures.
func (f *queueFigures) Describe(to chan<- *prometheus.Desc) {
	to <- f.depth
	to <- f.age
}

// Collect counts, unless that was done just now.
func (f *queueFigures) Collect(to chan<- prometheus.Metric) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at.IsZero() || time.Since(f.at) > queueLook {
		f.last, f.lastErr = f.s.queueState(context.Background())
		f.at = time.Now()
	}
	if f.lastErr != nil {
		to <- prometheus.NewInvalidMetric(f.depth, f.lastErr)
		return
	}
	age := 0.0
	if !f.last.oldest.IsZero() {
		age = max(0, f.s.Now().Sub(f.last.oldest).Seconds())
	}
	to <- prometheus.MustNewConstMetric(f.depth, prometheus.GaugeValue, float64(f.last.messages))
	to <- prometheus.MustNewConstMetric(f.age, prometheus.GaugeValue, age)
}

const queueStateNow = `
SELECT w.n, COALESCE((SELECT m.accepted_at FROM message m WHERE m.id = w.oldest), 0)
FROM (SELECT COUNT(*) AS n, MIN(id) AS oldest FROM queue) AS w`

func (s *Store) queueState(ctx context.Context) (now queueState, err error) {
	var oldest int64
	err = s.reads.read(ctx, func(ctx context.Context, c *session) error {
		return c.one(ctx, q(queueStateNow), &now.messages, &oldest)
	})
	now.oldest = fromMicros(oldest)
	return now, err
}
