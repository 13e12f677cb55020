package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// failAfter writes n bytes and fails then.
func failAfter(n int, err error) func(*os.File, []byte, int64) (int, error) {
	return func(f *os.File, b []byte, at int64) (int, error) {
		done, werr := f.WriteAt(b[:min(n, len(b))], at)
		return done, errors.Join(werr, err)
	}
}

// Whatever of a frame was written before the write failed: the caller is told
// that it is not there, nothing of it stays, and it does not appear after a
// restart, neither alone nor beside the next one.
func TestFailedWriteIsCutBack(t *testing.T) {
	frame := frameHead + len("refused")
	for i, cause := range []error{syscall.ENOSPC, syscall.EIO, syscall.EDQUOT} {
		for n := i; n < frame; n += 3 {
			t.Run(fmt.Sprintf("%s after %d bytes", cause, n), func(t *testing.T) {
				o := Options{Dir: t.TempDir()}
				j := open(t, o)
				fill(t, j, 2)
				before := contents(t, o.Dir)
				j.write = failAfter(n, cause)
				if err := j.Append(3, []byte("refused")); !errors.Is(err, cause) || errors.Is(err, ErrUnknown) {
					t.Fatalf("Append = %v, want %v and certainty", err, cause)
				}
				if diff := cmp.Diff(before, contents(t, o.Dir)); diff != "" {
					t.Errorf("something of it stayed (-before +after):\n%s", diff)
				}
				j.write = (*os.File).WriteAt
				fill(t, j, 1) // the next is taken in its place
				_ = j.Close()
				if diff := cmp.Diff([]string{"1-1 change 1", "2-2 change 2", "3-3 change 1"}, replay(t, open(t, o), 0)); diff != "" {
					t.Errorf("after a restart (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// A process that dies between the failing write and the cut leaves a torn tail:
// the refused frame is gone all the same.
func TestFailedWriteAndDeath(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	j := open(t, o)
	fill(t, j, 2)
	whole := (&frame{length: 7, first: 3, last: 3}).encode()
	appendTo(t, filepath.Join(o.Dir, segmentName(1)), string(whole)+"refuse")
	_ = j.Close()
	if got := replay(t, open(t, o), 0); len(got) != 2 {
		t.Errorf("%d frames, want 2", len(got))
	}
}

// When fdatasync fails nobody knows; nothing more is taken, also when it would
// work again (the kernel may have dropped the pages and forgotten the error).
func TestFailedSync(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	j := open(t, o)
	fill(t, j, 1)
	j.sync = func(*os.File) error { return syscall.EIO }
	if err := j.Append(2, []byte("x")); !errors.Is(err, ErrUnknown) || !errors.Is(err, syscall.EIO) {
		t.Errorf("Append with a failing sync = %v, want ErrUnknown and EIO", err)
	}
	j.sync = fdatasync
	before := contents(t, o.Dir)
	for range 3 {
		if err := j.Append(2, []byte("y")); !errors.Is(err, ErrUnknown) {
			t.Errorf("Append after a failed sync = %v, want ErrUnknown", err)
		}
		if err := j.Roll(); !errors.Is(err, ErrUnknown) {
			t.Errorf("Roll after a failed sync = %v, want ErrUnknown", err)
		}
	}
	if diff := cmp.Diff(before, contents(t, o.Dir)); diff != "" {
		t.Errorf("something was written afterwards (-before +after):\n%s", diff)
	}
}

// A write fails, and cutting back cannot be made durable either.
func TestFailedWriteAndSync(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	j := open(t, o)
	fill(t, j, 1)
	j.write, j.sync = failAfter(10, syscall.EIO), func(*os.File) error { return syscall.EIO }
	if err := j.Append(2, []byte("x")); !errors.Is(err, ErrUnknown) {
		t.Errorf("Append that can neither write nor cut back = %v, want ErrUnknown", err)
	}
	j.write, j.sync = (*os.File).WriteAt, fdatasync
	if err := j.Append(2, []byte("x")); !errors.Is(err, ErrUnknown) {
		t.Errorf("the next Append = %v, want ErrUnknown", err)
	}
}

// A file that can be neither written nor cut.
func TestFailedCut(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	fill(t, j, 1)
	whole := j.file
	readOnly, err := os.Open(whole.Name())
	if err != nil {
		t.Fatal(err)
	}
	j.file = readOnly // writes fail with EBADF, and so does cutting back
	j.write = func(_ *os.File, b []byte, at int64) (int, error) {
		n, _ := whole.WriteAt(b[:10], at)
		return n, syscall.EIO
	}
	if err := j.Append(2, []byte("x")); !errors.Is(err, ErrUnknown) {
		t.Errorf("Append that can neither write nor cut back = %v, want ErrUnknown", err)
	}
	_ = readOnly.Close()
	_ = whole.Close()
	if got := replay(t, open(t, Options{Dir: dir}), 0); len(got) != 1 {
		t.Errorf("%d frames, want 1", len(got))
	}
}

// On a file system that has become read-only nothing is written, and nothing can
// be cut: the change is refused, and the next one is taken when it can be written.
func TestReadOnlyFilesystem(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir()})
	fill(t, j, 1)
	whole := j.file
	readOnly, err := os.Open(whole.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = readOnly.Close() }()
	j.file = readOnly
	if err := j.Append(2, []byte("x")); err == nil || errors.Is(err, ErrUnknown) {
		t.Errorf("Append = %v, want a refusal", err)
	}
	j.file = whole
	if err := j.Append(2, []byte("x")); err != nil {
		t.Errorf("Append afterwards = %v", err)
	}
	if got := replay(t, j, 0); len(got) != 2 {
		t.Errorf("%d frames, want 2", len(got))
	}
}

// The next segment cannot be begun: the change is refused, nothing is left of
// the segment, and when there is room again the same number is taken.
func TestFailedRoll(t *testing.T) {
	for _, c := range []struct {
		name  string
		write func(*os.File, []byte, int64) (int, error)
		sync  func(*os.File) error
	}{
		{"its head is not written", failAfter(10, syscall.ENOSPC), fdatasync},
		{"its head is not synced", (*os.File).WriteAt, func(*os.File) error { return syscall.ENOSPC }},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{Dir: t.TempDir(), SegmentSize: 100}
			j := open(t, o)
			fill(t, j, 1)
			before := contents(t, o.Dir)
			j.write, j.sync = c.write, c.sync
			if err := j.Append(2, []byte("refused")); !errors.Is(err, syscall.ENOSPC) || errors.Is(err, ErrUnknown) {
				t.Errorf("Append = %v, want ENOSPC and certainty", err)
			}
			if diff := cmp.Diff(before, contents(t, o.Dir)); diff != "" {
				t.Errorf("something of it stayed (-before +after):\n%s", diff)
			}
			if err := os.WriteFile(filepath.Join(o.Dir, segmentName(2)), make([]byte, 10), 0o600); err != nil { // as if it could not be removed
				t.Fatal(err)
			}
			j.write, j.sync = (*os.File).WriteAt, fdatasync
			fill(t, j, 1)
			_ = j.Close()
			if got := replay(t, open(t, o), 1); len(got) != 1 || got[0] != "2-2 change 1" {
				t.Errorf("after a restart %v, want the change that was taken", got)
			}
		})
	}
}

// A frame that was written and never synced, or whose sync failed, is written
// again and synced before Open returns; one that is known is only synced. When
// that fails there is no journal.
func TestFoundFramesAreMadeDurable(t *testing.T) {
	long := time.Unix(1e9, 0)
	for _, c := range []struct {
		name    string
		frames  int
		known   uint64
		only    bool // for reading
		written bool
	}{
		{"the last frame is not known", 3, 2, false, true},
		{"the last frame is known", 3, 3, false, false},
		{"a segment without a frame", 0, 0, false, true},
		{"the last frame is not known, and nothing will be appended", 3, 2, true, true},
		{"the last frame is known, and nothing will be appended", 3, 3, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{Dir: t.TempDir(), Known: c.known}
			j := open(t, o)
			fill(t, j, c.frames)
			_ = j.Close()
			before, path := contents(t, o.Dir), filepath.Join(o.Dir, segmentName(1))
			if err := os.Chtimes(path, long, long); err != nil {
				t.Fatal(err)
			}
			o.ReadOnly = c.only
			o.Sync = func(*os.File) error { return syscall.EIO }
			if _, err := Open(o); errors.Is(err, syscall.EIO) == c.only {
				t.Errorf("Open with a failing sync, read-only %v = %v", c.only, err)
			}
			synced := ""
			o.Sync = func(f *os.File) error { synced = f.Name(); return nil }
			open(t, o)
			if synced != path {
				t.Errorf("Open has synced %q, want %s", synced, path)
			}
			if info, err := os.Stat(path); err != nil || info.ModTime().After(long) != c.written {
				t.Errorf("written again: %v, %v, want %v", info.ModTime().After(long), err, c.written)
			}
			if diff := cmp.Diff(before, contents(t, o.Dir)); diff != "" {
				t.Errorf("files changed (-before +after):\n%s", diff)
			}
		})
	}
}
