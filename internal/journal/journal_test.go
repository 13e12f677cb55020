package journal

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T, o Options) *Journal {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	j, err := Open(o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

// fill appends frames 1 to n; frame i holds "change i" and is one change long.
func fill(t *testing.T, j *Journal, n int) {
	t.Helper()
	for i := range n {
		if err := j.Append(j.Next(), fmt.Appendf(nil, "change %d", i+1)); err != nil {
			t.Fatalf("Append: %v", err)
		}
	}
}

func replay(t *testing.T, j *Journal, after uint64) (got []string) {
	t.Helper()
	err := j.Replay(after, func(first, last uint64, payload []byte) error {
		got = append(got, fmt.Sprintf("%d-%d %s", first, last, payload))
		return nil
	})
	if err != nil {
		t.Fatalf("Replay: %v", err)
	}
	return got
}

func TestAppendAndReplay(t *testing.T) {
	for _, size := range []int64{0, 200} { // one segment, and many
		t.Run(fmt.Sprint("segments of ", size), func(t *testing.T) {
			o := Options{Dir: filepath.Join(t.TempDir(), "j"), SegmentSize: size}
			j := open(t, o)
			fill(t, j, 5)
			if err := j.Append(9, []byte("many")); err != nil {
				t.Fatal(err)
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			j = open(t, o)
			if j.Next() != 10 {
				t.Errorf("Next = %d, want 10", j.Next())
			}
			want := []string{"4-4 change 4", "5-5 change 5", "6-9 many"}
			if diff := cmp.Diff(want, replay(t, j, 3)); diff != "" {
				t.Errorf("Replay(3) (-want +got):\n%s", diff)
			}
			if got := replay(t, j, 9); got != nil {
				t.Errorf("Replay(9) = %v, want nothing", got)
			}
			if diff := cmp.Diff(append([]string{"1-1 change 1", "2-2 change 2", "3-3 change 3"}, want...), replay(t, j, 0)); diff != "" {
				t.Errorf("Replay(0) (-want +got):\n%s", diff)
			}
			fill(t, j, 1)
		})
	}
}

func TestFilesArePrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "j")
	fill(t, open(t, Options{Dir: dir}), 1)
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, segmentName(1)): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("mode of %s = %v, %v, want %v", path, info.Mode().Perm(), err, want)
		}
	}
}

// Wherever a crash cuts the file, what was complete is there and the rest is
// gone without an error.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	fill(t, open(t, Options{Dir: dir}), 3)
	path := filepath.Join(dir, segmentName(1))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	frame := int64(frameHead + len("change 1"))
	for size := range int64(len(whole)) {
		if err := os.WriteFile(path, whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		j := open(t, Options{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
		want := 0
		if size >= segmentHead {
			want = int((size - segmentHead) / frame)
		}
		said := "journal: an unfinished segment is removed"
		if size >= segmentHead {
			said = fmt.Sprintf("offset=%d change=%d", segmentHead+int64(want)*frame, want+1)
		}
		if whole := size >= segmentHead && (size-segmentHead)%frame == 0; strings.Contains(log.String(), said) == whole {
			t.Errorf("cut at %d: the log says %q", size, log.String())
		}
		if got := len(replay(t, j, 0)); got != want {
			t.Errorf("cut at %d: %d frames, want %d", size, got, want)
		}
		fill(t, j, 1)
		_ = j.Close()
		if got := len(replay(t, open(t, Options{Dir: dir}), 0)); got != want+1 {
			t.Errorf("cut at %d: %d frames after another, want %d", size, got, want+1)
		}
	}
}

// Read only, a journal ends before its torn tail, and keeps it.
func TestReadOnly(t *testing.T) {
	for _, c := range []struct {
		name string
		tear func(t *testing.T, dir string)
	}{
		{"whole", func(*testing.T, string) {}},
		{"torn frame", func(t *testing.T, dir string) { appendTo(t, filepath.Join(dir, segmentName(1)), "half a frame") }},
		{"torn segment", func(t *testing.T, dir string) { appendTo(t, filepath.Join(dir, segmentName(4)), magic) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{Dir: t.TempDir()}
			j := open(t, o)
			fill(t, j, 3)
			_ = j.Close()
			c.tear(t, o.Dir)
			before := contents(t, o.Dir)
			o.ReadOnly = true
			j = open(t, o)
			if diff := cmp.Diff([]string{"2-2 change 2", "3-3 change 3"}, replay(t, j, 1)); diff != "" {
				t.Errorf("Replay(1) (-want +got):\n%s", diff)
			}
			if got := replay(t, j, 3); got != nil {
				t.Errorf("Replay(3) = %v, want nothing", got)
			}
			if err := j.Append(4, nil); !errors.Is(err, ErrReadOnly) {
				t.Errorf("Append = %v, want ErrReadOnly", err)
			}
			if j.Next() != 4 {
				t.Errorf("Next = %d, want 4", j.Next())
			}
			if diff := cmp.Diff(before, contents(t, o.Dir)); diff != "" {
				t.Errorf("files changed (-before +after):\n%s", diff)
			}
		})
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(b)
	}
	return all
}

// A tail that was acknowledged is damage, not a torn tail.
func TestKnownTailIsNotCut(t *testing.T) {
	dir := t.TempDir()
	fill(t, open(t, Options{Dir: dir}), 3)
	path := filepath.Join(dir, segmentName(1))
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()-1); err != nil {
		t.Fatal(err)
	}
	_, err = Open(Options{Dir: dir, Known: 3})
	if damage := (*DamageError)(nil); !errors.As(err, &damage) {
		t.Errorf("Open of a journal whose acknowledged end is cut = %v, want damage", err)
	}
	if after, _ := os.Stat(path); after.Size() != info.Size()-1 {
		t.Error("the damaged journal was changed")
	}
}

// When nobody knows how far changes were acknowledged, a last frame that is there
// in its whole length and wrong is damage and stays; what a process did not come
// to write whole is cut off as ever.
func TestUnsureTail(t *testing.T) {
	frame := int64(frameHead + len("change 1"))
	for _, c := range []struct {
		name   string
		change func(tail []byte) []byte
		cut    bool
	}{
		{"a byte of the content is wrong", func(b []byte) []byte { b[frameHead] ^= 1; return b }, false},
		{"the last byte is zero", func(b []byte) []byte { b[len(b)-1] = 0; return b }, false},
		{"a byte of the length is wrong", func(b []byte) []byte { b[0] ^= 1; return b }, false},
		{"a byte of the head is wrong", func(b []byte) []byte { b[30] ^= 1; return b }, false},
		{"the last byte is missing", func(b []byte) []byte { return b[:len(b)-1] }, true},
		{"a part of the head is missing", func(b []byte) []byte { return b[:frameHead-1] }, true},
		{"the head was not written", func(b []byte) []byte { clear(b[:frameHead]); return b }, true},
		{"nothing was written", func(b []byte) []byte { clear(b); return b }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			j := open(t, Options{Dir: dir})
			fill(t, j, 2)
			_ = j.Close()
			path := filepath.Join(dir, segmentName(1))
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			tail := int64(len(whole)) - frame
			changed := append(bytes.Clone(whole[:tail]), c.change(bytes.Clone(whole[tail:]))...)
			if err := os.WriteFile(path, changed, 0o600); err != nil {
				t.Fatal(err)
			}
			j, err = Open(Options{Dir: dir, Unsure: true, Log: slog.New(slog.DiscardHandler)})
			if c.cut {
				if err != nil || j.Next() != 2 {
					t.Fatalf("Open = %v, want change 1", err)
				}
				_ = j.Close()
				return
			}
			if damage := (*DamageError)(nil); !errors.As(err, &damage) || damage.Offset != tail {
				t.Errorf("Open = %v, want damage at byte %d", err, tail)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, changed) {
				t.Errorf("the file was changed, %v", err)
			}
		})
	}
}

