package daemon

import (
	"context"
	"log/slog"
	"time"
)

// snapshotEvery bounds how much of the journal a rebuilt database has to take in.
const snapshotEvery = time.Hour

// snapshotter writes a snapshot if there is anything newer than the last one.
type snapshotter interface {
	Snapshot(ctx context.Context) error
}

// keepSnapshots writes a snapshot now and every snapshotEvery, until ctx ends.
// One that fails is tried again with the next; the journal has everything.
func keepSnapshots(ctx context.Context, s snapshotter, log *slog.Logger) {
	ticker := time.NewTicker(snapshotEvery)
	defer ticker.Stop()
	for {
		if err := s.Snapshot(ctx); err != nil && ctx.Err() == nil {
			log.Warn("no snapshot is written, trying again", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
