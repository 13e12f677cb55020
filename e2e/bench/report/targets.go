package report

import "slices"

// The servers and the loads that are compared, as the runs name them.
const (
	Echo      = "echo"
	EchoLoop  = "echo, event loop"
	Smallest  = "gatepost, 1 000 users"
	Middle    = "gatepost, 100 000 users"
	Largest   = "gatepost, 1 000 000 users"
	Uniform   = "all users"
	Active    = "10 000 active users"
	Whole     = "all users, RCPT and END-OF-MESSAGE"
	Quiet     = "quiet"
	Changes   = "100 changes a second"
	Undisturb = "no forced collection"
	Collected = "a collection every 200 ms"
	Maps      = "socketmap"
	Userdb    = "userdb"
	Logins    = "logins, cached"
)

// Target is something that must be reached.
type Target struct {
	What   string  `json:"what"`
	Got    float64 `json:"got"`
	Must   float64 `json:"must"`
	Aim    float64 `json:"aim,omitempty"`
	AtMost bool    `json:"at_most,omitempty"` // else at least
	Unit   string  `json:"unit,omitempty"`
	Known  bool    `json:"known"` // it was measured
}

// Met reports whether what must be reached is.
func (t Target) Met() bool { return t.Known && t.better(t.Must) }

// Aimed reports whether what is aimed at is reached.
func (t Target) Aimed() bool { return t.Aim != 0 && t.Known && t.better(t.Aim) }

func (t Target) better(than float64) bool {
	if t.AtMost {
		return t.Got <= than
	}
	return t.Got >= than
}

func atLeast(what string, got, must, aim float64) Target {
	return Target{What: what, Got: got, Must: must, Aim: aim, Known: got != 0}
}

func atMost(what string, got, must, aim float64) Target {
	return Target{What: what, Got: got, Must: must, Aim: aim, AtMost: true, Known: got != 0}
}

func (t Target) in(unit string) Target {
	t.Unit = unit
	return t
}

// measured says that zero is a result.
func (t Target) measured(known bool) Target {
	t.Known = known
	return t
}

// Judge fills in the targets.
func (r *Results) Judge() {
	r.Targets = nil
	r.judgePolicy()
	r.judgeAllocations()
	r.judgeDisturbed()
	r.judgePeers()
	r.judgeStart()
	r.judgeMany()
	r.judgeWrites()
	r.judgeBatches()
}

func (r *Results) add(t ...Target) { r.Targets = append(r.Targets, t...) }

// closed returns a run of the policy door in a closed loop.
func (r *Results) closed(server, load string, conns int) *Run { return r.Find(server, load, conns, 0) }

func (r *Results) judgePolicy() {
	echo64, echo1000 := r.closed(Echo, Uniform, 64), r.closed(Echo, Uniform, 1000)
	spread64, spread1000 := r.closed(Largest, Uniform, 64), r.closed(Largest, Uniform, 1000)
	active64, active1000 := r.closed(Largest, Active, 64), r.closed(Largest, Active, 1000)
	spread, active := Ratio(echo64, spread64, CPU), Ratio(echo64, active64, CPU)
	r.add(
		atLeast("1 000 000 users, 64 connections: echo's CPU per request divided by ours", spread, 0.65, 0.80),
		atLeast("1 000 000 users, 64 connections: our throughput divided by echo's", Ratio(spread64, echo64, Throughput), 0.68, 0.80),
		atLeast("10 000 active users, 64 connections: echo's CPU divided by ours", active, 0.80, 0.92),
		atLeast("1 000 000 users, 1000 connections: echo's CPU divided by ours", Ratio(echo1000, spread1000, CPU), spread-0.05, 0),
		atLeast("10 000 active users, 1000 connections: echo's CPU divided by ours", Ratio(echo1000, active1000, CPU), active-0.05, 0),
		atMost("1 000 000 users with 10 000 active: CPU per request divided by that with 1 000 users",
			Ratio(active64, r.closed(Smallest, Uniform, 64), CPU), 1.20, 0),
	)
}

