package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gatepost/gatepost/e2e/bench/population"
	"github.com/gatepost/gatepost/e2e/bench/report"
	"github.com/gatepost/gatepost/e2e/bench/traffic"
)

// The directories that are measured.
var (
	few     = traffic.Users{Count: 1_000}
	many    = traffic.Users{Count: 100_000}
	million = traffic.Users{Count: 1_000_000}
)

// benchmark is a run of everything.
type benchmark struct {
	options options
	dir     string // for this run; short, because sockets' names must be
	self    string // this program
	daemon  string // gatepostd
	ctl     string // gatepostctl
	started time.Time
	results report.Results
}

func bench(ctx context.Context, o options) (err error) {
	b := &benchmark{options: o, started: time.Now()}
	if b.dir, err = os.MkdirTemp("", "gpb"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := os.Chmod(b.dir, 0o755); err != nil { // Dovecot's processes have users of their own
		return err
	}
	for _, phase := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"building", b.build},
		{"filling", b.fill},
		{"starting, memory, idling", b.standing},
		{"asking", b.asking},
		{"disturbing", b.disturbing},
		{"changing", b.changing},
		{"adding many users", b.batches},
		{"writing", b.write},
	} {
		b.say("%s", phase.name)
		if err := phase.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", phase.name, err)
		}
	}
	return nil
}

// say tells how far it is.
func (b *benchmark) say(format string, a ...any) {
	fmt.Fprintf(os.Stderr, "%6.1fs  %s\n", time.Since(b.started).Seconds(), fmt.Sprintf(format, a...))
}

// build builds both programs as make build does, and finds out where it runs.
func (b *benchmark) build(ctx context.Context) (err error) {
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	b.daemon, b.ctl = filepath.Join(b.dir, "gatepostd"), filepath.Join(b.dir, "gatepostctl")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.dir,
		"github.com/gatepost/gatepost/cmd/gatepostd", "github.com/gatepost/gatepost/cmd/gatepostctl")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, said)
	}
	measured, _ := b.options.seconds()
	b.results = report.Results{
		Date: time.Now().UTC().Format("2006-01-02"), Commit: commit(ctx), Machine: machine(ctx),
		Rounds: b.options.rounds, Seconds: measured.Seconds(),
	}
	return nil
}

// state returns the state directory of some users.
func (b *benchmark) state(users traffic.Users) string {
	if users.Count == 0 {
		return filepath.Join(b.dir, "empty")
	}
	return filepath.Join(b.options.cache, strconv.Itoa(users.Count))
}

func (b *benchmark) flatFile() string { return filepath.Join(b.options.cache, "flat") }

// fill makes the state directories that are not there, and the flat file.
func (b *benchmark) fill(ctx context.Context) error {
	for _, users := range []traffic.Users{few, many, million} {
		start := time.Now()
		if err := population.Fill(ctx, b.state(users), users); err != nil {
			return err
		}
		if took := time.Since(start); took > time.Second {
			b.say("%d users: %v", users.Count, took.Round(time.Second))
		}
	}
	return population.WriteFlat(ctx, b.state(million), b.flatFile())
}

// commit returns what is measured, "" when nobody knows.
func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// write judges and writes the pages.
func (b *benchmark) write(context.Context) error {
	b.results.Judge()
	return b.results.Write(b.options.out)
}
