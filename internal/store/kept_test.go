package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
		if err := s.Snapshot(ctx); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.NewestSnapshot()
	if err != nil || got.Revision != 2 || filepath.Dir(got.Path) != filepath.Join(dir, "snapshots") || time.Since(got.Written).Abs() > time.Minute {
		t.Errorf("NewestSnapshot = %+v, %v, want revision 2, written now", got, err)
	}
	if _, err := os.Stat(got.Path); err != nil {
		t.Error(err)
	}
}

// What has not the name of a snapshot is none: it is not the newest, does not
// push one out, is not removed, and does not stop a start.
func TestStrangersAmongSnapshots(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := os.MkdirAll(s.path("snapshots"), 0o700); err != nil {
		t.Fatal(err)
	}
	strangers := []string{"monday.snapshot", "99.snapshot", "0000000000000000000x.snapshot", "00000000000000000099.snapshot.old", ".snapshot"}
	for _, name := range strangers {
		if err := os.WriteFile(s.path("snapshots/"+name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(s.path("snapshots/"+snapshotName(99)), 0o700); err != nil {
		t.Fatal(err)
	}
	for r := range directory.Revision(4) {
		commit(t, s, r+1, put("a", "value"))
		if err := s.Snapshot(ctx); err != nil {
			t.Fatal(err)
		}
	}
	_ = s.Close()
	s = open(t, dir)
	if s.Rebuilt() != "" {
		t.Errorf("the database was rebuilt: %s", s.Rebuilt())
	}
	if got, err := s.NewestSnapshot(); err != nil || got.Revision != 4 {
		t.Errorf("NewestSnapshot = %+v, %v, want revision 4", got, err)
	}
	names, err := s.snapshots()
	if diff := cmp.Diff([]string{snapshotName(2), snapshotName(3), snapshotName(4)}, names); err != nil || diff != "" {
		t.Errorf("snapshots (-want +got), %v:\n%s", err, diff)
	}
	for _, name := range strangers {
		if !s.exists("snapshots/" + name) {
			t.Errorf("%s was removed", name)
		}
	}
}

// What a restore replaces is kept apart: the hourly snapshots do not push it
// out, only later restores do.
func TestKeep(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	var kept []string
	for r := range directory.Revision(5) {
		commit(t, s, r+1, put("a", fmt.Sprint(r)))
		path, settle, err := s.Keep(ctx)
		if err != nil || path != filepath.Join(dir, "before-restore", snapshotName(r+1)) {
			t.Fatalf("Keep = %s, %v, want one of before-restore with revision %d", path, err, r+1)
		}
		if err := settle(true); err != nil {
			t.Fatal(err)
		}
		kept = append(kept, path)
	}
	for r := range directory.Revision(4) {
		commit(t, s, r+6, put("a", fmt.Sprint(r)))
		if err := s.Snapshot(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for i, path := range kept {
		got, err := checkSnapshot(ctx, path)
		if i < 2 && err == nil || i >= 2 && (err != nil || got != directory.Revision(i+1)) {
			t.Errorf("%s holds revision %d, %v; want the newest three", path, got, err)
		}
	}
}

// A restore that fails leaves what earlier ones saved, and nothing of its own; of
// one whose outcome is unknown everything stays.
func TestKeepOfNothingReplaced(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	keep := func(r directory.Revision) func(bool) error {
		t.Helper()
		commit(t, s, r, put("a", fmt.Sprint(r)))
		_, settle, err := s.Keep(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return settle
	}
	want := func(revisions ...directory.Revision) {
		t.Helper()
		var names []string
		for _, r := range revisions {
			names = append(names, snapshotName(r))
		}
		got, err := snapshotsIn(filepath.Join(dir, replacedDir))
		if diff := cmp.Diff(names, got); err != nil || diff != "" {
			t.Errorf("kept (-want +got), %v:\n%s", err, diff)
		}
	}
	for r := range directory.Revision(3) {
		if err := keep(r + 1)(true); err != nil {
			t.Fatal(err)
		}
	}
	failed := keep(4)
	want(1, 2, 3, 4)
	if err := failed(false); err != nil {
		t.Fatal(err)
	}
	want(1, 2, 3)
	keep(5) // and the outcome is unknown
	want(1, 2, 3, 5)
	if err := keep(6)(true); err != nil {
		t.Fatal(err)
	}
	want(3, 5, 6)
	_, again, err := s.Keep(ctx) // of what an earlier restore has replaced
	if err != nil {
		t.Fatal(err)
	}
	if err := again(false); err != nil {
		t.Fatal(err)
	}
	want(3, 5, 6)
}

// Files of snapshots are for the owner only, and so are their directories.
func TestSnapshotsArePrivate(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	commit(t, s, 1, put("a", "value"))
	if err := s.Snapshot(ctx); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Keep(ctx); err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{snapshotDir, replacedDir} {
		path := filepath.Join(dir, sub)
		for name, want := range map[string]os.FileMode{path: 0o700 | os.ModeDir, filepath.Join(path, snapshotName(1)): 0o600} {
			if info, err := os.Stat(name); err != nil || info.Mode() != want {
				t.Errorf("mode of %s = %v, %v, want %v", name, info.Mode(), err, want)
			}
		}
	}
}

// A snapshot that is not finished is no snapshot, and leaves nothing behind.
func TestInterruptedSnapshot(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	commit(t, s, 1, put("a", "value"))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Snapshot(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Snapshot = %v, want that it was cancelled", err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, snapshotDir)); err != nil || len(left) != 0 {
		t.Errorf("%v, %v is left behind", left, err)
	}
}

// A database that is behind what is committed, and stays there, is not backed up
// as if it had everything.
func TestBackupNeedsEverything(t *testing.T) {
	var d testDisk
	d.bytes.Store(roomy)
	s := openOn(t, t.TempDir(), &d)
	commit(t, s, 1, put("a", "one"))
	s.drain()
	b := &directory.Batch{Entries: []directory.Entry{{Revision: 2, Changes: []directory.Change{put("b", "two")}}}}
	if err := s.journal.Append(2, encodeBatch(b)); err != nil {
		t.Fatal(err)
	}
	d.bytes.Store(0)
	s.durable.Store(2)
	s.enqueue(b)
	var file bytes.Buffer
	if r, err := s.Backup(ctx, &file); !errors.Is(err, errDiskFull) {
		t.Errorf("Backup = %d, %v, want a refusal with the reason", r, err)
	}
	d.bytes.Store(roomy)
}

func TestOldSnapshotsAreRemoved(t *testing.T) {
	s := open(t, t.TempDir())
	for r := range directory.Revision(6) {
		commit(t, s, r+1, put("a", fmt.Sprint(r)))
		for range 2 { // the second is as new and is not written
			if err := s.Snapshot(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	names, err := s.snapshots()
	want := []string{snapshotName(4), snapshotName(5), snapshotName(6)}
	if diff := cmp.Diff(want, names); err != nil || diff != "" {
		t.Errorf("snapshots (-want +got), %v:\n%s", err, diff)
	}
}
