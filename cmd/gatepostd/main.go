// Command gatepostd is the daemon that Postfix, Dovecot and administrators talk
// to. It runs in the foreground and logs to standard error, or to journald when
// systemd started it.
//
//	gatepostd [--config FILE] [--log-level LEVEL] [--log-format FORMAT]
//	gatepostd --check [--config FILE]
//	gatepostd --version
//
// SIGTERM and SIGINT drain it: requests in progress are answered, then it ends,
// within 5 seconds; a second signal ends it at once. SIGHUP reads the
// configuration again; a bad file changes nothing.
//
// It exits with 0 after a signal and after a check that found nothing, with 1
// when it could not start, when the check found something or when it had to end
// by itself, and with 2 when it was called in a wrong way.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/logs"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// call is what the command line says.
type call struct {
	config         string
	optional       bool // nobody named the file: it may be missing
	check, version bool
	level, format  string
}

// run is main without the process.
func run(args []string, stdout, stderr io.Writer) int {
	c, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case err != nil:
		return exitUsage
	case c.version:
		fmt.Fprintln(stdout, "gatepostd", versionText())
		return exitDone
	case c.check:
		return check(c, stdout, stderr)
	}
	level, levelErr := logs.ParseLevel(c.level)
	format, formatErr := logs.ParseFormat(c.format)
	if err := errors.Join(levelErr, formatErr); err != nil {
		fmt.Fprintln(stderr, "gatepostd:", err)
		return exitUsage
	}
	log, queue := logs.New(format, level, stderr)
	defer queue.Close()
	return serve(c, log, queue.Dropped)
}

// parse reads the command line. What is wrong with it has been said when it
// returns an error.
func parse(args []string, stderr io.Writer) (call, error) {
	c := call{}
	flags := flag.NewFlagSet("gatepostd", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&c.config, "config", config.DefaultPath, "read the configuration from `FILE`")
	flags.BoolVar(&c.check, "check", false, "check the configuration and what it needs on this machine, then exit")
	flags.BoolVar(&c.version, "version", false, "print the version and exit")
	flags.StringVar(&c.level, "log-level", "info", "log what is at least this `LEVEL`: error, warn, info, debug")
	flags.StringVar(&c.format, "log-format", "auto", "log in this `FORMAT`: auto (journald under systemd, else text), text, json, journal")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	if flags.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q", flags.Arg(0))
		fmt.Fprintln(stderr, "gatepostd:", err)
		return c, err
	}
	c.optional = true
	flags.Visit(func(f *flag.Flag) { c.optional = c.optional && f.Name != "config" })
	return c, nil
}

// check says everything that is wrong with the configuration.
func check(c call, stdout, stderr io.Writer) int {
	warnings, err := config.Check(c.config, c.optional)
	for _, w := range warnings {
		fmt.Fprintf(stderr, "%s: warning: %s\n", c.config, w)
	}
	if err != nil {
		tell(stderr, c.config, err)
		return exitFailed
	}
	fmt.Fprintf(stdout, "%s: ok\n", c.config)
	return exitDone
}

// tell prints an error; each mistake on a line of its own.
func tell(w io.Writer, file string, err error) {
	var mistakes config.Mistakes
	if !errors.As(err, &mistakes) {
		fmt.Fprintln(w, "gatepostd:", err)
		return
	}
	for _, m := range mistakes {
		fmt.Fprintf(w, "%s: %s\n", file, m)
	}
}
