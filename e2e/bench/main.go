package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	quick      bool
	rounds     int
	cache, out string
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) > 1 {
		if role, ok := roles[args[0]]; ok {
			return role(args[1:])
		}
	}
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	return bench(ctx, o)
}

func parse(args []string) (options, error) {
	o := options{}
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	set.BoolVar(&o.quick, "quick", false, "two minutes: fewer rounds, shorter runs, fewer loads")
	set.IntVar(&o.rounds, "rounds", 0, "how often each server takes its turn (default 5, quick 1)")
	set.StringVar(&o.cache, "cache", filepath.Join(os.TempDir(), "gatepost-bench"), "directory in which filled state directories are kept")
	set.StringVar(&o.out, "out", "docs", "directory of the pages that are written")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	if set.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	if o.rounds == 0 {
		o.rounds = 5
		if o.quick {
			o.rounds = 1
		}
	}
	return o, nil
}

// seconds returns how long one measurement takes, and how long before it the
// server is warmed up.
func (o options) seconds() (measured, warmup time.Duration) {
	if o.quick {
		return 700 * time.Millisecond, 150 * time.Millisecond
	}
	return 1500 * time.Millisecond, 300 * time.Millisecond
}
