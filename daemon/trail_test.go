package daemon

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatepost/gatepost/internal/store"
)

// notedPrunes notes what it is asked for, and fails every second time.
type notedPrunes struct {
	mu   sync.Mutex // guards what follows
	keep []time.Duration
	now  []time.Time
}

func (p *notedPrunes) Prune(_ context.Context, keep time.Duration, now time.Time) (store.Pruned, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keep, p.now = append(p.keep, keep), append(p.now, now)
	if len(p.now)%2 == 0 {
		return store.Pruned{}, errors.New("disk full")
	}
	return store.Pruned{}, nil
}

// times returns when it was asked.
func (p *notedPrunes) times() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.now)
}

// The trail is pruned every hour, with the retention of that moment; in the hour
// after the start, and after the clock was set, it is not.
func TestTrailIsPruned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var step, retention atomic.Int64 // times; the clock is off by the first
		p, failed := &notedPrunes{}, 0
		k := &trailKeeper{
			store: p, retention: retention.Load, log: slog.New(slog.DiscardHandler),
			told: func(err error) {
				if err != nil {
					failed++
				}
			},
			clock: &clock{wall: func() time.Time { return time.Now().Round(0).Add(time.Duration(step.Load())) }, passed: func() time.Duration { return time.Since(begin) }},
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { k.run(ctx); close(ended) }()
		synctest.Wait()
		after := func(hours int) time.Time { return begin.Round(0).Add(time.Duration(hours) * time.Hour) }
		for _, row := range []struct {
			name string
			do   func()
			want []time.Time // in the hour after it
		}{
			{"the first hour", func() {}, []time.Time{after(1)}},
			{"the clock is set a year ahead", func() { step.Store(int64(365 * 24 * time.Hour)) }, nil},
			{"it stays there", func() { retention.Store(int64(48 * time.Hour)) }, []time.Time{after(3).Add(365 * 24 * time.Hour)}},
			{"it is set right", func() { step.Store(0) }, nil},
			{"it creeps", func() { step.Store(int64(30 * time.Second)) }, []time.Time{after(5).Add(30 * time.Second)}},
			{"it creeps on", func() { step.Store(int64(time.Minute)) }, []time.Time{after(6).Add(time.Minute)}},
		} {
			before := len(p.times())
			row.do()
			time.Sleep(pruneEvery)
			synctest.Wait()
			if diff := cmp.Diff(row.want, p.times()[before:], cmp.Comparer(time.Time.Equal), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: pruned at (-want +got):\n%s", row.name, diff)
			}
		}
		cancel()
		<-ended
		if diff := cmp.Diff([]time.Duration{0, 48 * time.Hour, 48 * time.Hour, 48 * time.Hour}, p.keep); diff != "" {
			t.Errorf("retentions (-want +got):\n%s", diff)
		}
	})
}

// A failure is told, that the daemon ends is none.
func TestFailedPruneIsTold(t *testing.T) {
	p := &notedPrunes{}
	told := 0
	failed := 0
	k := &trailKeeper{store: p, retention: func() int64 { return 0 }, clock: newClock(), log: slog.New(slog.DiscardHandler), told: func(err error) {
		told++
		if err != nil {
			failed++
		}
	}}
	k.look(t.Context()) // the clock is not known yet
	if len(p.now) != 0 || told != 0 {
		t.Errorf("pruned %d times at the start, told of %d, want none", len(p.now), told)
	}
	k.look(t.Context())
	k.look(t.Context())
	if told != 2 || failed != 1 {
		t.Errorf("told of %d, %d failed, want one of two", told, failed)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	k.look(ended)
	if told != 2 {
		t.Error("the end counts as a failure")
	}
}
