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

func (s *countedSnapshots) Snapshot(context.Context) error {
	if s.n.Add(1)%2 == 0 {
		return errors.New("disk full")
	}
	return nil
}

func TestSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &countedSnapshots{}
		ended := make(chan struct{})
		go func() {
			keepSnapshots(ctx, s, slog.New(slog.DiscardHandler))
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
	})
}
