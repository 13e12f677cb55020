package main

import (
	"context"
	"encoding/json"
	"os/exec"
	"syscall"
	"time"

	"github.com/gatepost/gatepost/e2e/bench/population"
	"github.com/gatepost/gatepost/e2e/bench/process"
	"github.com/gatepost/gatepost/e2e/bench/report"
	"github.com/gatepost/gatepost/e2e/bench/traffic"
)

// standing measures what needs no load: how long a start takes, what the daemon
// holds, what it uses when nobody asks.
func (b *benchmark) standing(ctx context.Context) error {
	b.results.Start.Users = million.Count
	for range b.options.rounds {
		if err := b.start(ctx); err != nil {
			return err
		}
	}
	if err := b.memory(ctx); err != nil {
		return err
	}
	return b.idle(ctx)
}

// start starts the daemon with the most users, and reads the same records from
// a flat file.
func (b *benchmark) start(ctx context.Context) error {
	begun := time.Now()
	s, err := b.startGatepost(ctx, report.Largest, million, false)
	if err != nil {
		return err
	}
	r := &b.results.Start
	r.Ready = append(r.Ready, time.Since(begun).Seconds())
	r.ReadyCPU = append(r.ReadyCPU, process.Used(s.pids).Total.Seconds())
	if err := stopAll(s); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, b.self, "role-flat", b.flatFile()).Output()
	if err != nil {
		return err
	}
	var floor population.Floor
	if err := json.Unmarshal(out, &floor); err != nil {
		return err
	}
	r.FlatDecoded = append(r.FlatDecoded, floor.Decoded.Seconds())
	r.FlatInserted = append(r.FlatInserted, floor.Inserted.Seconds())
	return nil
}

// held is what a daemon at rest holds.
type held struct {
	process.Memory
	heap, objects float64
}

func (b *benchmark) held(ctx context.Context, users traffic.Users) (h held, err error) {
	s, err := b.startGatepost(ctx, "memory", users, true)
	if err != nil {
		return h, err
	}
	defer func() { err = firstError(err, stopAll(s)) }()
	if err := s.rest(); err != nil {
		return h, err
	}
	h.Memory = process.Held(s.pids)
	// What a collection would free is not held for a user.
	if err := s.process.Signal(syscall.SIGUSR1); err != nil {
		return h, err
	}
	time.Sleep(4 * collectEvery)
	if h.heap, err = s.metric(heapBytes); err != nil {
		return h, err
	}
	h.objects, err = s.metric(heapObjects)
	return h, err
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// memory compares the daemon with the most users with the one with the fewest:
// what they both hold is not the users'.
func (b *benchmark) memory(ctx context.Context) error {
	small, err := b.held(ctx, few)
	if err != nil {
		return err
	}
	large, err := b.held(ctx, million)
	if err != nil {
		return err
	}
	hash, err := population.HashSize()
	if err != nil {
		return err
	}
	more := float64(million.Count - few.Count)
	b.results.Memory = report.Memory{
		Users: million.Count, Anonymous: large.Anonymous, Resident: large.Resident,
		HeapPerUser: (large.heap - small.heap) / more, ObjectsPerUser: (large.objects - small.objects) / more,
		Address: len(million.Address(0)), Hash: hash,
	}
	return nil
}

// idle measures a daemon without users that nobody asks.
func (b *benchmark) idle(ctx context.Context) (err error) {
	s, err := b.startGatepost(ctx, "empty", traffic.Users{}, false)
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, stopAll(s)) }()
	if err := s.rest(); err != nil {
		return err
	}
	watch := 10 * time.Second
	if b.options.quick {
		watch = 2 * time.Second
	}
	before, begun := process.Used(s.pids), time.Now()
	time.Sleep(watch)
	used, took := process.Used(s.pids).Sub(before).Total, time.Since(begun)
	m := process.Held(s.pids)
	b.results.Idle = report.Idle{CPU: used.Seconds() * 1e3 / took.Seconds(), Anonymous: m.Anonymous, Resident: m.Resident}
	return nil
}
