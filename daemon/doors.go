package daemon

import (
	"context"
	"time"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/authsock"
	"github.com/gatepost/gatepost/authsock/quotadict"
	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/login"
	"github.com/gatepost/gatepost/internal/password"
	"github.com/gatepost/gatepost/internal/serve"
	"github.com/gatepost/gatepost/internal/store"
	"github.com/gatepost/gatepost/metrics"
	"github.com/gatepost/gatepost/policy/delegation"
	"github.com/gatepost/gatepost/policy/socketmap"
)

// makeDoors makes every door over the directory. None is open yet.
func (d *Daemon) makeDoors() error {
	d.verifier = password.NewVerifier(password.Options{Hooks: d.metrics.Password(), Scheme: d.config.Password.Scheme})
	d.delegation = &delegation.Server{
		Directory: d.directory, Ledger: d.ledger, Log: d.root,
		Hooks: d.metrics.Delegation(d.conns(config.Policy)),
	}
	requests := authsock.NewRequests()
	d.master = &authsock.Master{
		Directory: d.directory, Requests: requests, Log: d.root, Hooks: d.conns(config.AuthMaster),
		Recheck: d.recheck, FlushCache: d.flushCache, Malformed: d.metrics.Lines(string(config.AuthMaster)),
	}
	d.doors = map[config.Door]door{
		config.Policy: d.delegation,
		config.Socketmap: &socketmap.Server{
			Directory: d.directory, Log: d.root, Hooks: d.metrics.Socketmap(d.conns(config.Socketmap)),
		},
		config.Auth: &authsock.Server{
			Check: d.check, Recall: d.recall, Requests: requests, Hooks: d.conns(config.Auth), Log: d.root,
			Malformed: d.metrics.Lines(string(config.Auth)),
		},
		config.AuthMaster: d.master,
		config.QuotaDict: &quotadict.Server{
			Directory: d.directory, Ledger: d.ledger, Log: d.root,
			Committed: d.metrics.Reported, Hooks: d.conns(config.QuotaDict),
			Malformed: d.metrics.Lines(string(config.QuotaDict)),
		},
		config.Admin: d.adminDoor(),
		config.Metrics: metrics.NewServer(d.metrics,
			metrics.Health{Alive: d.health.alive, Ready: d.health.ready}, d.conns(config.Metrics), d.root.With("component", "metrics")),
	}
	return d.apply(d.config, d.resolved)
}

// adminDoor makes the door of the administrators, who may see everything.
func (d *Daemon) adminDoor() door {
	return &adminsock.Server{
		Directory: d.directory, Ledger: d.ledger, Verifier: d.verifier,
		Settings: d.passwords, Status: d.about, LastLogin: d.lastLogin,
		Modes: d.delegation.Modes.Load, RuleCounts: d.metrics.RuleCounts,
		Audit: d.store, Backup: d.store, ReadBackup: store.ReadSnapshot, SpoolDir: d.config.StateDir, Lane: d.lane,
		Hooks: d.metrics.Admin(d.conns(config.Admin)), Log: d.root,
	}
}

// conns counts the connections of a door, for the metrics and for status.
func (d *Daemon) conns(name config.Door) serve.Hooks {
	hooks := d.metrics.Door(string(name))
	counted, open := hooks.Conns, d.status.open[name]
	hooks.Conns = func(n int) {
		open.Store(int64(n))
		counted(n)
	}
	return hooks
}

// check decides a login and notes when somebody was let in.
func (d *Daemon) check(ctx context.Context, a login.Attempt) login.Outcome {
	o := d.checker.Load().Check(ctx, a)
	if o.Result == login.OK {
		d.ledger.LoggedIn(o.Grant.Mailbox, time.Now())
	}
	return o
}

func (d *Daemon) recall(a login.Attempt) (login.Outcome, bool) {
	o, known := d.checker.Load().Recall(a)
	if known {
		d.ledger.LoggedIn(o.Grant.Mailbox, time.Now())
	}
	return o, known
}

// recheck and flushCache ask the checker that is in force.
func (d *Daemon) recheck(v directory.View, g login.Grant) (directory.User, *login.Rule) {
	return d.checker.Load().Recheck(v, g)
}

func (d *Daemon) flushCache() int { return d.checker.Load().FlushCache() }

func (d *Daemon) lastLogin(u directory.User) time.Time { return d.ledger.LastLogin(u.Mailbox()) }
