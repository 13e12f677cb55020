package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/internal/password"
)

// passwordMetrics is what the password verifier does.
type passwordMetrics struct {
	running, waiting prometheus.Gauge
	duration         map[password.Scheme]prometheus.Observer
}

func newPasswordMetrics(r prometheus.Registerer) *passwordMetrics {
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Subsystem: "password", Name: "hash_duration_seconds",
		Help:    "How long one computation of a password hash took, without the wait for a slot.",
		Buckets: []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2},
	}, []string{"scheme"})
	m := &passwordMetrics{
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: "password", Name: "verifications_running",
			Help: "Password hashes being computed.",
		}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: "password", Name: "verifications_waiting",
			Help: "Logins that wait for a slot to compute a password hash.",
		}),
		duration: map[password.Scheme]prometheus.Observer{},
	}
	for _, s := range []password.Scheme{password.Argon2ID, password.BLFCrypt, password.SHA512Crypt} {
		m.duration[s] = duration.WithLabelValues(string(s))
	}
	r.MustRegister(duration, m.running, m.waiting)
	return m
}

// Password returns the hooks of the password verifier.
func (m *Metrics) Password() password.Hooks {
	return password.Hooks{
		Running: func(now int) { m.passwords.running.Set(float64(now)) },
		Waiting: func(now int) { m.passwords.waiting.Set(float64(now)) },
		Took: func(scheme password.Scheme, took time.Duration) {
			if o := m.passwords.duration[scheme]; o != nil {
				o.Observe(took.Seconds())
			}
		},
	}
}
