package daemon

import (
	"context"
	"log/slog"
	"time"
)

const (
	// snapshotEvery bounds how much of the journal a rebuilt database has to
	// take in.
	snapshotEvery = time.Hour

	// cheapSnapshot is how many names are few enough to be written at the end
	// too, when nobody is answered any more: 10 000 took 56 ms, 100 000 took
	// 320 ms (measured). The journal has everything anyway.
	cheapSnapshot = 10_000
)

// snapshotter writes a snapshot if there is anything newer than the last one.
type snapshotter interface {
	Snapshot(ctx context.Context) error
}

// snapshotKeeper keeps a snapshot that is not older than snapshotEvery. Its
// methods are for one goroutine at a time.
type snapshotKeeper struct {
	store snapshotter
	names func() int      // in the directory
	told  func(err error) // of each attempt
	log   *slog.Logger
}

// run writes a snapshot now and every snapshotEvery, until ctx ends.
func (k *snapshotKeeper) run(ctx context.Context) {
	ticker := time.NewTicker(snapshotEvery)
	defer ticker.Stop()
	for {
		k.keep(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// keep writes a snapshot. One that fails is tried again with the next; that the
// daemon ends meanwhile is no failure.
func (k *snapshotKeeper) keep(ctx context.Context) {
	begun := time.Now()
	err := k.store.Snapshot(ctx)
	switch {
	case err == nil:
		k.log.Debug("the newest snapshot has every change", "took", time.Since(begun))
	case ctx.Err() != nil:
		return
	default:
		k.log.Warn("no snapshot is written, trying again", "err", err)
	}
	k.told(err)
}

// last writes a snapshot when that is cheap.
func (k *snapshotKeeper) last(ctx context.Context) {
	if k.names() <= cheapSnapshot {
		k.keep(ctx)
	}
}