// Whichever bit is flipped: either it is found, or it was in the last frame,
// which then is taken for torn. Never is something else read.
func TestFlippedBits(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir, SegmentSize: 300})
	fill(t, j, 12)
	want := replay(t, j, 0)
	names, err := segments(dir)
	if err != nil || len(names) < 3 {
		t.Fatalf("%d segments, %v; want several", len(names), err)
	}
	for range 1000 {
		name := names[rand.IntN(len(names))]
		path := filepath.Join(dir, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		damaged := bytes.Clone(whole)
		bit := rand.IntN(len(whole) * 8)
		damaged[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := Open(Options{Dir: dir, SegmentSize: 300, Log: slog.New(slog.DiscardHandler)})
		if err == nil {
			if got := replay(t, again, 0); !cmp.Equal(got, want[:len(want)-1]) || name != names[len(names)-1] {
				t.Errorf("bit %d of %s flipped: %d frames are read without an error", bit, name, len(got))
			}
			_ = again.Close()
		} else if damage := (*DamageError)(nil); !errors.As(err, &damage) || damage.Segment != name || damage.Offset > int64(bit/8) {
			t.Errorf("bit %d of %s flipped: Open = %v, want its place", bit, name, err)
		} else if _, err := Open(Options{Dir: dir, Known: 12}); err == nil {
			t.Errorf("bit %d of %s flipped: found at first and not the second time", bit, name)
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOutOfOrder(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir()})
	fill(t, j, 3)
	if err := j.Append(3, []byte("x")); err == nil || errors.Is(err, ErrUnknown) {
		t.Errorf("Append of change 3 after change 3 = %v, want a refusal", err)
	}
	fill(t, j, 1)
}

// Any bytes as a segment: no panic, no growth, and no frame that was not
// written.
func FuzzSegment(f *testing.F) {
	dir := f.TempDir()
	j, err := Open(Options{Dir: dir})
	if err != nil {
		f.Fatal(err)
	}
	for i := range 3 {
		if err := j.Append(uint64(i+1), fmt.Appendf(nil, "change %d", i)); err != nil {
			f.Fatal(err)
		}
	}
	_ = j.Close()
	seed, err := os.ReadFile(filepath.Join(dir, segmentName(1)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add(seed[:segmentHead])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, segment []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, segmentName(1)), segment, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := Open(Options{Dir: dir, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			return
		}
		defer j.Close()
		total := 0
		if err := j.Replay(0, func(_, _ uint64, payload []byte) error { total += len(payload); return nil }); err != nil {
			t.Errorf("Open took what Replay refuses: %v", err)
		}
		if total > len(segment) {
			t.Errorf("%d bytes of payload from %d bytes", total, len(segment))
		}
	})
}
