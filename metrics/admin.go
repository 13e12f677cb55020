package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/serve"
)

// commandMetrics is what administrators do.
type commandMetrics struct {
	commands map[string]map[adminsock.Result]prometheus.Counter
	duration prometheus.Histogram
}

func newCommandMetrics(r prometheus.Registerer) *commandMetrics {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Subsystem: "admin", Name: "commands_total",
		Help: "Commands of administrators by result: done, refused (the request was wrong), denied (not for this caller), failed (trouble of gatepost).",
	}, []string{"command", "result"})
	m := &commandMetrics{
		commands: map[string]map[adminsock.Result]prometheus.Counter{},
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: "admin", Name: "command_duration_seconds",
			Help:    "How long commands took, until the answer was ready.",
			Buckets: []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 5, 30},
		}),
	}
	r.MustRegister(vec, m.duration)
	for _, c := range command.All() {
		m.commands[c.Name] = map[adminsock.Result]prometheus.Counter{}
		for _, result := range adminsock.Results() {
			m.commands[c.Name][result] = vec.WithLabelValues(c.Name, string(result))
		}
	}
	return m
}

// command counts one command. A name that is not in the table is a bug that
// must not become a label.
func (m *commandMetrics) command(name string, result adminsock.Result, took time.Duration) {
	if counter := m.commands[name][result]; counter != nil {
		counter.Inc()
	}
	m.duration.Observe(took.Seconds())
}

// Admin returns the hooks of the admin door.
func (m *Metrics) Admin(conns serve.Hooks) adminsock.Hooks {
	return adminsock.Hooks{Conns: conns.Conns, Command: m.commands.command}
}
