package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/gatepost/gatepost/e2e/program"
)

// torture says what is to be done.
type torture struct {
	Dir    string // for state directories, images and mounts
	Seed   uint64
	Rounds int           // of kill
	Cuts   int           // of power
	Flips  int           // trials of flip
	Steps  int           // rounds of clock
	Fills  int           // rounds of full
	Full   time.Duration // of one of them: how long the disk stays full

	Batches int // rounds of batch
	Crowd   int // users of one of them

	Removals int // trials of remove; 0: all there are

	program.Options
}

// cases are all of them, in the order in which they run.
var cases = []struct {
	name string
	run  func(context.Context, *torture) *result
}{
	{"kill", kills},
	{"power", cuts},
	{"flip", flips},
	{"remove", removals},
	{"clock", steps},
	{"full", fulls},
	{"batch", batches},
}

func main() {
	if !child() {
		program.Main("torture", run)
	}
}

func run(ctx context.Context) error {
	t := &torture{}
	flag.StringVar(&t.Dir, "dir", os.TempDir(), "`folder` for temporary state directories, on the kind of disk that is meant")
	flag.Uint64Var(&t.Seed, "seed", rand.Uint64N(1<<32), "of the commands; the moments are random anyway")
	flag.IntVar(&t.Rounds, "kills", 200, "rounds of kill")
	flag.IntVar(&t.Cuts, "cuts", 50, "rounds of power")
	flag.IntVar(&t.Flips, "flips", 500, "trials of flip")
	flag.IntVar(&t.Steps, "steps", 30, "rounds of clock")
	flag.IntVar(&t.Fills, "fills", 5, "rounds of full")
	flag.DurationVar(&t.Full, "full", 10*time.Second, "how long the disk stays full")
	flag.IntVar(&t.Batches, "batches", 30, "rounds of batch")
	flag.IntVar(&t.Crowd, "crowd", 50_000, "users of a batch")
	if err := t.Parse(flag.CommandLine, os.Args[1:], caseNames()...); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(t.Dir, "torture-*")
	if err != nil {
		return err
	}
	t.Dir = dir
	fmt.Printf("seed %d, in %s\n", t.Seed, dir)
	results := runCases(ctx, t)
	printResults(os.Stdout, results)
	for _, r := range results {
		if !r.ok() {
			return fmt.Errorf("%s failed; what is left is in %s", r.name, dir)
		}
	}
	return errors.Join(ctx.Err(), os.RemoveAll(dir))
}

// runCases runs the cases that are wanted.
func runCases(ctx context.Context, t *torture) (results []*result) {
	for _, c := range cases {
		if ctx.Err() != nil || !t.Wants(c.name) {
			continue
		}
		fmt.Printf("%s …\n", c.name)
		began := time.Now()
		r := c.run(ctx, t)
		r.took = time.Since(began)
		results = append(results, r)
	}
	return results
}

func caseNames() (names []string) {
	for _, c := range cases {
		names = append(names, c.name)
	}
	return names
}
