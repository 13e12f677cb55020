package daemon

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// countedSnapshots fails every second time.
type countedSnapshots struct{ n atomic.Int64 }

func (s *countedSnapshots) Snapshot(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if s.n.Add(1)%2 == 0 {
		return errors.New("disk full")
	}
	return nil
}

// keeping returns a keeper over names that counts what it tells.
func keeping(s snapshotter, names int) (*snapshotKeeper, *atomic.Int64, *atomic.Int64) {
	var taken, failed atomic.Int64
	return &snapshotKeeper{store: s, names: func() int { return names }, log: slog.New(slog.DiscardHandler),
		told: func(err error) {
			if err == nil {
				taken.Add(1)
			} else {
				failed.Add(1)
			}
		}}, &taken, &failed
}

func TestSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &countedSnapshots{}
		k, taken, failed := keeping(s, 0)
		ended := make(chan struct{})
		go func() {
			k.run(ctx)
			close(ended)
		}()
		for hour := range 4 {
			synctest.Wait()
			if got := s.n.Load(); got != int64(hour)+1 {
				t.Errorf("%d snapshots after %d h, want %d", got, hour, hour+1)
			}
			time.Sleep(snapshotEvery)
		}
		cancel()
		<-ended
		if taken.Load()-failed.Load() > 1 || failed.Load() < 2 {
			t.Errorf("told of %d that were taken and %d that failed, want every second", taken.Load(), failed.Load())
		}
	})
}

// At the end a snapshot is taken only when that is cheap, and no failure is told
// because the time ran out.
func TestLastSnapshot(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, row := range []struct {
		name  string
		ctx   context.Context
		names int
		want  int64
	}{
		{"few names", t.Context(), cheapSnapshot, 1},
		{"many names", t.Context(), cheapSnapshot + 1, 0},
		{"no time left", ended, 1, 0},
	} {
		s := &countedSnapshots{}
		k, taken, failed := keeping(s, row.names)
		k.last(row.ctx)
		if s.n.Load() != row.want || taken.Load() != row.want || failed.Load() != 0 {
			t.Errorf("%s: %d snapshots, told of %d and %d failures, want %d", row.name, s.n.Load(), taken.Load(), failed.Load(), row.want)
		}
	}
}
