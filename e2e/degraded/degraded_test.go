//go:build e2e

package main

import (
	"os"
	"testing"
	"time"
)

// A little of every case; `go run ./e2e/degraded` does all of it. The cases run
// at the same time: they mostly wait. An answer may take longer here: the machine
// may be busy.
func TestDegraded(t *testing.T) {
	p := &plan{Bin: os.Getenv("GATEPOST_BIN"), Dir: os.TempDir(), Rounds: 1, Full: 4 * time.Second, Within: 10 * time.Second, Size: 100_000_000}
	if err := p.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(p.Dir) })
	t.Run("cases", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				r := p.carryOut(t.Context(), c.name, c.run)
				if err := show(t.Output(), []*result{r}); err != nil {
					t.Error(err)
				}
			})
		}
	})
}
