package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What go tool pprof -traces prints.
const traces = `File: gatepostd
Type: cpu
Time: 2026-11-22 06:29:30 UTC
Duration: 2.85s, Total samples = 3.37s (118.26%)
-----------+-------------------------------------------------------
      30ms   internal/runtime/syscall/linux.Syscall6
             syscall.write
             internal/poll.(*FD).Write
             github.com/gatepost/gatepost/internal/serve.(*Conn).Write
             github.com/gatepost/gatepost/internal/exchange.Run
-----------+-------------------------------------------------------
      10ms   memeqbody
             bytes.Equal (inline)
             github.com/gatepost/gatepost/internal/directory.(*generation).find
             github.com/gatepost/gatepost/policy.Gather
-----------+-------------------------------------------------------
      10ms   internal/runtime/syscall/linux.Syscall6
             golang.org/x/sys/unix.RawSyscall (inline)
             github.com/gatepost/gatepost/internal/serve.raw
             github.com/gatepost/gatepost/internal/serve.write (inline)
             github.com/gatepost/gatepost/internal/serve.(*eventLoop).reply
-----------+-------------------------------------------------------
      1.20s   runtime.futex
             runtime.schedule
-----------+-------------------------------------------------------
`

func TestDivide(t *testing.T) {
	got, err := divide([]byte(traces), 125)
	if err != nil {
		t.Fatal(err)
	}
	want := []Part{{partScheduler, 120}, {partWrite, 4}, {partLookup, 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("divide (-want +got):\n%s", diff)
	}
	if _, err := divide(nil, 1); err == nil {
		t.Error("divide of nothing = nil, want an error")
	}
}

func TestDistance(t *testing.T) {
	p := Profiles{
		Echo:     []Part{{partWrite, 2}, {partRead, 1}, {partCollector, 0.25}},
		Gatepost: []Part{{partWrite, 2.5}, {partLookup, 1}, {partRead, 0.5}},
	}
	want := []Part{{partLookup, 1}, {partWrite, 0.5}, {partCollector, -0.25}, {partRead, -0.5}}
	if diff := cmp.Diff(want, p.Distance()); diff != "" {
		t.Errorf("Distance (-want +got):\n%s", diff)
	}
}

func TestRatioIsFormedWithinARound(t *testing.T) {
	a := &Run{Samples: []Sample{{CPU: 10}, {CPU: 200}, {CPU: 30}}}
	b := &Run{Samples: []Sample{{CPU: 5}, {CPU: 100}, {CPU: 10}}}
	if got := Ratio(a, b, CPU); got != 2 {
		t.Errorf("Ratio = %v, want 2", got)
	}
	if got := Ratio(a, nil, CPU); got != 0 {
		t.Errorf("Ratio with what was not measured = %v, want 0", got)
	}
}

func TestTargetMet(t *testing.T) {
	for _, row := range []struct {
		name       string
		target     Target
		met, aimed bool
	}{
		{"at least, reached", atLeast("", 0.7, 0.65, 0.8), true, false},
		{"at least, aimed", atLeast("", 0.8, 0.65, 0.8), true, true},
		{"at least, missed", atLeast("", 0.6, 0.65, 0.8), false, false},
		{"at most, reached", atMost("", 2, 3, 1.5), true, false},
		{"at most, missed", atMost("", 4, 3, 1.5), false, false},
		{"not measured", atMost("", 0, 3, 1.5), false, false},
		{"zero is a result", atMost("", 0, 0.01, 0).measured(true), true, false},
	} {
		if row.target.Met() != row.met || row.target.Aimed() != row.aimed {
			t.Errorf("%s: Met, Aimed = %v, %v, want %v, %v", row.name, row.target.Met(), row.target.Aimed(), row.met, row.aimed)
		}
	}
}

func TestTooFewChangesAreNoMeasurement(t *testing.T) {
	for _, row := range []struct {
		name    string
		changes []float64
		known   bool
	}{
		{"all made", []float64{99, 100}, true},
		{"too few in one round", []float64{100, 94}, false},
		{"none counted", []float64{0, 0}, false},
	} {
		quiet := &Run{Server: Largest, Load: Quiet, Conns: 64, Rate: OpenRate}
		changing := &Run{Server: Largest, Load: Changes, Conns: 64, Rate: OpenRate}
		for _, n := range row.changes {
			quiet.Samples = append(quiet.Samples, Sample{P50: 100, P90: 200})
			changing.Samples = append(changing.Samples, Sample{P50: 100, P90: 200, Changes: n})
		}
		r := &Results{Runs: []*Run{quiet, changing}}
		r.judgeDisturbed()
		for _, target := range r.Targets[:2] {
			if target.Known != row.known || target.Met() != row.known {
				t.Errorf("%s: %s: Known, Met = %v, %v, want %v", row.name, target.What, target.Known, target.Met(), row.known)
			}
		}
	}
}

func TestPageComparesWithTheEventLoop(t *testing.T) {
	r := &Results{Runs: []*Run{
		{Server: EchoLoop, Door: "policy", Load: Uniform, Conns: 64, Samples: []Sample{{CPU: 3, Throughput: 100}}},
		{Server: Largest, Door: "policy", Load: Uniform, Conns: 64, Samples: []Sample{{CPU: 6, Throughput: 80}}},
		{Server: Largest, Door: "policy", Load: Uniform, Conns: 8, Samples: []Sample{{CPU: 6, Throughput: 80}}},
	}}
	p := &page{}
	p.loop(r)
	want := "| 64 | echo, event loop | all users | 1.00 | 1.00 |\n| 64 | gatepost, 1 000 000 users | all users | 0.500 | 0.800 |\n\n"
	_, rows, _ := strings.Cut(p.String(), "--: | --: |\n")
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestPageComparesLatencies(t *testing.T) {
	run := func(server, load string, sample Sample) *Run {
		return &Run{Server: server, Door: "policy", Load: load, Conns: 64, Samples: []Sample{sample}}
	}
	r := &Results{Runs: []*Run{
		run(Echo, Uniform, Sample{Throughput: 100, P50: 10, P90: 20, P99: 40, CPU: 4}),
		run(Largest, Uniform, Sample{Throughput: 80, P50: 15, P90: 20, P99: 20, CPU: 5}),
		run("peer", Uniform, Sample{Throughput: 1, P50: 1500, P90: 4000, P99: 6000, CPU: 500}),
		{Server: Largest, Door: "socketmap", Load: Maps, Conns: 64, Samples: []Sample{{Throughput: 90}}},
	}}
	got := r.Page()
	for _, want := range []string{
		"| 64 |  | gatepost, 1 000 000 users | all users | 80 | 15 | 20 | 20 | 5.00 | 0 | 0.800 | 0.800 | 1.50, 1.00, 0.500 |\n",
		"| 64 | peer | 100 | 80.0 | 100, 200, 300 |\n",
		"| 64 |  | gatepost, 1 000 000 users | socketmap | 90 | 0 | 0 | 0 | 0.00 | 0 | | | |\n", // nothing to compare with
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page has no line %q:\n%s", want, got)
		}
	}
}

func TestJudgeWrites(t *testing.T) {
	r := &Results{
		Writes: Writes{Raw: []float64{100, 200}, Change: []float64{150, 500}, Synced: []float64{1000}, Crowd: []float64{9000}, Asked: 10, Disobeyed: 1},
		Batches: []*Batch{
			{Users: 100_000, Took: []float64{3}},
			{Users: 1_000_000, Quiet: []Sample{{P50: 100, P90: 200}}, During: []Sample{{P50: 105, P90: 400}}},
		},
	}
	r.judgeWrites()
	r.judgeBatches()
	var got []Target
	for _, target := range r.Targets {
		got = append(got, Target{Got: target.Got, Known: target.Met()})
	}
	want := []Target{{Got: 2, Known: true}, {Got: 9, Known: true}, {Got: 1}, {Got: 3, Known: true}, {Got: 1.05, Known: true}, {Got: 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("targets reached (-want +got):\n%s", diff)
	}
	if grouped(0) != "0" || grouped(999) != "999" || grouped(1_000_000) != "1 000 000" {
		t.Errorf("grouped = %q, %q, %q", grouped(0), grouped(999), grouped(1_000_000))
	}
}

func TestLeast(t *testing.T) {
	r := &Run{Samples: []Sample{{Allocs: 0.3}, {Allocs: 0.1}, {Allocs: 0.2}}}
	if got := r.Least(Allocs); got != 0.1 || (*Run)(nil).Least(Allocs) != 0 || (&Run{}).Least(Allocs) != 0 {
		t.Errorf("Least = %v", got)
	}
}
