package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/authsock/quotadict"
)

// quotaMetrics is what Dovecot reported, indexed by quotadict.Result.
type quotaMetrics struct{ reports []prometheus.Counter }

func newQuotaMetrics(r prometheus.Registerer) *quotaMetrics {
	reports := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Subsystem: "quota", Name: "reports_total",
		Help: "Reports of Dovecot about the usage of a mailbox: taken, stale (older than what is known), unknown_user, refused (not a report of usage).",
	}, []string{"result"})
	r.MustRegister(reports)
	m := &quotaMetrics{}
	for _, result := range quotadict.Results() {
		m.reports = append(m.reports, reports.WithLabelValues(result.String()))
	}
	return m
}

// Reported counts a report of Dovecot.
func (m *Metrics) Reported(r quotadict.Result) { m.quota.reports[r].Inc() }
