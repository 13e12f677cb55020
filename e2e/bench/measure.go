package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gatepost/gatepost/e2e/bench/load"
	"github.com/gatepost/gatepost/e2e/bench/process"
	"github.com/gatepost/gatepost/e2e/bench/report"
)

// subject is a server's door under a load; it is measured once a round.
type subject struct {
	server           *server
	network, address string
	dialogue         func(conn int) load.Dialogue
	run              *report.Run

	// begin and end surround a measurement, if not nil.
	begin, end func() error

	// changes returns how many changes a second were made between begin and end,
	// if not nil.
	changes func() float64
}

// rounds lets subjects take turns. Their servers are stopped where they are
// when it returns.
func (b *benchmark) rounds(ctx context.Context, subjects []*subject) error {
	for _, s := range subjects {
		b.results.Runs = append(b.results.Runs, s.run)
	}
	for _, s := range subjects {
		if err := s.server.pause(); err != nil {
			return err
		}
	}
	for round := range b.options.rounds {
		for _, s := range subjects {
			if err := b.turn(ctx, s, uint64(round)); err != nil {
				return fmt.Errorf("%s, %s, %d connections: %w", s.run.Server, s.run.Load, s.run.Conns, err)
			}
		}
		b.say("round %d of %d", round+1, b.options.rounds)
	}
	return nil
}

// turn measures a subject; its server runs alone.
func (b *benchmark) turn(ctx context.Context, s *subject, round uint64) (err error) {
	if err := s.server.resume(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.server.pause()) }()
	if s.run.Pinned {
		pids := append([]int{os.Getpid()}, s.server.pids...)
		if err := process.Pin(pids, 0); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, process.Unpin(pids)) }()
	}
	sample, err := b.measure(ctx, s, round)
	if err == nil {
		s.run.Samples = append(s.run.Samples, sample)
	}
	return err
}

func (b *benchmark) measure(ctx context.Context, s *subject, round uint64) (report.Sample, error) {
	if s.begin != nil {
		if err := s.begin(); err != nil {
			return report.Sample{}, err
		}
	}
	measured, warmup := b.options.seconds()
	m := meter{server: s.server}
	r, err := load.Run(ctx, load.Plan{Network: s.network, Address: s.address, Conns: s.run.Conns,
		Dialogue: s.dialogue, Rate: s.run.Rate, Warmup: warmup, Duration: measured, Seed: round,
		Begin: m.begin, End: m.end})
	if s.end != nil {
		err = errors.Join(err, s.end())
	}
	if err = errors.Join(err, m.err); err != nil {
		return report.Sample{}, err
	}
	sample := m.sample(r)
	if s.changes != nil {
		sample.Changes = s.changes()
	}
	return sample, nil
}

// meter reads what a server uses while it is measured.
type meter struct {
	server *server
	cpu    process.CPU
	allocs float64 // so far; then in the measurement
	scrape float64 // what asking costs
	err    error
}

func (m *meter) begin() {
	m.server.pids = process.Tree(m.server.process.PID()) // some make a process for each connection
	if m.server.gatepost {
		first, err := m.server.metric(mallocs)
		second, again := m.server.metric(mallocs)
		m.scrape, m.allocs, m.err = second-first, second, errors.Join(err, again)
	}
	m.cpu = process.Used(m.server.pids)
}

func (m *meter) end() {
	m.cpu = process.Used(m.server.pids).Sub(m.cpu)
	if m.server.gatepost {
		last, err := m.server.metric(mallocs)
		m.allocs, m.err = max(0, last-m.allocs-m.scrape), errors.Join(m.err, err)
	}
}

func (m *meter) sample(r *load.Result) report.Sample {
	n := max(1, float64(r.Requests))
	micro := func(d time.Duration) float64 { return float64(d) / 1e3 }
	s := report.Sample{
		Throughput: r.Throughput(),
		P50:        micro(r.Latency.Quantile(0.50)), P90: micro(r.Latency.Quantile(0.90)), P99: micro(r.Latency.Quantile(0.99)),
		CPU: micro(m.cpu.Total) / n, User: micro(m.cpu.User) / n, Client: micro(r.Client) / n, Allocs: -1,
	}
	if m.server.gatepost {
		s.Allocs = m.allocs / n
	}
	return s
}
