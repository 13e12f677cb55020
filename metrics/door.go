package metrics

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/internal/serve"
	"github.com/gatepost/gatepost/internal/tabline"
)

// doorMetrics is what every door has.
type doorMetrics struct {
	connections *prometheus.GaugeVec
	refused     *prometheus.CounterVec
	panics      *prometheus.CounterVec
	malformed   *prometheus.CounterVec
}

func newDoorMetrics(r prometheus.Registerer) *doorMetrics {
	label := []string{"door"}
	m := &doorMetrics{
		connections: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: "door", Name: "connections",
			Help: "Open connections.",
		}, label),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: "door", Name: "refused_connections_total",
			Help: "Connections closed at once because the door had as many as it takes.",
		}, label),
		panics: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: "door", Name: "panics_total",
			Help: "Panics while a connection was served; one request may count twice. Each is a bug of gatepost, with its stack in the log.",
		}, label),
		malformed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: "door", Name: "malformed_requests_total",
			Help: "Requests that broke their protocol; most of them ended the connection.",
		}, []string{"door", "reason"}),
	}
	r.MustRegister(m.connections, m.refused, m.panics, m.malformed)
	return m
}

// malformed resolves a child for each of a door's dense reasons.
func malformed[T interface {
	~uint8
	fmt.Stringer
}](m *doorMetrics, door string, count T) []prometheus.Counter {
	children := make([]prometheus.Counter, count)
	for i := range children {
		children[i] = m.malformed.WithLabelValues(door, T(i).String())
	}
	return children
}

// Lines counts the malformed lines of a door whose protocol has lines.
func (m *Metrics) Lines(door string) func(tabline.Malformation) {
	children := malformed(m.doors, door, tabline.MalformationCount)
	return func(why tabline.Malformation) { children[why].Inc() }
}

// Door returns the hooks of the connections of one door.
func (m *Metrics) Door(door string) serve.Hooks {
	connections := m.doors.connections.WithLabelValues(door)
	return serve.Hooks{
		Conns:    func(open int) { connections.Set(float64(open)) },
		Refused:  m.doors.refused.WithLabelValues(door).Inc,
		Panicked: m.doors.panics.WithLabelValues(door).Inc,
	}
}
