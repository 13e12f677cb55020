package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
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
	Verbose  bool
}

// say prints what happens, when that is wanted.
func (t *torture) say(format string, a ...any) {
	if t.Verbose {
		fmt.Printf("  "+format+"\n", a...)
	}
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
	if child() {
		return
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
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
	flag.BoolVar(&t.Verbose, "v", false, "say what becomes of each trial")
	only := flag.String("case", "", "run only these, a comma between them; all: "+caseNames())
	flag.Parse()
	dir, err := os.MkdirTemp(t.Dir, "torture-*")
	if err != nil {
		return err
	}
	t.Dir = dir
	fmt.Printf("seed %d, in %s\n", t.Seed, dir)
	results, err := runCases(ctx, t, *only)
	printResults(os.Stdout, results)
	if err != nil {
		return err
	}
	for _, r := range results {
		if !r.ok() {
			return fmt.Errorf("%s failed; what is left is in %s", r.name, dir)
		}
	}
	return errors.Join(ctx.Err(), os.RemoveAll(dir))
}

// runCases runs the cases whose names are in only, or all.
func runCases(ctx context.Context, t *torture, only string) ([]*result, error) {
	wanted := strings.Split(only, ",")
	for _, name := range wanted {
		if only != "" && !strings.Contains(","+caseNames()+",", ","+name+",") {
			return nil, fmt.Errorf("there is no case %q; there are %s", name, caseNames())
		}
	}
	var results []*result
	for _, c := range cases {
		if ctx.Err() != nil || only != "" && !slices.Contains(wanted, c.name) {
			continue
		}
		fmt.Printf("%s …\n", c.name)
		began := time.Now()
		r := c.run(ctx, t)
		r.took = time.Since(began)
		results = append(results, r)
	}
	return results, nil
}

func caseNames() string {
	var names []string
	for _, c := range cases {
		names = append(names, c.name)
	}
	return strings.Join(names, ",")
}
