package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
)

const (
	snapshotSuffix = ".snapshot"
	unfinished     = "unfinished-" // the names of snapshots that are being written

	// keptSnapshots is how many snapshots stay; an older one than the newest
	// helps when that one turns out damaged. As many stay of what restores have
	// replaced.
	keptSnapshots = 3

	snapshotDir = "snapshots"
	replacedDir = "before-restore" // what a restore was about to replace
)

// SnapshotFile is a snapshot in the state directory.
type SnapshotFile struct {
	Path     string
	Revision directory.Revision // it has every change up to this one
	Written  time.Time
}

// Snapshot writes a snapshot into the state directory, unless the newest one is
// as new, and removes the oldest ones.
func (s *Store) Snapshot(ctx context.Context) error {
	if err := s.Failure(); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	s.keeping.Lock()
	defer s.keeping.Unlock()
	names, err := s.snapshots()
	if err != nil {
		return err
	}
	s.drain()
	var revision directory.Revision
	if err := s.use(func(d *database) error { revision = d.revision(); return nil }); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	if len(names) > 0 && names[len(names)-1] == snapshotName(revision) {
		return nil
	}
	path, err := s.keep(ctx, s.path(snapshotDir))
	if err != nil {
		return err
	}
	return removeOldest(filepath.Dir(path), filepath.Base(path))
}

// Keep writes a snapshot of what is committed, and returns its path. It is not
// one of those that Snapshot removes after some hours: whoever is about to
// replace everything may find out later that it was wrong.
//
// settle must be called once it is known whether everything was replaced: then
// what older restores have replaced goes, but for the newest; when nothing was
// replaced, the new snapshot goes and the others stay. It is not called while
// that is unknown: then all of them stay.
func (s *Store) Keep(ctx context.Context) (path string, settle func(replaced bool) error, err error) {
	if err := s.Failure(); err != nil {
		return "", nil, fmt.Errorf("write snapshot: %w", err)
	}
	s.keeping.Lock()
	defer s.keeping.Unlock()
	dir := s.path(replacedDir)
	before, err := snapshotsIn(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, fmt.Errorf("write snapshot: %w", err)
	}
	if path, err = s.keep(ctx, dir); err != nil {
		return "", nil, err
	}
	older := slices.Contains(before, filepath.Base(path))
	return path, func(replaced bool) error { return s.settle(path, replaced, older) }, nil
}

// Reserve returns how many bytes must stay free on the disk for a change to be
// taken: less of them on a small disk.
func (s *Store) Reserve() uint64 { return s.disk.reserve }

// settle tidies up around a snapshot that Keep has written. older says that it
// was there before: then an earlier restore has replaced the same.
func (s *Store) settle(path string, replaced, older bool) error {
	s.keeping.Lock()
	defer s.keeping.Unlock()
	switch {
	case replaced:
		return removeOldest(filepath.Dir(path), filepath.Base(path))
	case older:
		return nil
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove a snapshot of nothing that was replaced: %w", err)
	}
	return nil
}

// keep writes a snapshot into a directory of them.
func (s *Store) keep(ctx context.Context, dir string) (string, error) {
	err := makeDir(dir)
	path := ""
	if err == nil {
		path, err = s.writeSnapshot(ctx, dir)
	}
	if err != nil {
		return "", fmt.Errorf("write snapshot: %w", err)
	}
	return path, nil
}

// removeOldest removes all but the newest snapshots of a directory, and newest,
// which is one of them, never.
func removeOldest(dir, newest string) error {
	names, err := snapshotsIn(dir)
	if err != nil {
		return err
	}
	for _, old := range names[:max(0, len(names)-keptSnapshots)] {
		if old == newest {
			continue
		}
		if err := os.Remove(filepath.Join(dir, old)); err != nil {
			return fmt.Errorf("remove an old snapshot: %w", err)
		}
	}
	return nil
}

func snapshotName(r directory.Revision) string { return fmt.Sprintf("%020d%s", r, snapshotSuffix) }

// NewestSnapshot returns the newest snapshot; the zero SnapshotFile when there
// is none.
func (s *Store) NewestSnapshot() (SnapshotFile, error) {
	names, err := s.snapshots()
	if err != nil || len(names) == 0 {
		return SnapshotFile{}, err
	}
	name := names[len(names)-1]
	path := filepath.Join(s.path(snapshotDir), name)
	info, err := os.Stat(path)
	if err != nil {
		return SnapshotFile{}, err
	}
	revision, _ := revisionOf(name) // snapshots lists only names that have one
	return SnapshotFile{path, revision, info.ModTime()}, nil
}

// snapshots lists the snapshots' file names, the oldest first.
func (s *Store) snapshots() ([]string, error) {
	dir := s.path(snapshotDir)
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	return snapshotsIn(dir)
}

// revisionOf returns the revision in the name of a snapshot; false: it is not the
// name of one.
func revisionOf(name string) (directory.Revision, bool) {
	number, ok := strings.CutSuffix(name, snapshotSuffix)
	r, err := strconv.ParseUint(number, 10, 64)
	return directory.Revision(r), ok && err == nil && len(number) == 20
}

// snapshotsIn lists the snapshots of a directory by their revision. What somebody
// else keeps there under a name of his own is not touched and not believed.
func snapshotsIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if _, ok := revisionOf(e.Name()); ok && !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// writeSnapshot writes a temporary file, syncs it, reads it again and renames it
// into place: a snapshot is there whole or not at all.
func (s *Store) writeSnapshot(ctx context.Context, dir string) (string, error) {
	file, err := os.CreateTemp(dir, unfinished+"*") // mode 0600
	if err != nil {
		return "", err
	}
	defer os.Remove(file.Name())
	r, err := s.Backup(ctx, s.disk.guard(file))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return "", err
	}
	if written, err := checkSnapshot(ctx, file.Name()); err != nil || written != r {
		return "", fmt.Errorf("what was written is not what is there: %w", err)
	}
	path := filepath.Join(dir, snapshotName(r))
	if err := os.Rename(file.Name(), path); err != nil {
		return "", err
	}
	return path, syncDir(dir)
}
