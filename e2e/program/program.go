// Package program is the frame of those programs of e2e that run cases by their
// names: what their command lines share, and how they end.
package program

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// Main runs a program until it is done or somebody interrupts it, which ends ctx.
// An error is printed behind the program's name and ends the process with 1.
func Main(name string, run func(ctx context.Context) error) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	cancel()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Options are what every such program can be told. The zero value runs every case
// and is silent.
type Options struct {
	Verbose bool

	cases  []string // all there are
	chosen []string // of them; none: all
}

// Parse adds -v and -case to the flags of a program with these cases, and reads a
// command line without the program's name. A case that there is not, or a word
// that is no flag, is refused: nothing would be run, and nothing would have
// failed.
func (o *Options) Parse(set *flag.FlagSet, args []string, cases ...string) error {
	o.cases = cases
	set.BoolVar(&o.Verbose, "v", o.Verbose, "say what happens")
	set.Func("case", "run only these `names`, a comma between them; all: "+strings.Join(cases, ","), o.choose)
	if err := set.Parse(args); err != nil {
		return err
	}
	if set.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	return nil
}

func (o *Options) choose(names string) error {
	o.chosen = strings.Split(names, ",")
	for _, name := range o.chosen {
		if !slices.Contains(o.cases, name) {
			return fmt.Errorf("there is no case %q; there are %s", name, strings.Join(o.cases, ", "))
		}
	}
	return nil
}

// Wants reports whether a case is to be run.
func (o *Options) Wants(name string) bool {
	return len(o.chosen) == 0 || slices.Contains(o.chosen, name)
}

// Say prints what happens, when that is wanted.
func (o *Options) Say(format string, a ...any) {
	if o.Verbose {
		fmt.Printf("  "+format+"\n", a...)
	}
}
