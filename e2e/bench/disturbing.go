package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gatepost/gatepost/e2e/bench/report"
	"github.com/gatepost/gatepost/e2e/bench/traffic"
)

// disturbing measures what changes and collections cost, and where the time of
// a request goes: everything that needs the instrumented daemon.
func (b *benchmark) disturbing(ctx context.Context) (err error) {
	s, err := b.startGatepost(ctx, report.Largest, million, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopAll(s)) }()
	if err := s.rest(); err != nil {
		return err
	}
	writer := &changes{server: s}
	collector := func() error { return s.process.Signal(syscall.SIGUSR1) }
	quiet := s.askPolicy(report.Quiet, million, 64).at(report.OpenRate)
	changing := s.askPolicy(report.Changes, million, 64).at(report.OpenRate)
	changing.begin, changing.end, changing.changes = writer.begin, writer.end, writer.rate
	undisturbed := s.askPolicy(report.Undisturb, million, 64)
	collected := s.askPolicy(report.Collected, million, 64)
	collected.begin, collected.end = collector, collector
	if err := b.rounds(ctx, []*subject{quiet, changing, undisturbed, collected}); err != nil {
		return err
	}
	return b.profiles(ctx, s)
}

// profiles takes a CPU profile of the echo server that is hardest to beat and of the
// daemon.
func (b *benchmark) profiles(ctx context.Context, daemon *server) (err error) {
	echo, err := b.startEcho(ctx, report.EchoLoop, "\n\n", traffic.Dunno)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopAll(echo)) }()
	p := &b.results.Profiles
	if p.Echo, err = b.profile(ctx, echo, few); err != nil {
		return err
	}
	if err := daemon.resume(); err != nil {
		return err
	}
	p.Gatepost, err = b.profile(ctx, daemon, million)
	return err
}

func (b *benchmark) profile(ctx context.Context, s *server, users traffic.Users) ([]report.Part, error) {
	subject := s.askPolicy(report.Uniform, users, 64)
	toggle := func() error { return s.process.Signal(syscall.SIGUSR2) }
	if err := toggle(); err != nil {
		return nil, err
	}
	var samples []report.Sample
	for round := range 4 {
		sample, err := b.measure(ctx, subject, uint64(round))
		if err != nil {
			return nil, err
		}
		samples = append(samples, sample)
	}
	if err := toggle(); err != nil {
		return nil, err
	}
	file := filepath.Join(s.dir, "profile")
	if err := await(file); err != nil {
		return nil, err
	}
	return report.ReadProfile(ctx, b.self, file, report.MedianOf(samples, report.CPU))
}

// await waits for a file that is renamed into place.
func await(file string) error {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if _, err := os.Stat(file); err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("no profile was written")
}