// noAllocation is what still counts as none: the runtime allocates now and then.
// So does what the daemon does beside its answers, in some rounds and not in
// others; what an answer allocates is in every one, so the least counts. The tables
// show medians.
const noAllocation = 0.01

func (r *Results) judgeAllocations() {
	for _, run := range []struct {
		what string
		run  *Run
	}{
		{"policy decision", r.closed(Largest, Uniform, 64)},
		{"policy decision at END-OF-MESSAGE", r.closed(Largest, Whole, 64)},
		{"socketmap answer", r.closed(Largest, Maps, 64)},
		{"userdb answer", r.closed(Largest, Userdb, 64)},
	} {
		r.add(atMost("allocations per "+run.what+", in the round with the fewest", run.run.Least(Allocs), noAllocation, 0).measured(run.run != nil))
	}
}

// OpenRate is the rate at which disturbed and quiet latencies are compared.
const OpenRate = 10_000

// leastChanges is how many changes a second must have been made in each round: with
// fewer nobody knows what 100 would have cost.
const leastChanges = 95

func enoughChanges(run *Run) bool {
	return run != nil && !slices.ContainsFunc(run.Samples, func(s Sample) bool { return s.Changes < leastChanges })
}

func (r *Results) judgeDisturbed() {
	quiet, changes := r.Find(Largest, Quiet, 64, OpenRate), r.Find(Largest, Changes, 64, OpenRate)
	known := quiet != nil && enoughChanges(changes)
	r.add(
		atMost("100 changes a second: p50 divided by that of a quiet time", Ratio(changes, quiet, P50), 1.1, 0).measured(known),
		atMost("100 changes a second: p90 divided by that of a quiet time", Ratio(changes, quiet, P90), 1.5, 0).measured(known),
		atLeast("a collection forced every 200 ms: throughput divided by that without",
			Ratio(r.closed(Largest, Collected, 64), r.closed(Largest, Undisturb, 64), Throughput), 0.90, 0),
	)
}

func (r *Results) judgePeers() {
	ours := r.closed(Largest, Uniform, 64)
	for _, peer := range []struct {
		name string
		must float64
	}{{"Dovecot quota-status", 150}, {"postfwd", 40}} {
		r.add(atLeast("throughput divided by that of "+peer.name, Ratio(ours, r.closed(peer.name, Uniform, 64), Throughput), peer.must, 0))
	}
}

func (r *Results) judgeStart() {
	s, m := r.Start, r.Memory
	const mega = 1e6
	r.add(
		atMost("start with 1 000 000 users divided by reading, decoding and indexing a flat file", ratioOf(s.Ready, s.FlatInserted), 3, 1.5),
		atMost("heap objects per user", m.ObjectsPerUser, 0.01, 0).measured(m.Users > 0),
		atMost("heap bytes per user beyond address and hash", m.Overhead(), 64, 48),
		atMost("anonymous memory of the daemon with 1 000 000 users", float64(m.Anonymous)/mega, 230, 190).in("MB"),
		atMost("CPU of an idle, empty daemon, a second", r.Idle.CPU, 12, 0).in("ms"),
		atMost("anonymous memory of an idle, empty daemon", float64(r.Idle.Anonymous)/mega, 30, 0).in("MB"),
	)
}

func ratioOf(a, b []float64) float64 {
	var ratios []float64
	for i := range min(len(a), len(b)) {
		ratios = append(ratios, a[i]/b[i])
	}
	return median(ratios)
}

func (r *Results) judgeMany() {
	c := r.Crowd
	allowed := float64(64<<20+c.Users<<10+256<<20) / 1e6
	r.add(
		atMost("10 000 idle or half-sent connections: p99 of a further client", MedianOf(c.Samples, P99)/1e3, 5, 0).in("ms"),
		atMost("10 000 idle or half-sent connections: anonymous memory", float64(c.Anonymous)/1e6, allowed, 0).in("MB"),
	)
}
