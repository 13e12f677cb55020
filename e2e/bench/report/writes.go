package report

import (
	"fmt"
	"strings"
)

// Writes is what durable changes cost. Each figure is of one round; rates are
// per second.
type Writes struct {
	Size       int       `json:"size_bytes"`      // of a change in the journal
	Raw        []float64 `json:"raw_us"`          // median of an append and fdatasync of that size
	Change     []float64 `json:"change_us"`       // median of a change, in the turns between
	Synced     []float64 `json:"synced_per_s"`    // such appends, one after the other
	Crowd      []float64 `json:"crowd_per_s"`     // changes of so many administrators at once
	Admins     int       `json:"administrators"`  //
	Single     []float64 `json:"socket_us"`       // median of a change over the admin socket
	SocketRate []float64 `json:"socket_per_s"`    // of the administrators there
	Asked      int       `json:"asked_after"`     // changes after which the next policy request was looked at
	Disobeyed  int       `json:"disobeyed_after"` // of them, those that it did not obey
}

// Batch is how so many users are added at once, and what others notice. Each
// figure is of one round.
type Batch struct {
	Users    int       `json:"users"`
	Took     []float64 `json:"took_s"`             // gatepostctl, from start to end
	Quiet    []Sample  `json:"quiet"`              // policy requests before
	During   []Sample  `json:"during"`             // meanwhile
	After    []Sample  `json:"after"`              // while the database follows
	Before   []int64   `json:"daemon_before"`      // bytes of anonymous memory
	Peak     []int64   `json:"daemon_peak"`        // at most meanwhile and shortly after
	Client   []int64   `json:"client_peak"`        // bytes that gatepostctl had resident at most
	Status   []float64 `json:"status_worst_ms"`    // longest answer to `status` meanwhile
	Reported bool      `json:"status_reported_it"` // it said what was going on, every time
}

// ratio returns the median over the rounds of a figure by that of a quiet time.
func (b *Batch) ratio(samples []Sample, figure func(Sample) float64) float64 {
	if b == nil {
		return 0
	}
	return Ratio(&Run{Samples: samples}, &Run{Samples: b.Quiet}, figure)
}

// grouped writes a number with spaces between the thousands.
func grouped(n int) string {
	text := fmt.Sprint(n)
	var parts []string
	for len(text) > 3 {
		parts = append([]string{text[len(text)-3:]}, parts...)
		text = text[:len(text)-3]
	}
	return strings.Join(append([]string{text}, parts...), " ")
}

func (r *Results) judgeWrites() {
	w := r.Writes
	r.add(
		atMost("one durable change: its median divided by that of a raw append and fdatasync of its size", ratioOf(w.Change, w.Raw), 2, 1.5),
		atLeast("64 administrators: their changes divided by one synced write after the other", ratioOf(w.Crowd, w.Synced), 8, 12),
		atMost("changes that the next policy request did not obey", float64(w.Disobeyed), 0, 0).measured(w.Asked > 0),
	)
}

// judgeBatches judges the largest batch by what others notice, and that of
// 100 000 users by its time: seconds.
func (r *Results) judgeBatches() {
	const many = 100_000
	var largest *Batch
	for _, b := range r.Batches {
		if b.Users == many {
			r.add(atMost("100 000 users in one batch of gatepostctl", median(b.Took), 10, 0).in("s"))
		}
		largest = b
	}
	if largest == nil {
		return
	}
	what := "while " + grouped(largest.Users) + " users are added: "
	r.add(
		atMost(what+"p50 of policy requests divided by that of a quiet time", largest.ratio(largest.During, P50), 1.1, 0),
		atMost(what+"p90 of policy requests divided by that of a quiet time", largest.ratio(largest.During, P90), 1.5, 0),
	)
}

func (p *page) writes(r *Results) {
	w := r.Writes
	p.f("## Changes\n\n")
	p.f("What is acknowledged is durable and visible. The ratios are formed at the store, in turns with a file on the same disk; over the admin socket HTTP is added, and the administrators take their CPU time from the same cores.\n\n")
	p.f("- One change after the other: %.0f µs, and a raw append and `fdatasync` of its %d bytes %.0f µs: **%s times**.\n",
		median(w.Change), w.Size, median(w.Raw), number(ratioOf(w.Change, w.Raw)))
	p.f("- %d administrators at once: %.0f changes a second, and one synced write after the other %.0f: **%s times**.\n",
		w.Admins, median(w.Crowd), median(w.Synced), number(ratioOf(w.Crowd, w.Synced)))
	p.f("- Over the admin socket: %.0f µs for one change, and %.0f changes a second of %d administrators.\n", median(w.Single), median(w.SocketRate), w.Admins)
	p.f("- A user was disabled and enabled %s times; the very next request of an open policy connection obeyed %s times.\n\n", grouped(w.Asked), grouped(w.Asked-w.Disobeyed))
}

func (p *page) batches(r *Results) {
	p.f("## Many users at once\n\n")
	p.f("`gatepostctl user add --batch FILE`, each user with an Argon2id hash, into a directory of %s users who are asked about meanwhile: 64 connections, %s policy requests a second. "+
		"\"After\" is while the database follows the journal.\n\n", grouped(1000), grouped(OpenRate))
	p.f("| users | took, s | p50 quiet | during | after | p90 quiet | during | after | daemon before, MB | at most | gatepostctl, MB | status answers within, ms |\n")
	p.f("| --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n")
	for _, b := range r.Batches {
		p.f("| %s | %.1f | %.0f | × %s | × %s | %.0f | × %s | × %s | %.0f | %.0f | %.0f | %.0f |\n", grouped(b.Users), median(b.Took),
			MedianOf(b.Quiet, P50), number(b.ratio(b.During, P50)), number(b.ratio(b.After, P50)),
			MedianOf(b.Quiet, P90), number(b.ratio(b.During, P90)), number(b.ratio(b.After, P90)),
			megabytes(b.Before), megabytes(b.Peak), megabytes(b.Client), median(b.Status))
	}
	told := "told of each"
	for _, b := range r.Batches {
		if !b.Reported {
			told = "did not tell of each"
		}
	}
	p.f("\n`gatepostctl status`, asked ten times a second meanwhile, %s.\n\n", told)
}

func megabytes(list []int64) float64 {
	return MedianOf(list, func(n int64) float64 { return float64(n) / 1e6 })
}
