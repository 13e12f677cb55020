package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/internal/serve"
	"github.com/gatepost/gatepost/policy/socketmap"
)

// socketmapMetrics is what Postfix asked the maps, in arrays indexed by the
// dense numbers of package socketmap.
type socketmapMetrics struct {
	queries   [socketmap.MapCount][socketmap.ResultCount]prometheus.Counter
	malformed []prometheus.Counter // by socketmap.Malformation
	duration  prometheus.Histogram
}

func newSocketmapMetrics(r prometheus.Registerer, doors *doorMetrics) *socketmapMetrics {
	queries := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Subsystem: "socketmap", Name: "queries_total",
		Help: "Queries of Postfix by map and result.",
	}, []string{"map", "result"})
	m := &socketmapMetrics{
		malformed: malformed(doors, "socketmap", socketmap.MalformationCount),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: "socketmap", Name: "query_duration_seconds",
			Help:    "How long it took to answer a query, from the whole query to the reply.",
			Buckets: microseconds,
		}),
	}
	r.MustRegister(queries, m.duration)
	for name := range m.queries {
		for result := range m.queries[name] {
			m.queries[name][result] = queries.WithLabelValues(socketmap.Map(name).String(), socketmap.Result(result).String())
		}
	}
	return m
}

// Socketmap returns the hooks of the socketmap door.
func (m *Metrics) Socketmap(conns serve.Hooks) socketmap.Hooks {
	s := m.socketmap
	return socketmap.Hooks{
		Query: func(name socketmap.Map, result socketmap.Result, took time.Duration) {
			s.queries[name][result].Inc()
			s.duration.Observe(took.Seconds())
		},
		Malformed: func(why socketmap.Malformation) { s.malformed[why].Inc() },
		Conns:     conns.Conns, Refused: conns.Refused, Panicked: conns.Panicked,
	}
}
