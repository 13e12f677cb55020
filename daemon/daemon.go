package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/authsock"
	"github.com/gatepost/gatepost/internal/background"
	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/largepages"
	"github.com/gatepost/gatepost/internal/login"
	"github.com/gatepost/gatepost/internal/password"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/store"
	"github.com/gatepost/gatepost/metrics"
	"github.com/gatepost/gatepost/policy/delegation"
)

// door is what every door offers.
type door interface {
	Serve(ctx context.Context, l net.Listener) error
	Shutdown(ctx context.Context) error
}

// Options are what a daemon is made from.
type Options struct {
	Config  *config.Config
	Version string
	Log     *slog.Logger

	DroppedLines func() int64 // how many lines Log has dropped; nil: it drops none
}

// Daemon is a running gatepostd. Its methods may be called from any goroutine,
// Reload and Shutdown by one at a time.
type Daemon struct {
	root    *slog.Logger // without attributes
	log     *slog.Logger
	version string
	started time.Time
	metrics *metrics.Metrics

	state     *state
	words     *lastWords
	store     *store.Store
	ledger    *quota.Ledger
	directory *directory.Directory
	usage     *usageKeeper
	snapshots *snapshotKeeper
	trail     *trailKeeper
	health    *health
	status    *status

	config    *config.Config // what was started
	resolved  *config.Resolved
	passed    []listener // from systemd
	listeners []listener // all of them
	doors     map[config.Door]door

	delegation *delegation.Server
	master     *authsock.Master
	verifier   *password.Verifier
	delay      time.Duration // of the checker
	checker    atomic.Pointer[login.Checker]
	settings   atomic.Pointer[adminsock.Settings]
	retention  atomic.Int64 // of the audit trail, as a time.Duration

	collector  *collector
	lane       *background.Lane   // where long work runs
	background context.CancelFunc // ends what runs beside the doors
	keeping    sync.WaitGroup     // what runs beside the doors
	serving    sync.WaitGroup     // one for each listener
	failed     chan error         // a door that ended by itself
}

// Start starts gatepostd and returns when every door answers. When it fails, or
// ctx ends before that, nothing is left running. The error is one line that
// says what to do, or a [config.Mistakes] with what is missing on this machine.
func Start(ctx context.Context, o Options) (*Daemon, error) {
	passed, err := inherited()
	if err != nil {
		return nil, err
	}
	d := &Daemon{
		root: o.Log, log: o.Log.With("component", "daemon"), version: o.Version, started: time.Now(),
		config: o.Config.Without(taken(passed)), passed: passed, listeners: passed,
		status: newStatus(), metrics: metrics.New(o.Version), ledger: &quota.Ledger{},
		collector: &collector{}, failed: make(chan error, 1),
	}
	d.metrics.WatchLog(o.DroppedLines)
	d.lane = &background.Lane{Busy: d.collector.working}
	if err := d.start(ctx); err != nil {
		closeAll(d.listeners)
		return nil, errors.Join(err, d.closeStore())
	}
	return d, nil
}

func (d *Daemon) start(ctx context.Context) error {
	if err := d.resolve(); err != nil {
		return err
	}
	if err := d.load(ctx); err != nil {
		return err
	}
	if err := d.makeDoors(); err != nil {
		return err
	}
	opened, err := listen(d.config, d.resolved)
	if err != nil {
		return err
	}
	d.listeners = append(d.listeners, opened...)
	if err := ctx.Err(); err != nil {
		return err
	}
	d.run()
	notify(d.log, notifyReady)
	return nil
}

// resolve looks up what the configuration names on this machine.
func (d *Daemon) resolve() (err error) {
	var warnings []config.Mistake
	d.resolved, warnings, err = d.config.Resolve()
	d.warn(warnings)
	return err
}

// warn logs what works, but probably not as meant.
func (d *Daemon) warn(warnings []config.Mistake) {
	for _, w := range warnings {
		d.log.Warn("doubtful configuration", "line", w.Line, "key", w.Key, "err", w.Text)
	}
}

