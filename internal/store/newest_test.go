package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
)

func TestNewestSnapshot(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if got, err := s.NewestSnapshot(); err != nil || got != (SnapshotFile{}) {
		t.Errorf("NewestSnapshot of none = %+v, %v", got, err)
	}
	for r := range directory.Revision(2) {
		commit(t, s, r+1, put("a", "value"))
		if _, err := s.Keep(ctx); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := s.Keep(ctx)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.NewestSnapshot()
	if err != nil || got.Revision != 2 || got.Path != kept || filepath.Dir(got.Path) != filepath.Join(dir, "snapshots") || time.Since(got.Written).Abs() > time.Minute {
		t.Errorf("NewestSnapshot = %+v, %v, want revision 2, written now", got, err)
	}
	if _, err := os.Stat(got.Path); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "snapshots", "mine.snapshot"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := s.NewestSnapshot(); err == nil {
		t.Errorf("NewestSnapshot beside a file of another name = %+v, want an error", got)
	}
}
