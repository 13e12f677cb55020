package daemon

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gatepost/gatepost/internal/config"
)

const (
	// closeTime is what is left of the time that Shutdown has when the doors must
	// have drained: for the usage, the store, and the metrics.
	closeTime = time.Second

	// restTime is what logins leave to the other doors, whose requests take
	// milliseconds.
	restTime = 400 * time.Millisecond
)

// Shutdown ends the daemon as the package comment says. What has not drained
// one second before ctx ends is cut off; that is logged, and no error. An error
// is trouble with what was to be stored.
func (d *Daemon) Shutdown(ctx context.Context) error {
	notify(d.log, notifyStopping)
	d.health.draining.Store(true)
	d.log.Info("draining")
	d.drain(ctx)
	d.background()
	d.keeping.Wait()
	d.usage.save()
	d.snapshots.last(ctx)
	err := d.closeStore()
	if metrics := d.doors[config.Metrics]; metrics != nil {
		_ = metrics.Shutdown(ctx) // whoever scrapes now gets a broken connection
	}
	d.serving.Wait()
	return err
}

// drain shuts every door but the metrics: the doors of logins one after the
// other, as long as Postfix is answered, then all others at the same time.
func (d *Daemon) drain(ctx context.Context) {
	logins, cancelLogins := earlier(ctx, closeTime+restTime)
	defer cancelLogins()
	d.shut(logins, config.Auth)
	d.shut(logins, config.AuthMaster)
	rest, cancelRest := earlier(ctx, closeTime)
	defer cancelRest()
	var draining sync.WaitGroup
	for name := range d.doors {
		if name != config.Auth && name != config.AuthMaster && name != config.Metrics {
			draining.Go(func() { d.shut(rest, name) })
		}
	}
	draining.Wait()
}

// earlier returns a context that ends so long before ctx does.
func earlier(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		return context.WithDeadline(ctx, deadline.Add(-by))
	}
	return context.WithCancel(ctx)
}

// shut shuts one door.
func (d *Daemon) shut(ctx context.Context, name config.Door) {
	if err := d.doors[name].Shutdown(ctx); err != nil {
		d.log.Warn("connections were cut off: they did not end in time", "door", name, "err", err)
	}
}

// closeStore ends the committer and closes the store, as far as they are open.
func (d *Daemon) closeStore() error {
	var errs []error
	if d.directory != nil {
		d.directory.Close()
	}
	if d.store != nil {
		errs = append(errs, d.store.Close())
	}
	d.words.end()
	if d.state != nil {
		errs = append(errs, d.state.close())
	}
	return errors.Join(errs...)
}
