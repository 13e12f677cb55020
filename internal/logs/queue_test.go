package logs

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// stuckWriter takes nothing until it is freed.
type stuckWriter struct {
	free chan struct{}
	mu   sync.Mutex
	b    bytes.Buffer
}

func (w *stuckWriter) Write(p []byte) (int, error) {
	<-w.free
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

// Lines come in their order, with their attributes, and all of them before Close
// returns.
func TestQueue(t *testing.T) {
	var out bytes.Buffer
	log, q := New(JSON, slog.LevelInfo, &out)
	for i := range 1000 {
		log.With("door", "policy").WithGroup("peer").Info("line", "n", i)
	}
	log.Debug("not wanted")
	q.Close()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, line := range lines {
		if want := fmt.Sprintf(`"msg":"line","door":"policy","peer":{"n":%d}}`, i); !strings.HasSuffix(line, want) {
			t.Fatalf("line %d is %q", i, line)
		}
	}
	if len(lines) != 1000 || q.Dropped() != 0 {
		t.Errorf("%d lines, %d dropped", len(lines), q.Dropped())
	}
}

// A log that takes nothing holds nobody; what had no room is counted and told.
func TestQueueStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &stuckWriter{free: make(chan struct{})}
		log, q := New(Text, slog.LevelInfo, w)
		log.Info("first")
		synctest.Wait()
		for range queueLength + 7 {
			log.Info("more")
		}
		if got := q.Dropped(); got != 7 {
			t.Errorf("%d lines were dropped, want 7", got)
		}
		close(w.free)
		q.Close()
		lines := strings.Split(strings.TrimSpace(w.b.String()), "\n")
		if len(lines) != queueLength+2 || !strings.Contains(lines[len(lines)-1], "dropped=7") {
			t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
		}
	})
}

// The end waits a second for a log that takes nothing, and no longer.
func TestQueueCloseStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &stuckWriter{free: make(chan struct{})}
		log, q := New(Text, slog.LevelInfo, w)
		log.Info("first")
		synctest.Wait()
		log.Info("second")
		begin := time.Now()
		q.Close()
		if took := time.Since(begin); took != flushTime {
			t.Errorf("Close took %v, want %v", took, flushTime)
		}
		close(w.free)
	})
}
