package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/directory"
)

// testDisk is a disk with as much room as a test says.
type testDisk struct{ bytes atomic.Uint64 }

func (d *testDisk) free(string) (uint64, error) { return d.bytes.Load(), nil }

const roomy = 1 << 40

func openOn(t *testing.T, dir string, d *testDisk) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir, free: d.free})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// refusedFor checks that a change is refused with read_only and the reason.
func refusedFor(t *testing.T, s *Store, r directory.Revision, reason string) {
	t.Helper()
	b := &directory.Batch{Entries: []directory.Entry{{Revision: r, Changes: []directory.Change{put("x", "x")}}}}
	if err := s.Commit(ctx, b); !errors.Is(err, directory.ErrReadOnly) || !strings.Contains(err.Error(), reason) {
		t.Errorf("Commit = %v, want read_only and %q", err, reason)
	}
	if err := s.Failure(); err == nil || !strings.Contains(err.Error(), reason) {
		t.Errorf("Failure = %v, want %q", err, reason)
	}
}

// On a full disk the database is not opened; everything is served from snapshot
// and journal, and changes are taken when there is room.
func TestStartOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	commit(t, s, 1, put("a", "one"), put("b", "older"))
	if err := s.Snapshot(ctx); err != nil {
		t.Fatal(err)
	}
	commit(t, s, 2, put("b", "two"), put("c", "three"), put("d", "gone"))
	commit(t, s, 3, directory.Change{Key: []byte("d"), Previous: 2})
	_ = s.Close()

	var d testDisk
	s = openOn(t, dir, &d)
	if diff := cmp.Diff(three, load(t, s)); diff != "" {
		t.Errorf("loaded on a full disk (-want +got):\n%s", diff)
	}
	refusedFor(t, s, 4, "the disk is full")
	if got, err := s.Read(ctx, []byte("b"), 2); err != nil || string(got) != "two" {
		t.Errorf("Read(b) = %q, %v, want two", got, err)
	}
	if _, err := s.Read(ctx, []byte("d"), 3); !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("Read(d) = %v, want not found", err)
	}
	var file bytes.Buffer
	if r, err := s.Backup(ctx, &file); err != nil || r != 3 {
		t.Errorf("Backup = %d, %v, want revision 3", r, err)
	}
	if _, err := ReadSnapshot(&file, func(_, _ []byte) error { return nil }); err != nil {
		t.Errorf("the backup of a full disk: %v", err)
	}
	entries := 0
	if err := s.Audit(ctx, 0, func(directory.Entry) error { entries++; return nil }); err != nil || entries != 3 {
		t.Errorf("Audit = %d entries, %v, want 3", entries, err)
	}

	d.bytes.Store(roomy)
	for s.Failure() != nil {
		runtime.Gosched()
	}
	commit(t, s, 4, put("d", "four"))
	_ = s.Close()
	want := map[string]string{"a": "one", "b": "two", "c": "three", "d": "four"}
	if diff := cmp.Diff(want, load(t, open(t, dir))); diff != "" {
		t.Errorf("loaded after there was room (-want +got):\n%s", diff)
	}
}

// Nothing is served that is not the whole.
func TestStartOnFullDiskRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		remove string
	}{
		{"nothing was ever stored", "*"},
		{"the journal was removed", "journal/*"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			commit(t, s, 1, put("a", "one"))
			if err := s.Snapshot(ctx); err != nil {
				t.Fatal(err)
			}
			commit(t, s, 2, put("a", "two"))
			_ = s.Close()
			paths, err := filepath.Glob(filepath.Join(dir, c.remove))
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range paths {
				if err := os.RemoveAll(path); err != nil {
					t.Fatal(err)
				}
			}
			var d testDisk
			if _, err := Open(Options{Dir: dir, free: d.free}); err == nil || !strings.Contains(err.Error(), "the disk is full") {
				t.Errorf("Open = %v, want a refusal with the reason", err)
			}
		})
	}
}

// The disk becomes full between the commit and the database: the follower waits.
func TestDiskBecomesFull(t *testing.T) {
	dir := t.TempDir()
	var d testDisk
	d.bytes.Store(roomy)
	s := openOn(t, dir, &d)
	commit(t, s, 1, put("a", "one"))
	s.drain()
	b := &directory.Batch{Entries: []directory.Entry{{Revision: 2, Changes: []directory.Change{put("b", "two"), put("c", "three")}}}}
	if err := s.journal.Append(2, encodeBatch(b)); err != nil {
		t.Fatal(err)
	}
	d.bytes.Store(0)
	s.enqueue(b)
	refusedFor(t, s, 3, "the disk is full")
	if got, err := s.Read(ctx, []byte("c"), 2); err != nil || string(got) != "three" {
		t.Errorf("Read(c) = %q, %v, want three", got, err)
	}
	if err := s.SaveUsage(nil); err == nil {
		t.Error("usage is written on a full disk")
	}
	d.bytes.Store(roomy)
	for s.Failure() != nil {
		runtime.Gosched()
	}
	if diff := cmp.Diff(three, load(t, s)); diff != "" {
		t.Errorf("loaded after there was room (-want +got):\n%s", diff)
	}
	commit(t, s, 3, put("d", "four"))
}

// What Badger does not wrap is told from damage by its text: a full disk must
// not lead to a rebuild.
func TestFileTroubleIsNotDamage(t *testing.T) {
	for _, trouble := range troubles {
		err := openError("dir", fmt.Errorf("Cannot write pid file %q err: %v", "LOCK", trouble.err))
		if errors.Is(err, errDamaged) {
			t.Errorf("%v counts as damage", err)
		}
	}
}
