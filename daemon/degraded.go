package daemon

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/gatepost/gatepost/internal/store"
)

// degradedEvery is how often the daemon looks whether changes are taken, so that the
// log and systemd know before an administrator tries.
const degradedEvery = time.Second

// statusWell is what `systemctl status` shows while all is well.
const statusWell = "STATUS=changes are taken"

// degradation tells when changes are refused, and when they are taken again. Its
// methods are for one goroutine.
type degradation struct {
	refusing func() error
	tell     func(state string) // systemd
	log      *slog.Logger

	reason, said string // what was told last
}

// watchDegradation looks until ctx ends.
func (d *Daemon) watchDegradation(ctx context.Context) {
	w := &degradation{refusing: d.refusing, log: d.log, tell: func(state string) { notify(d.log, state) }}
	ticker := time.NewTicker(degradedEvery)
	defer ticker.Stop()
	for {
		w.look()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look tells what has changed. The words of one reason may change by the second,
// as does what is left of a disk; only systemd gets each.
func (w *degradation) look() {
	err := w.refusing()
	reason, status := store.Reason(err), statusWell
	if err != nil {
		status = "STATUS=changes are refused: " + strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	switch {
	case reason == w.reason:
	case reason == "":
		w.log.Info("changes are taken again", "was", w.reason)
	default:
		w.log.Error("changes are refused; mail and logins go on", "reason", reason, "err", err)
	}
	if status != w.said {
		w.tell(status)
	}
	w.reason, w.said = reason, status
}
