package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/internal/login"
)

// loginMetrics is what became of logins. The arrays are indexed by service,
// mechanism and result.
type loginMetrics struct {
	attempts [][][]prometheus.Counter
	duration []prometheus.Observer // by result
}

func newLoginMetrics(r prometheus.Registerer) *loginMetrics {
	attempts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Subsystem: "login", Name: "attempts_total",
		Help: "Logins by result: ok, refused (not a user and their password), denied (the right password, but a rule forbids it), temporary (gatepost could not tell).",
	}, []string{"service", "mechanism", "result"})
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Subsystem: "login", Name: "duration_seconds",
		Help:    "How long it took to decide about a login, without the delay of refusals.",
		Buckets: []float64{1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
	}, []string{"result"})
	r.MustRegister(attempts, duration)
	m := &loginMetrics{}
	for _, service := range login.Services() {
		var byMechanism [][]prometheus.Counter
		for _, mechanism := range login.Mechanisms() {
			var byResult []prometheus.Counter
			for _, result := range login.Results() {
				byResult = append(byResult, attempts.WithLabelValues(service.String(), mechanism.String(), result.String()))
			}
			byMechanism = append(byMechanism, byResult)
		}
		m.attempts = append(m.attempts, byMechanism)
	}
	for _, result := range login.Results() {
		m.duration = append(m.duration, duration.WithLabelValues(result.String()))
	}
	return m
}

// Login returns the hooks of the login checker.
func (m *Metrics) Login() login.Hooks {
	return login.Hooks{Login: func(s login.Service, mechanism login.Mechanism, result login.Result, took time.Duration) {
		m.logins.attempts[s][mechanism][result].Inc()
		m.logins.duration[result].Observe(took.Seconds())
	}}
}
