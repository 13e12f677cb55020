package metrics

import "github.com/prometheus/client_golang/prometheus"

// snapshotMetrics is what becomes of the snapshots in the state directory.
type snapshotMetrics struct {
	success  prometheus.Gauge
	failures prometheus.Counter
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
	}
	r.MustRegister(m.success, m.failures)
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

// Rebuilt says that the database had to be rebuilt when the store was opened. It
// is called at most once.
func (m *Metrics) Rebuilt(was bool) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Subsystem: "store", Name: "rebuilt",
		Help: "1 when the database was damaged and had to be rebuilt from snapshot and journal at the last start.",
	}, func() float64 { return number(was) }))
}
