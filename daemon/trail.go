package daemon

import (
	"context"
	"log/slog"
	"time"

	"github.com/gatepost/gatepost/internal/store"
	"github.com/gatepost/gatepost/metrics"
)

const (
	// pruneEvery is how often the audit trail is looked at.
	pruneEvery = time.Hour

	// clockStep is how far the clock may leave the time that really passed
	// before what it says is not believed.
	clockStep = time.Minute
)

// pruner removes what is old from the audit trail.
type pruner interface {
	Prune(ctx context.Context, keep time.Duration, now time.Time) (store.Pruned, error)
}

// trailKeeper keeps the audit trail for as long as it is to be kept. Its methods
// are for one goroutine at a time.
type trailKeeper struct {
	store     pruner
	retention func() int64 // a time.Duration; 0: for ever
	clock     *clock
	told      func(err error) // of each attempt
	log       *slog.Logger
}

// run looks at the trail every pruneEvery, until ctx ends.
func (k *trailKeeper) run(ctx context.Context) {
	k.clock.steady()
	ticker := time.NewTicker(pruneEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			k.look(ctx)
		}
	}
}

// look removes what is old, unless the clock was set within the last hour: what
// is removed does not come back when the clock does.
func (k *trailKeeper) look(ctx context.Context) {
	now, ok := k.clock.steady()
	if !ok {
		k.log.Info("the clock was set: the audit trail is not pruned for an hour")
		return
	}
	_, err := k.store.Prune(ctx, time.Duration(k.retention()), now)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		k.log.Warn("the audit trail is not pruned, trying again", "err", err)
	}
	k.told(err)
}

// clock compares the wall clock with the time that passes.
type clock struct {
	wall    func() time.Time
	passed  func() time.Duration // since some moment
	last    time.Time            // of the wall clock
	elapsed time.Duration        // then
}

func newClock() *clock {
	start := time.Now()
	return &clock{wall: func() time.Time { return time.Now().Round(0) }, passed: func() time.Duration { return time.Since(start) }}
}

// steady returns what the wall clock says. It reports false when it was set
// since the last call, and at the first.
func (c *clock) steady() (time.Time, bool) {
	now, elapsed := c.wall(), c.passed()
	step := now.Sub(c.last) - (elapsed - c.elapsed)
	ok := !c.last.IsZero() && step.Abs() <= clockStep
	c.last, c.elapsed = now, elapsed
	return now, ok
}

// trailSize says how much there is of the trail; nothing while that cannot be
// read.
func (d *Daemon) trailSize() metrics.Trail {
	t, err := d.store.Trail()
	if err != nil {
		d.log.Debug("the audit trail cannot be looked at", "err", err)
	}
	return metrics.Trail{Oldest: t.Oldest, Bytes: t.Bytes, Segments: t.Segments}
}
