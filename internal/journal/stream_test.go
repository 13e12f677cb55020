package journal

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// noise returns n bytes that do not compress.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// in writes b in parts of some lengths.
func in(b []byte, lengths ...int) func(io.Writer) error {
	return func(w io.Writer) error {
		for i := 0; len(b) > 0; i++ {
			n := min(lengths[i%len(lengths)], len(b))
			if _, err := w.Write(b[:n]); err != nil {
				return err
			}
			b = b[n:]
		}
		return nil
	}
}

// A frame that was written in pieces is, to the byte, one that was written at
// once.
func TestAppendFrom(t *testing.T) {
	for _, size := range []int{0, 1, piece - 1, piece, piece + 1, 3*piece + 17} {
		payload := noise(size)
		once, pieces := Options{Dir: t.TempDir()}, Options{Dir: t.TempDir()}
		a, b := open(t, once), open(t, pieces)
		fill(t, a, 2)
		fill(t, b, 2)
		if err := a.Append(7, payload); err != nil {
			t.Fatal(err)
		}
		if err := b.AppendFrom(7, size, in(payload, 1, 100_000, 3)); err != nil {
			t.Fatalf("AppendFrom of %d bytes: %v", size, err)
		}
		fill(t, a, 1)
		fill(t, b, 1)
		name := segmentName(1)
		if contents(t, once.Dir)[filepath.Join(once.Dir, name)] != contents(t, pieces.Dir)[filepath.Join(pieces.Dir, name)] {
			t.Errorf("%d bytes in pieces are not what they are at once", size)
		}
		_ = b.Close()
		if got := replay(t, open(t, pieces), 2); len(got) != 2 || !strings.HasSuffix(got[0], string(payload)) {
			t.Errorf("%d bytes in pieces are read as %d frames", size, len(got))
		}
	}
}

// Whatever goes wrong on the way, nothing of the frame stays.
func TestAppendFromIsCutBack(t *testing.T) {
	payload, own := noise(2*piece), errors.New("own error")
	for _, tt := range []struct {
		name  string
		size  int
		fill  func(io.Writer) error
		write func(int64) error // at an offset
		want  error             // nil: any
	}{
		{"the payload is shorter", 2*piece + 1, in(payload, 1000), nil, nil},
		{"the payload is longer", 2*piece - 1, in(payload, 1000), nil, nil},
		{"the payload fails", 2 * piece, func(w io.Writer) error { return errors.Join(in(payload[:piece+1], 1000)(w), own) }, nil, own},
		{"the second piece fails", 2 * piece, in(payload, 1000), func(at int64) error {
			if at > piece {
				return syscall.ENOSPC
			}
			return nil
		}, syscall.ENOSPC},
		{"the head fails", 2 * piece, in(payload, 1000), func(at int64) error {
			if at == segmentHead+2*int64(frameHead+len("change 1")) {
				return syscall.ENOSPC
			}
			return nil
		}, syscall.ENOSPC},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{Dir: t.TempDir()}
			j := open(t, o)
			fill(t, j, 2)
			before, plain := contents(t, o.Dir), j.write
			if tt.write != nil {
				j.write = func(f *os.File, b []byte, at int64) (int, error) {
					if err := tt.write(at); err != nil {
						return 0, err
					}
					return plain(f, b, at)
				}
			}
			if err := j.AppendFrom(3, tt.size, tt.fill); err == nil || tt.want != nil && !errors.Is(err, tt.want) || errors.Is(err, ErrUnknown) {
				t.Errorf("AppendFrom = %v, want %v and certainty", err, tt.want)
			}
			if diff := cmp.Diff(before, contents(t, o.Dir)); diff != "" {
				t.Error("something of it stayed")
			}
			j.write = plain
			fill(t, j, 1)
		})
	}
}

// A process that dies before the head is written leaves a torn tail, however
// large, and whatever it looks like inside.
func TestTornLargeFrame(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	j := open(t, o)
	fill(t, j, 2)
	path := filepath.Join(o.Dir, segmentName(1))
	payload := noise(piece)
	copy(payload[1000:], (&frame{length: 7, first: 1 << 60, last: 1 << 61}).encode()) // right by chance
	appendTo(t, path, string(bytes.Join([][]byte{make([]byte, frameHead), payload}, nil)))
	_ = j.Close()
	if got := replay(t, open(t, o), 0); len(got) != 2 {
		t.Errorf("%d frames, want 2", len(got))
	}
}
