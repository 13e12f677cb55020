package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/internal/directory"
)

// commitMetrics is what the committer does.
type commitMetrics struct {
	duration prometheus.Histogram
	commands prometheus.Histogram
	failures prometheus.Counter
}

func newCommitMetrics(r prometheus.Registerer) *commitMetrics {
	m := &commitMetrics{
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: "directory", Name: "commit_duration_seconds",
			Help:    "How long the store took to make a batch of changes durable.",
			Buckets: []float64{.0002, .0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 5},
		}),
		commands: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: "directory", Name: "commit_commands",
			Help:    "How many commands became durable together.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512},
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: "directory", Name: "commit_failures_total",
			Help: "Batches of changes that the store did not, or perhaps not, make durable.",
		}),
	}
	r.MustRegister(m.duration, m.commands, m.failures)
	return m
}

// Directory returns the hooks of the directory.
func (m *Metrics) Directory() directory.Hooks {
	return directory.Hooks{Committed: func(commands int, took time.Duration, err error) {
		m.commits.duration.Observe(took.Seconds())
		m.commits.commands.Observe(float64(commands))
		if err != nil {
			m.commits.failures.Inc()
		}
	}}
}

// Watch adds what is read from the directory at each scrape; degraded says for
// which of the reasons no change is taken, "" for none. It is called once.
func (m *Metrics) Watch(d *directory.Directory, reasons []string, degraded func() string) {
	for _, kind := range directory.Kinds() {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: "directory", Name: "names",
			Help:        "Names in the directory.",
			ConstLabels: prometheus.Labels{"kind": label(kind.String())},
		}, func() float64 { return float64(d.View().Count(kind)) }))
	}
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Subsystem: "directory", Name: "revision",
		Help: "Revision of the newest change that is in force.",
	}, func() float64 { return float64(d.Revision()) }))
	for _, reason := range reasons {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Name: "degraded",
			Help:        "1 while gatepost takes no change, for this reason. Mail and logins go on.",
			ConstLabels: prometheus.Labels{"reason": reason},
		}, func() float64 { return number(degraded() == reason) }))
	}
}

// label writes words as a label's value: "further address" as further_address.
func label(words string) string { return strings.ReplaceAll(words, " ", "_") }
