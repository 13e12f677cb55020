package metrics

import (
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// namespace begins every name.
const namespace = "gatepost"

// Metrics is everything that is counted.
type Metrics struct {
	registry  *prometheus.Registry
	doors     *doorMetrics
	policy    *policyMetrics
	socketmap *socketmapMetrics
	logins    *loginMetrics
	passwords *passwordMetrics
	quota     *quotaMetrics
	commits   *commitMetrics
	commands  *commandMetrics
	snapshots *snapshotMetrics
}

// New makes the metrics of a process of the given version, all of them zero.
func New(version string) *Metrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildInfo(version),
	)
	doors := newDoorMetrics(registry)
	return &Metrics{
		registry:  registry,
		doors:     doors,
		policy:    newPolicyMetrics(registry, doors),
		socketmap: newSocketmapMetrics(registry, doors),
		logins:    newLoginMetrics(registry),
		passwords: newPasswordMetrics(registry),
		quota:     newQuotaMetrics(registry),
		commits:   newCommitMetrics(registry),
		commands:  newCommandMetrics(registry),
		snapshots: newSnapshotMetrics(registry),
	}
}

// WatchLog adds how many lines the log has dropped, which is asked at each scrape;
// nil: it drops none. It is called once.
func (m *Metrics) WatchLog(dropped func() int64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Namespace: namespace, Subsystem: "log", Name: "dropped_lines_total",
		Help: "Log lines that are lost: the log took nothing, and too many waited for it.",
	}, func() float64 {
		if dropped == nil {
			return 0
		}
		return float64(dropped())
	}))
}

// buildInfo is 1; its labels say what runs.
func buildInfo(version string) prometheus.Collector {
	goVersion, revision := "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		goVersion = info.GoVersion
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info",
		Help:        "Always 1; the labels say which version of gatepost runs.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": goVersion, "revision": revision},
	}, func() float64 { return 1 })
}
