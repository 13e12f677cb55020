package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/policy"
)

// RuleCounts returns what the rules have done since the start, at all stages:
// the numbers of /metrics for `gatepostctl rules`.
func (m *Metrics) RuleCounts() adminsock.RuleCounts {
	var counts adminsock.RuleCounts
	for stage := range m.policy.decisions {
		for id := range counts {
			decided, watched := &m.policy.decisions[stage][id], &m.policy.watched[stage][id]
			counts[id].Rejected += count(decided[policy.Reject])
			counts[id].Deferred += count(decided[policy.Defer])
			counts[id].Warned += count(watched[policy.Warn])
			counts[id].Shadowed += count(watched[policy.Shadow])
		}
	}
	return counts
}

// count reads a counter; one that does not exist was never counted.
func count(c prometheus.Counter) uint64 {
	var read dto.Metric
	if c == nil || c.Write(&read) != nil {
		return 0
	}
	return uint64(read.GetCounter().GetValue())
}
