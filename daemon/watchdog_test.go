package daemon

import (
	"context"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatepost/gatepost/internal/testkit"
	"github.com/gatepost/gatepost/policy/delegation"
)

// watch runs a watchdog for a minute and returns how often systemd was told.
func watch(t *testing.T, serve func(*innerListener)) int64 {
	t.Helper()
	var told atomic.Int64
	w := &watchdog{every: 10 * time.Second, tell: func() { told.Add(1) }, log: slog.New(slog.DiscardHandler), inner: newInnerListener()}
	serve(w.inner)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { w.run(ctx); close(ended) }()
	time.Sleep(time.Minute - time.Nanosecond)
	cancel()
	<-ended
	w.inner.Close()
	return told.Load()
}

func TestWatchdogIsFed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, l := testkit.Standard(t)
		s := &delegation.Server{Directory: d, Ledger: l}
		told := watch(t, func(inner *innerListener) { go s.Serve(context.Background(), inner) })
		if told != 6 {
			t.Errorf("systemd was told %d times in a minute, want 6", told)
		}
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// One who does not answer, or not well, is not said to live.
func TestWatchdogIsNotFed(t *testing.T) {
	answer := func(text string) func(*innerListener) {
		return func(inner *innerListener) {
			go func() {
				for {
					c, err := inner.Accept()
					if err != nil {
						return
					}
					go func() {
						defer c.Close()
						_, _ = io.ReadFull(c, make([]byte, len(watchQuestion)))
						_, _ = io.WriteString(c, text)
						_, _ = c.Read(make([]byte, 1))
					}()
				}
			}()
		}
	}
	for _, row := range []struct {
		name  string
		serve func(*innerListener)
	}{
		{"nobody accepts", func(*innerListener) {}},
		{"silence", answer("")},
		{"trouble", answer("action=DEFER_IF_PERMIT 4.3.0 Account policy temporarily unavailable\n\n")},
		{"closed", func(l *innerListener) { l.Close() }},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if told := watch(t, row.serve); told != 0 {
					t.Errorf("systemd was told %d times", told)
				}
			})
		})
	}
}

var _ net.Listener = (*innerListener)(nil)
