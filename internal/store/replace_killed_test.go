package store

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// dieReplacing restores and dies at a step of it.
func dieReplacing(at string, names int) func(dir string) error {
	die := func() error { return syscall.Kill(os.Getpid(), syscall.SIGKILL) }
	return func(dir string) error {
		var parts atomic.Int32
		s, err := Open(Options{Dir: dir,
			touch: func() error {
				if _, err := os.Stat(filepath.Join(dir, buildingDir)); err == nil && at == buildingDir && parts.Add(1) == 2 {
					return die()
				}
				return nil
			},
			step: func(step string) error {
				if step == at {
					return die()
				}
				return nil
			}})
		if err != nil {
			return err
		}
		if err := s.Commit(ctx, wide(names)); err != nil {
			return err
		}
		s.drain()
		b, _ := restored(names)
		if err := s.Commit(ctx, b); err != nil {
			return err
		}
		s.drain()
		return fmt.Errorf("nothing happened at %s", at)
	}
}

// Killed at any step of the exchange, and once more at the next start, it is the
// restored directory, exactly, and nothing else is left.
func TestKilledReplacement(t *testing.T) {
	for step := range dyingAt {
		t.Run(step, func(t *testing.T) {
			_, want := restored(dyingNames(step))
			dir := filepath.Join(t.TempDir(), "state")
			kill(t, step, dir, 1)
			for range 2 {
				s := open(t, dir)
				if got := load(t, s); !cmp.Equal(got, want) || s.Revision() != 2 {
					t.Errorf("%d records at revision %d are loaded, want %d at 2", len(got), s.Revision(), len(want))
				}
				if s.Rebuilt() != "" {
					t.Errorf("it was rebuilt: %s", s.Rebuilt())
				}
				nothingLeft(t, dir)
				_ = s.Close()
			}
		})
	}
}

// dyingAt are victims that die in the middle of a restore, and where.
var dyingAt = map[string]string{
	"while-it-builds":        buildingDir,
	"when-it-is-built":       stepBuilt,
	"when-the-old-is-closed": stepClosed,
	"between-the-renames":    stepMoved,
	"after-the-renames":      stepTaken,
	"when-it-is-open":        stepOpened,
}

// dyingNames says of how many names their directory is: of several parts where
// they die between two of them.
func dyingNames(victim string) int {
	if dyingAt[victim] == buildingDir {
		return many
	}
	return some
}
