package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
)

// SnapshotFile is a snapshot in the state directory.
type SnapshotFile struct {
	Path     string
	Revision directory.Revision // it has every change up to this one
	Written  time.Time
}

// NewestSnapshot returns the newest snapshot; the zero SnapshotFile when there
// is none.
func (s *Store) NewestSnapshot() (SnapshotFile, error) {
	names, err := s.snapshots()
	if err != nil || len(names) == 0 {
		return SnapshotFile{}, err
	}
	name := names[len(names)-1]
	path := filepath.Join(s.path("snapshots"), name)
	revision, err := strconv.ParseUint(strings.TrimSuffix(name, snapshotSuffix), 10, 64)
	if err != nil {
		return SnapshotFile{}, fmt.Errorf("%s does not have the name of a snapshot", path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return SnapshotFile{}, err
	}
	return SnapshotFile{path, directory.Revision(revision), info.ModTime()}, nil
}

// Keep makes sure that what is committed is in a snapshot, and returns the path
// of that.
func (s *Store) Keep(ctx context.Context) (string, error) {
	if err := s.Snapshot(ctx); err != nil {
		return "", err
	}
	newest, err := s.NewestSnapshot()
	return newest.Path, err
}
