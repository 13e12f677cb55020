package store

import (
	"errors"
	"io/fs"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/directory"
)

// testFilesystem fails writes as a test says.
type testFilesystem struct{ err atomic.Pointer[error] }

func (f *testFilesystem) touch() error {
	if err := f.err.Load(); err != nil {
		return *err
	}
	return nil
}

func (f *testFilesystem) fail(err error) { f.err.Store(&err) }

func openIn(t *testing.T, dir string, f *testFilesystem) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir, touch: f.touch})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func waitUntilWell(s *Store) {
	for s.Failure() != nil {
		runtime.Gosched()
	}
}

// A file system that cannot be written degrades the store, at the start and
// later, with words for an administrator, and it recovers by itself.
func TestFilesystemTrouble(t *testing.T) {
	for _, row := range []struct {
		name           string
		err            error
		reason, advice string
	}{
		{"read-only", &fs.PathError{Op: "write", Path: "ballast", Err: syscall.EROFS}, ReasonFilesystem, "mount it for writing"},
		{"somebody else's", &fs.PathError{Op: "open", Path: "ballast", Err: syscall.EACCES}, ReasonPermission, "give it back (chown -R)"},
		{"the disk fails", &fs.PathError{Op: "write", Path: "ballast", Err: syscall.EIO}, ReasonIO, "check the disk (dmesg)"},
		{"no block", &fs.PathError{Op: "write", Path: "ballast", Err: syscall.ENOSPC}, ReasonDiskFull, "make room"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			f := &testFilesystem{}
			s := openIn(t, dir, f)
			commit(t, s, 1, put("a", "one"), put("b", "two"))
			s.drain()

			f.fail(row.err)
			s.disk.suspect() // else it is noticed some seconds later
			refusedFor(t, s, 2, row.advice)
			if got := Reason(s.Failure()); got != row.reason {
				t.Errorf("Reason(%v) = %q, want %q", s.Failure(), got, row.reason)
			}
			if err := s.SaveUsage(nil); err == nil {
				t.Error("usage is given to the database")
			}
			if got, err := s.Read(ctx, []byte("b"), 1); err != nil || string(got) != "two" {
				t.Errorf("Read(b) = %q, %v, want two", got, err)
			}
			f.err.Store(nil)
			waitUntilWell(s)
			commit(t, s, 2, put("c", "three"))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}

			f.fail(row.err)
			s = openIn(t, dir, f)
			if diff := cmp.Diff(three, load(t, s)); diff != "" {
				t.Errorf("loaded (-want +got):\n%s", diff)
			}
			refusedFor(t, s, 3, row.advice)
			f.err.Store(nil)
			waitUntilWell(s)
			commit(t, s, 3, put("d", "four"))
		})
	}
}

// The file system fails between the commit and the database: Badger would die of
// it, so nothing is given to it, and what waits is taken in later.
func TestFollowerWaitsForFilesystem(t *testing.T) {
	f := &testFilesystem{}
	s := openIn(t, t.TempDir(), f)
	commit(t, s, 1, put("a", "one"))
	s.drain()
	b := &directory.Batch{Entries: []directory.Entry{{Revision: 2, Changes: []directory.Change{put("b", "two"), put("c", "three")}}}}
	if err := s.journal.Append(2, encodeBatch(b)); err != nil {
		t.Fatal(err)
	}
	f.fail(syscall.EROFS)
	s.enqueue(b)
	s.drain() // ends with the failure
	refusedFor(t, s, 3, "read-only file system")
	if got := s.database.revision(); got != 1 {
		t.Errorf("the database is at %d: it was given a change", got)
	}
	f.err.Store(nil)
	waitUntilWell(s)
	if diff := cmp.Diff(three, load(t, s)); diff != "" {
		t.Errorf("loaded (-want +got):\n%s", diff)
	}
}

// Badger cannot go on when it cannot make a file: changes stop before.
func TestInodesUsedUp(t *testing.T) {
	for _, row := range []struct {
		name        string
		files, free uint64
		full        bool
	}{
		{"some are left", 1000, leastFiles, false},
		{"too few are left", 1000, leastFiles - 1, true},
		{"their number is not limited", 0, 0, false},
	} {
		_, err := bytesFree("/state", &syscall.Statfs_t{Files: row.files, Ffree: row.free, Bavail: 1 << 30, Bsize: 4096})
		if errors.Is(err, errDiskFull) != row.full {
			t.Errorf("%s: %v", row.name, err)
		}
		if row.full && Reason(err) != ReasonDiskFull {
			t.Errorf("%s: reason %q", row.name, Reason(err))
		}
	}
}