// load opens the store and fills the memory from it.
func (d *Daemon) load(ctx context.Context) (err error) {
	if d.state, err = openState(d.config.StateDir); err != nil {
		return err
	}
	if d.words, err = hearLastWords(d.config.StateDir, d.log); err != nil {
		d.log.Warn("a crash of this process will not be on the disk", "err", err)
	}
	if d.store, err = store.Open(store.Options{Dir: d.config.StateDir, Crash: d.words.before(), Log: d.root, Lane: d.lane}); err != nil {
		return err
	}
	d.directory, err = directory.Open(ctx, directory.Options{
		Store: d.store, Ledger: d.ledger, Settings: directorySettings(d.config),
		Hooks: d.directoryHooks(), Log: d.root.With("component", "directory"), Lane: d.lane,
	})
	if err != nil {
		d.directory = nil
		return fmt.Errorf("load the directory: %w", err)
	}
	d.usage = &usageKeeper{store: d.store, directory: d.directory, ledger: d.ledger, log: d.log}
	if err := d.usage.restore(ctx); err != nil {
		return fmt.Errorf("load the usage: %w", err)
	}
	d.health = newHealth(d.directory, d.refusing)
	d.metrics.Watch(d.directory, store.Reasons(), func() string { return store.Reason(d.refusing()) })
	d.metrics.Rebuilt(func() bool { return d.store.Rebuilt() != "" })
	d.trail = &trailKeeper{store: d.store, retention: d.retention.Load, clock: newClock(), told: d.metrics.Pruned, log: d.log}
	d.metrics.WatchTrail(d.trailSize)
	d.snapshots = &snapshotKeeper{store: d.store, names: d.names, told: d.metrics.Snapshot, log: d.log}
	d.collector.settle()
	view := d.directory.View()
	d.log.Info("directory loaded", "revision", d.directory.Revision(), "took", time.Since(d.started),
		"domains", view.Count(directory.KindDomain), "users", view.Count(directory.KindUser), "aliases", view.Count(directory.KindAlias))
	return nil
}

// refusing returns why no change is taken, or nil.
func (d *Daemon) refusing() error {
	return cmp.Or(d.directory.Refusing(), d.store.Failure())
}

// names returns how many names there are.
func (d *Daemon) names() int {
	view, n := d.directory.View(), 0
	for _, kind := range directory.Kinds() {
		n += view.Count(kind)
	}
	return n
}

// run starts to serve every listener, and the work beside.
func (d *Daemon) run() {
	ctx, cancel := context.WithCancel(context.Background())
	d.background = cancel
	d.keeping.Go(func() { d.usage.run(ctx) })
	d.keeping.Go(func() { largepages.Keep(ctx, time.Minute) })
	d.keeping.Go(func() { d.snapshots.run(ctx) })
	d.keeping.Go(func() { d.collector.run(ctx) })
	d.keeping.Go(func() { d.trail.run(ctx) })
	d.keeping.Go(func() { d.watchDegradation(ctx) })
	if wait := watchdogTime(d.log); wait > 0 {
		d.watch(ctx, wait/2)
	}
	for _, l := range d.listeners {
		d.log.Info("door is open", "door", l.door, "address", addressOf(l))
		d.serving.Go(func() { d.serve(l) })
	}
}

// watch lets a watchdog ask the policy door.
func (d *Daemon) watch(ctx context.Context, every time.Duration) {
	w := &watchdog{every: every, tell: func() { notify(d.log, notifyAlive) }, log: d.log, inner: newInnerListener()}
	d.serving.Go(func() { d.serve(listener{config.Policy, w.inner}) })
	d.keeping.Go(func() { w.run(ctx) })
}

// serve serves one listener until the door is shut. A door does not end by
// itself; if one does, nobody must believe that it is still open.
func (d *Daemon) serve(l listener) {
	err := d.doors[l.door].Serve(context.Background(), l.Listener)
	if err == nil {
		return
	}
	select {
	case d.failed <- fmt.Errorf("the door %s on %s: %w", l.door, addressOf(l), err):
	default: // one is enough
	}
}

// Failed yields the error of a door that ended by itself. The daemon should be
// shut down then.
func (d *Daemon) Failed() <-chan error { return d.failed }

// addressOf returns where a listener listens, as the configuration spells it.
func addressOf(l net.Listener) string {
	return l.Addr().Network() + ":" + l.Addr().String()
}
