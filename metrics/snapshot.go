package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// snapshotMetrics is what becomes of the snapshots in the state directory.
type snapshotMetrics struct {
	success  prometheus.Gauge
	failures prometheus.Counter
	unpruned prometheus.Counter
}

func newSnapshotMetrics(r prometheus.Registerer) *snapshotMetrics {
	m := &snapshotMetrics{
		success: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: "store", Name: "snapshot_success_timestamp_seconds",
			Help: "When the newest snapshot in the state directory last had every change, or 0 when that was not since the start.",
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: "store", Name: "snapshot_failures_total",
			Help: "Snapshots that could not be written.",
		}),
		unpruned: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: "store", Name: "prune_failures_total",
			Help: "Times that the audit trail could not be pruned as its retention says.",
		}),
	}
	r.MustRegister(m.success, m.failures, m.unpruned)
	return m
}

// Snapshot counts one attempt to have a snapshot with every change.
func (m *Metrics) Snapshot(err error) {
	if err != nil {
		m.snapshots.failures.Inc()
		return
	}
	m.snapshots.success.SetToCurrentTime()
}

// Pruned counts one attempt to prune the audit trail.
func (m *Metrics) Pruned(err error) {
	if err != nil {
		m.snapshots.unpruned.Inc()
	}
}

// Rebuilt adds whether the database had to be rebuilt since the start. It is
// called at most once.
func (m *Metrics) Rebuilt(was func() bool) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Subsystem: "store", Name: "rebuilt",
		Help: "1 when the database was damaged and had to be rebuilt from snapshot and journal since the last start.",
	}, func() float64 { return number(was()) }))
}

// Trail is how much there is of the journal.
type Trail struct {
	Oldest   time.Time // when its first change was made; zero: there is none
	Bytes    int64
	Segments int
}

// trailCollector asks once for each page.
type trailCollector struct {
	trail                   func() Trail
	oldest, bytes, segments *prometheus.Desc
}

// WatchTrail adds what is read from the journal at each scrape. It is called
// once.
func (m *Metrics) WatchTrail(trail func() Trail) {
	name := func(s string) string { return prometheus.BuildFQName(namespace, "store", s) }
	m.registry.MustRegister(&trailCollector{
		trail: trail,
		oldest: prometheus.NewDesc(name("journal_oldest_timestamp_seconds"),
			"When the oldest change in the journal was made, or 0 when there is none: so far back the audit trail goes.", nil, nil),
		bytes:    prometheus.NewDesc(name("journal_bytes"), "Size of the journal, which is the audit trail.", nil, nil),
		segments: prometheus.NewDesc(name("journal_segments"), "Files of the journal. It is pruned by whole files.", nil, nil),
	})
}

// Describe is part of prometheus.Collector.
func (c *trailCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.oldest
	out <- c.bytes
	out <- c.segments
}

// Collect is part of prometheus.Collector.
func (c *trailCollector) Collect(out chan<- prometheus.Metric) {
	t := c.trail()
	oldest := 0.0
	if !t.Oldest.IsZero() {
		oldest = float64(t.Oldest.UnixNano()) / 1e9
	}
	out <- prometheus.MustNewConstMetric(c.oldest, prometheus.GaugeValue, oldest)
	out <- prometheus.MustNewConstMetric(c.bytes, prometheus.GaugeValue, float64(t.Bytes))
	out <- prometheus.MustNewConstMetric(c.segments, prometheus.GaugeValue, float64(t.Segments))
}
