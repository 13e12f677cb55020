package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gatepost/gatepost/e2e/program"
)

// plan says what is to be done.
type plan struct {
	Source string // the folder with go.mod
	Bin    string // with gatepostd
	Dir    string // for what is mounted
	Rounds int    // of full and kill
	Full   time.Duration
	Within time.Duration // for each answer
	Size   int64         // of the tmpfs, in bytes

	program.Options
}

// cases are all of them, in the order in which they run.
var cases = []struct {
	name string
	run  func(context.Context, *plan, *result) error
}{
	{"full", full},
	{"kill", fullAndKill},
	{"read-only", readOnly},
	{"fault", fault},
	{"owner", owner},
	{"second", second},
}

func main() { program.Main("degraded", run) }

func run(ctx context.Context) error {
	p := &plan{}
	flag.StringVar(&p.Bin, "bin", os.Getenv("GATEPOST_BIN"), "`folder` of gatepostd; without it it is built")
	flag.StringVar(&p.Dir, "dir", os.TempDir(), "`folder` for mounts and images")
	flag.IntVar(&p.Rounds, "rounds", 3, "rounds of full and of kill")
	flag.DurationVar(&p.Full, "full", time.Minute, "how long the disk stays full")
	flag.DurationVar(&p.Within, "within", 2*time.Second, "how long an answer may take")
	flag.Int64Var(&p.Size, "size", 100_000_000, "of the tmpfs, in bytes")
	var names []string
	for _, c := range cases {
		names = append(names, c.name)
	}
	if err := p.Parse(flag.CommandLine, os.Args[1:], names...); err != nil {
		return err
	}
	if err := p.prepare(ctx); err != nil {
		return err
	}
	defer os.RemoveAll(p.Dir)
	var results []*result
	for _, c := range cases {
		if p.Wants(c.name) {
			results = append(results, p.carryOut(ctx, c.name, c.run))
		}
	}
	return show(os.Stdout, results)
}

// carryOut runs a case.
func (p *plan) carryOut(ctx context.Context, name string, run func(context.Context, *plan, *result) error) *result {
	fmt.Printf("%s …\n", name)
	r := &result{name: name, within: p.Within}
	if err := run(ctx, p, r); err != nil {
		r.broken(err)
	}
	return r
}

// prepare makes a folder, finds the source and builds gatepostd, unless it was
// told where that is.
func (p *plan) prepare(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("it needs root, to mount")
	}
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	p.Source = filepath.Dir(strings.TrimSpace(string(out)))
	if p.Dir, err = os.MkdirTemp(p.Dir, "degraded-*"); err != nil {
		return err
	}
	if err := os.Chmod(p.Dir, 0o711); err != nil { // case owner runs gatepostd as somebody else
		return err
	}
	obtain := exec.CommandContext(ctx, "cp", filepath.Join(p.Bin, "gatepostd"), p.Dir)
	if p.Bin == "" {
		obtain = exec.CommandContext(ctx, "go", "build", "-o", p.Dir, "./cmd/gatepostd")
		obtain.Dir = p.Source
	}
	if said, err := obtain.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", obtain, err, said)
	}
	p.Bin = p.Dir
	return nil
}
