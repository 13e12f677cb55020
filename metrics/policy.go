package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatepost/gatepost/internal/serve"
	"github.com/gatepost/gatepost/policy"
	"github.com/gatepost/gatepost/policy/delegation"
)

// microseconds are buckets for what looks into memory only: it takes some µs, and
// milliseconds when the machine is busy.
var microseconds = []float64{1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 5e-3, 2e-2, 1e-1, 1}

// policyMetrics is what the rules decide, in arrays indexed by the dense numbers
// of package policy.
type policyMetrics struct {
	decisions [policy.StageCount][policy.RuleCount][policy.ActionCount]prometheus.Counter
	watched   [policy.StageCount][policy.RuleCount][policy.ModeCount]prometheus.Counter // warn and shadow only
	unknown   [policy.UnknownCount]prometheus.Counter
	malformed []prometheus.Counter // by delegation.Malformation
	duration  prometheus.Histogram
}

func newPolicyMetrics(r prometheus.Registerer, doors *doorMetrics) *policyMetrics {
	m := &policyMetrics{malformed: malformed(doors, "policy", delegation.MalformationCount), duration: prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Subsystem: "policy", Name: "decision_duration_seconds",
		Help:    "How long it took to decide about a policy request, from the whole request to the reply.",
		Buckets: microseconds,
	})}
	r.MustRegister(m.duration)
	m.countDecisions(r)
	m.countWatched(r)
	return m
}

func (m *policyMetrics) countDecisions(r prometheus.Registerer) {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Subsystem: "policy", Name: "decisions_total",
		Help: "Decisions about policy requests, by the rule that decided. Rule none: no rule applied, or gatepost could not decide (action fail).",
	}, []string{"stage", "rule", "action"})
	r.MustRegister(vec)
	for stage := range m.decisions {
		for rule := range m.decisions[stage] {
			for action := range m.decisions[stage][rule] {
				s, id, a := policy.Stage(stage), policy.RuleID(rule), policy.Action(action)
				m.decisions[stage][rule][action] = vec.WithLabelValues(s.String(), id.String(), a.String())
			}
		}
	}
}

// countWatched makes what is counted beside the decision.
func (m *policyMetrics) countWatched(r prometheus.Registerer) {
	watched := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Subsystem: "policy", Name: "watched_total",
		Help: "Requests that a rule applied to whose mode is warn or shadow, so that it did not decide.",
	}, []string{"stage", "rule", "mode"})
	unknown := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Subsystem: "policy", Name: "unknown_facts_total",
		Help: "Facts that could not be known when a request was decided, so that no rule could use them.",
	}, []string{"fact"})
	r.MustRegister(watched, unknown)
	for rule := range policy.Rules() {
		for stage := range m.watched {
			if policy.Stage(stage)&rule.Stages == 0 {
				continue
			}
			for _, mode := range []policy.Mode{policy.Warn, policy.Shadow} {
				m.watched[stage][rule.ID][mode] = watched.WithLabelValues(policy.Stage(stage).String(), rule.Name, mode.String())
			}
		}
	}
	for u := range m.unknown {
		m.unknown[u] = unknown.WithLabelValues(policy.Unknown(u).String())
	}
}

// Delegation returns the hooks of the policy door.
func (m *Metrics) Delegation(conns serve.Hooks) delegation.Hooks {
	p := m.policy
	return delegation.Hooks{
		Decision: func(s policy.Stage, r policy.RuleID, a policy.Action, took time.Duration) {
			p.decisions[s][r][a].Inc()
			p.duration.Observe(took.Seconds())
		},
		Watched: func(s policy.Stage, r policy.RuleID, mode policy.Mode) {
			if counter := p.watched[s][r][mode]; counter != nil {
				counter.Inc()
			}
		},
		Unknown:   func(u policy.Unknown) { p.unknown[u].Inc() },
		Malformed: func(why delegation.Malformation) { p.malformed[why].Inc() },
		Conns:     conns.Conns, Refused: conns.Refused, Panicked: conns.Panicked,
	}
}
