// Package metrics counts what gatepost does and shows it to Prometheus.
//
// Every metric is made in this room, from one registry of its own, and filled
// through the hooks that the other rooms offer. The names begin with gatepost_,
// the label sets are closed (door, kind, rule, action, stage, service,
// mechanism, result, command, map, reason): a label never holds an address, a
// domain or anything else that a peer sent, so the number of series is known
// when the process starts.
//
// Children are resolved when the metrics are made and lie in arrays indexed by
// the doors' dense numbers. What the hot paths call is an array access and an
// atomic addition: it allocates nothing, takes no lock and shares no memory
// beyond the counter itself (a histogram's observation costs some 15 ns).
//
// The same listener serves /healthz and /readyz, which ask the functions of
// [Health]. All methods may be called from any goroutine.
package metrics
