package daemon

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
)

// aliveWithin is how long the committer may take for a command that changes
// nothing. A slow disk under a batch before it is not "stuck".
const aliveWithin = 10 * time.Second

var (
	errDraining = errors.New("draining: gatepostd is ending")
	errStuck    = errors.New("the committer has not answered for 10 s: changes hang")
)

// health answers /healthz and /readyz.
type health struct {
	directory *directory.Directory
	refusing  func() error // why no change is taken
	draining  atomic.Bool
	asking    chan struct{} // holds one element while the committer is being asked
}

func newHealth(d *directory.Directory, refusing func() error) *health {
	return &health{directory: d, refusing: refusing, asking: make(chan struct{}, 1)}
}

// ready returns why changes are not taken, or questions not answered for much
// longer.
func (h *health) ready() error {
	if h.draining.Load() {
		return errDraining
	}
	return h.refusing()
}

// alive asks the committer for a command that changes nothing. One question is
// on its way at a time: who comes meanwhile waits for the same time.
func (h *health) alive() error {
	ctx, cancel := context.WithTimeout(context.Background(), aliveWithin)
	defer cancel()
	select {
	case h.asking <- struct{}{}:
	case <-ctx.Done():
		return errStuck
	}
	answered := make(chan struct{})
	go func() { // ends with the committer's answer, or with the committer
		defer func() { <-h.asking }()
		defer close(answered)
		nothing := func(*directory.Tx) error { return nil }
		_, _ = h.directory.Update(ctx, directory.Cause{Command: "healthz"}, nothing)
	}()
	select {
	case <-answered:
		return nil
	case <-ctx.Done():
		return errStuck
	}
}
