// Package report holds what a benchmark has measured, judges it against the
// targets, and writes it down: as JSON, as a page, as a chart.
//
// Servers take turns, round by round, so what a machine does besides disturbs
// them alike. A ratio is formed within a round, and the median over the rounds
// is what counts; so is the median of everything else.
package report

import (
	"cmp"
	"slices"
)

// Results is everything that a run has measured.
type Results struct {
	Date     string   `json:"date"`
	Commit   string   `json:"commit"`
	Machine  Machine  `json:"machine"`
	Rounds   int      `json:"rounds"`
	Seconds  float64  `json:"seconds"` // that one measurement takes
	Runs     []*Run   `json:"runs"`
	Absent   []string `json:"absent"` // peers that were left out, and why
	Start    Start    `json:"start"`
	Memory   Memory   `json:"memory"`
	Idle     Idle     `json:"idle"`
	Crowd    Crowd    `json:"crowd"`
	Profiles Profiles `json:"profiles"`
	Writes   Writes   `json:"writes"`
	Batches  []*Batch `json:"batches"`
	Targets  []Target `json:"targets"`
}

// Machine says where it was measured.
type Machine struct {
	CPU      string            `json:"cpu"`
	Cores    int               `json:"cores"`
	Memory   int64             `json:"memory_bytes"`
	Kernel   string            `json:"kernel"`
	System   string            `json:"system"`
	Go       string            `json:"go"`
	Load     float64           `json:"load_average_before"`
	Versions map[string]string `json:"versions"` // of peers
}

// Run is one server under one load, measured once a round.
type Run struct {
	Server  string   `json:"server"`
	Door    string   `json:"door"`
	Load    string   `json:"load"` // what is asked, in words
	Conns   int      `json:"conns"`
	Rate    float64  `json:"rate,omitempty"` // requests a second; 0: closed loop
	Pinned  bool     `json:"pinned,omitempty"`
	Samples []Sample `json:"samples"`
}

// Sample is one measurement. Times are in microseconds.
type Sample struct {
	Throughput float64 `json:"throughput"` // requests a second
	P50        float64 `json:"p50_us"`
	P90        float64 `json:"p90_us"`
	P99        float64 `json:"p99_us"`
	CPU        float64 `json:"cpu_us"`  // of the server, user and system, for each request
	User       float64 `json:"user_us"` // of it
	Allocs     float64 `json:"allocs"`  // heap objects for each request; -1: not known
	Client     float64 `json:"client_us"`
	Changes    float64 `json:"changes,omitempty"` // made meanwhile, a second
}

// Start is how long the daemon takes to answer with the most users.
type Start struct {
	Users        int       `json:"users"`
	Ready        []float64 `json:"ready_s"`         // from exec to the word
	ReadyCPU     []float64 `json:"ready_cpu_s"`     // that it took
	FlatDecoded  []float64 `json:"flat_decoded_s"`  // flat file read and decoded
	FlatInserted []float64 `json:"flat_inserted_s"` // flat file read, decoded and put into a map
}

// Memory is what the daemon holds with the most users.
type Memory struct {
	Users          int     `json:"users"`
	Anonymous      int64   `json:"anonymous_bytes"`
	Resident       int64   `json:"resident_bytes"`
	HeapPerUser    float64 `json:"heap_bytes_per_user"`
	ObjectsPerUser float64 `json:"heap_objects_per_user"`
	Address        int     `json:"address_bytes"`
	Hash           int     `json:"hash_bytes"`
}

// Overhead returns the heap bytes of a user beyond its address and its hash.
func (m Memory) Overhead() float64 { return m.HeapPerUser - float64(m.Address+m.Hash) }

// Idle is what an empty daemon uses that nobody asks.
type Idle struct {
	CPU       float64 `json:"cpu_ms_per_s"`
	Anonymous int64   `json:"anonymous_bytes"`
	Resident  int64   `json:"resident_bytes"`
}

// Crowd is a further client's view while many connections are open.
type Crowd struct {
	Conns     int      `json:"conns"`
	HalfSent  int      `json:"half_sent"`  // of them have sent half a request
	Large     int      `json:"large_half"` // bytes that every second of those has sent
	Users     int      `json:"users"`
	Anonymous int64    `json:"anonymous_bytes"`
	Samples   []Sample `json:"samples"`
}

// Profiles say what a request's CPU time is spent on, in microseconds: at EchoLoop
// and here.
type Profiles struct {
	Echo     []Part `json:"echo"`
	Gatepost []Part `json:"gatepost"`
}

// Part is a part of a request's CPU time.
type Part struct {
	What string  `json:"what"`
	CPU  float64 `json:"cpu_us"`
}

// Find returns the run of a server under a load, or nil.
func (r *Results) Find(server, load string, conns int, rate float64) *Run {
	i := slices.IndexFunc(r.Runs, func(run *Run) bool {
		return run.Server == server && run.Load == load && run.Conns == conns && run.Rate == rate
	})
	if i < 0 {
		return nil
	}
	return r.Runs[i]
}

// Median returns the median of a figure over the rounds; 0 without any.
func (r *Run) Median(figure func(Sample) float64) float64 {
	if r == nil {
		return 0
	}
	return MedianOf(r.Samples, figure)
}

// Least returns the least of a figure over the rounds; 0 without any.
func (r *Run) Least(figure func(Sample) float64) float64 {
	if r == nil || len(r.Samples) == 0 {
		return 0
	}
	least := figure(r.Samples[0])
	for _, s := range r.Samples {
		least = min(least, figure(s))
	}
	return least
}

// Ratio returns the median over the rounds of a figure of a by the same of b; 0
// when one of them was not measured.
func Ratio(a, b *Run, figure func(Sample) float64) float64 {
	if a == nil || b == nil {
		return 0
	}
	var ratios []float64
	for i := range min(len(a.Samples), len(b.Samples)) {
		if d := figure(b.Samples[i]); d != 0 {
			ratios = append(ratios, figure(a.Samples[i])/d)
		}
	}
	return median(ratios)
}

// MedianOf returns the median of a figure of some things.
func MedianOf[T any](things []T, figure func(T) float64) float64 {
	values := make([]float64, 0, len(things))
	for _, t := range things {
		values = append(values, figure(t))
	}
	return median(values)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.SortedFunc(slices.Values(values), cmp.Compare)
	m := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[m-1] + sorted[m]) / 2
	}
	return sorted[m]
}

// The figures that are compared.
var (
	Throughput = func(s Sample) float64 { return s.Throughput }
	P50        = func(s Sample) float64 { return s.P50 }
	P90        = func(s Sample) float64 { return s.P90 }
	P99        = func(s Sample) float64 { return s.P99 }
	CPU        = func(s Sample) float64 { return s.CPU }
	Allocs     = func(s Sample) float64 { return s.Allocs }
	Changed    = func(s Sample) float64 { return s.Changes }
)
