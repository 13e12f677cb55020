package main

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"time"

	"github.com/gatepost/gatepost/e2e/program"
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

	program.Options
}

func main() { program.Main("restart", run) }

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
	if err := p.Parse(flag.CommandLine, os.Args[1:], "policy", "logins"); err != nil {
		return err
	}
	if err := p.prepare(ctx); err != nil {
		return err
	}
	defer os.RemoveAll(p.temporary())
	var errs []error
	if p.Wants("policy") {
		r, err := p.policy(ctx)
		errs = append(errs, show(r, err))
	}
	if p.Wants("logins") {
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
