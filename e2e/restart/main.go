package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// plan says what is to be done.
type plan struct {
	Source  string        // the folder with go.mod
	Bin     string        // with gatepostd and gatepostctl
	Kills   int           // of policy
	Terms   int           // of policy
	Clients int           // of policy
	Pause   time.Duration // of a client of policy after each answer
	Users   int           // of policy
	First   time.Duration // within which policy wants the first answer

	Accounts int           // of logins. Dovecot allows each 10 sessions at once
	Rate     float64       // of logins in a second
	Logins   int           // over SIGTERM, at least
	Every    time.Duration // from the end of a restart under logins to the next
	Deaths   int           // restarts by kill -9 under logins
	Think    time.Duration // what every fifth mail client takes from the greeting to LOGIN, at most

	Verbose bool
}

// say prints what happens, when that is wanted.
func (p *plan) say(format string, a ...any) {
	if p.Verbose {
		fmt.Printf("  "+format+"\n", a...)
	}
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "restart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	p := &plan{}
	flag.StringVar(&p.Bin, "bin", os.Getenv("GATEPOST_BIN"), "`folder` of gatepostd and gatepostctl; without it they are built")
	flag.IntVar(&p.Kills, "kills", 100, "restarts by kill -9 under policy load")
	flag.IntVar(&p.Terms, "terms", 100, "restarts by SIGTERM under policy load")
	flag.IntVar(&p.Clients, "clients", 64, "connections of policy load")
	flag.DurationVar(&p.Pause, "pause", 0, "of each of them after an answer")
	flag.IntVar(&p.Users, "users", 10_000, "users under policy load")
	flag.DurationVar(&p.First, "first", 300*time.Millisecond, "within which the first answer has to come after the start")
	flag.IntVar(&p.Accounts, "accounts", 20, "users that log in; each restart forgets which passwords were verified")
	flag.Float64Var(&p.Rate, "rate", 20, "logins a second")
	flag.IntVar(&p.Logins, "logins", 2000, "logins over SIGTERM, at least")
	flag.DurationVar(&p.Every, "every", 2*time.Second, "from the end of a restart under logins to the next")
	flag.IntVar(&p.Deaths, "deaths", 30, "restarts by kill -9 under logins")
	flag.DurationVar(&p.Think, "think", 900*time.Millisecond, "what every fifth mail client may take from the greeting to its LOGIN")
	flag.BoolVar(&p.Verbose, "v", false, "say what becomes of each restart")
	only := flag.String("case", "", "run only this: policy or logins")
	flag.Parse()
	if *only != "" && *only != "policy" && *only != "logins" {
		return fmt.Errorf("there is no case %q; there are policy and logins", *only)
	}
	if err := p.prepare(ctx); err != nil {
		return err
	}
	defer os.RemoveAll(p.temporary())
	var errs []error
	if *only != "logins" {
		r, err := p.policy(ctx)
		errs = append(errs, show(r, err))
	}
	if *only != "policy" {
		r, err := p.logins(ctx)
		errs = append(errs, show(r, err))
	}
	return errors.Join(errs...)
}

// result is what a case has found.
type result interface {
	print()
	broken() error // which promises were; nil: none
}

// show prints a result and returns what is wrong with it.
func show[R result](r R, err error) error {
	if err != nil {
		return err
	}
	r.print()
	return r.broken()
}

// upTo returns a random time below d.
func upTo(d time.Duration) time.Duration { return rand.N(max(d, 1)) }
