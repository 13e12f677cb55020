//go:build e2e

package peer_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/gatepost/gatepost/e2e/bench/load"
	"github.com/gatepost/gatepost/e2e/bench/peer"
)

// Every peer that is installed answers what it is asked.
func TestPeersAnswer(t *testing.T) {
	for _, kind := range slices.Concat(peer.Policy(), peer.Auth()) {
		t.Run(kind.Name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "peer") // t.TempDir is too long for sockets
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			p, err := kind.Start(context.Background(), dir)
			if errors.Is(err, peer.ErrAbsent) {
				t.Logf("%s: %v", kind.Name, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := p.Server.Stop(); err != nil {
					t.Error(err)
				}
			}()
			r, err := load.Run(t.Context(), load.Plan{Network: p.Network, Address: p.Address, Conns: 4,
				Dialogue: p.Dialogue, Warmup: 200 * time.Millisecond, Duration: 300 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			if r.Requests == 0 {
				t.Error("no request was answered")
			}
			t.Logf("%.0f/s", r.Throughput())
		})
	}
}
