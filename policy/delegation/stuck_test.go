package delegation

import (
	"log/slog"
	"testing"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/doortest"
	"github.com/gatepost/gatepost/internal/logs"
)

// stuckLog takes nothing until it is freed.
type stuckLog struct{ entered, free chan struct{} }

func (s stuckLog) Write(p []byte) (int, error) {
	select {
	case s.entered <- struct{}{}:
	default:
	}
	<-s.free
	return len(p), nil
}

// A log that takes nothing delays no mail: neither that of which there is a line,
// nor that of others in the same event loop.
func TestStuckLog(t *testing.T) {
	f := prepare(t)
	w := stuckLog{make(chan struct{}, 1), make(chan struct{})}
	log, queue := logs.New(logs.Text, slog.LevelInfo, w)
	f.Log = log
	f.dial = doortest.Unix(t, f)
	f.set("bob@example.test", func(u *directory.UserFields) { u.State = directory.Disabled })
	a, b := f.connect(), f.connect()
	m := mail{instance: "1", sender: "x@elsewhere.test"}
	if got := a.ask(m.rcpt("bob@example.test")); got != disabled {
		t.Errorf("refused mail: %q", got)
	}
	<-w.entered
	for _, c := range []*client{a, b} {
		if got := c.ask(m.rcpt("alice@example.test")); got != dunno {
			t.Errorf("mail that passes: %q", got)
		}
	}
	close(w.free)
	queue.Close()
}
