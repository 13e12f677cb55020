package daemon

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/adminsock"
	"github.com/gatepost/gatepost/adminsock/command"
	"github.com/gatepost/gatepost/internal/config"
	"github.com/gatepost/gatepost/internal/directory"
)

// status is what the daemon notes for `gatepostctl status`.
type status struct {
	committed atomic.Int64 // when something was stored last, in Unix nanoseconds; 0: never
	open      map[config.Door]*atomic.Int64
}

func newStatus() *status {
	s := &status{open: map[config.Door]*atomic.Int64{}}
	for _, d := range config.Doors() {
		s.open[d] = &atomic.Int64{}
	}
	return s
}

// directoryHooks notes and counts commits.
func (d *Daemon) directoryHooks() directory.Hooks {
	counted := d.metrics.Directory()
	return directory.Hooks{Committed: func(commands int, took time.Duration, err error) {
		if err == nil {
			d.status.committed.Store(time.Now().UnixNano())
		}
		counted.Committed(commands, took, err)
	}}
}

// about answers `gatepostctl status`.
func (d *Daemon) about() adminsock.Status {
	s := adminsock.Status{Version: d.version, Started: d.started, Refusing: d.refusing(), Rebuilt: d.store.Rebuilt()}
	if newest, err := d.store.NewestSnapshot(); err == nil {
		s.Snapshot = adminsock.Snapshot{Revision: newest.Revision, Written: newest.Written}
	}
	if trail, err := d.store.Trail(); err == nil {
		s.Trail = adminsock.Trail{First: trail.First, Oldest: trail.Oldest, Bytes: trail.Bytes, Retention: time.Duration(d.retention.Load())}
	}
	if at := d.status.committed.Load(); at != 0 {
		s.LastCommit = time.Unix(0, at)
	}
	for _, l := range d.listeners {
		s.Doors = append(s.Doors, command.Door{
			Door: string(l.door), Address: addressOf(l), Open: int(d.status.open[l.door].Load()),
		})
	}
	slices.SortFunc(s.Doors, func(a, b command.Door) int {
		return cmp.Or(cmp.Compare(a.Door, b.Door), cmp.Compare(a.Address, b.Address))
	})
	return s
}
