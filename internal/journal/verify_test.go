package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func nothing(_, _ uint64, _ []byte) error { return nil }

// verifiable returns a journal of several segments, 1 to 6, and what Verify
// says of it.
func verifiable(t *testing.T) (*Journal, Verified) {
	t.Helper()
	j := open(t, Options{Dir: t.TempDir(), SegmentSize: 200})
	fill(t, j, 6)
	v, err := j.Verify(6, nothing)
	if err != nil {
		t.Fatalf("Verify = %v", err)
	}
	return j, v
}

func TestVerify(t *testing.T) {
	j, v := verifiable(t)
	if v.First != 1 || v.Last != 6 || v.Segments != 2 || v.Chain != j.Chain() {
		t.Errorf("Verify = %+v, want 1 to 6 in 2 segments with chain %x", v, j.Chain())
	}
	if err := j.Append(9, []byte("three changes in one frame")); err != nil {
		t.Fatal(err)
	}
	earlier, err := j.Verify(6, nothing)
	if err != nil || earlier != v {
		t.Errorf("Verify(6) = %+v, %v after more was appended, want %+v", earlier, err, v)
	}
	if v, err = j.Verify(9, nothing); err != nil || v.Last != 9 || v.Chain != j.Chain() {
		t.Errorf("Verify(9) = %+v, %v", v, err)
	}
	if v, err = j.Verify(0, nothing); err != nil || v != (Verified{}) {
		t.Errorf("Verify of no change = %+v, %v, want nothing", v, err)
	}
	stop := errors.New("stop")
	if _, err := j.Verify(9, func(_, _ uint64, _ []byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("Verify = %v, want fn's error", err)
	}
}

// Whichever byte is changed, Verify says in which segment, and not behind it.
func TestVerifyFindsEveryByte(t *testing.T) {
	j, _ := verifiable(t)
	names, err := segments(j.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := filepath.Join(j.dir, name)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range whole {
			changed := bytes.Clone(whole)
			changed[i] ^= 0x04
			rewrite(t, path, changed)
			_, err := j.Verify(6, nothing)
			if damage := (*DamageError)(nil); !errors.As(err, &damage) || damage.Segment != name || damage.Offset > int64(i) {
				t.Errorf("byte %d of %s changed: Verify = %v, want its place", i, name, err)
			}
		}
		rewrite(t, path, whole)
	}
}

// An end that was cut off between two frames leaves a journal that is in order
// in itself, and still is not all that was acknowledged.
func TestVerifyMissesTheEnd(t *testing.T) {
	j, _ := verifiable(t)
	names, err := segments(j.dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(j.dir, names[len(names)-1])
	for _, row := range []struct {
		name   string
		remove func() error
	}{
		{"the last frame", func() error { return os.Truncate(path, segmentHead) }},
		{"the last segment", func() error { return os.Remove(path) }},
		{"any segment", func() error { return errors.Join(os.RemoveAll(j.dir), os.Mkdir(j.dir, 0o700)) }},
	} {
		if err := row.remove(); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Verify(6, nothing); !errors.As(err, new(*DamageError)) {
			t.Errorf("without %s: Verify = %v, want damage", row.name, err)
		}
	}
}

// The head of a segment that has no frame yet is checked too: what comes next
// hangs on it, and the next start would refuse it.
func TestVerifyEmptySegments(t *testing.T) {
	for _, row := range []struct {
		name  string
		begin uint64 // what was before is lost
		fill  int
	}{
		{"a fresh journal", 1, 0},
		{"a journal begun anew", 7, 0},
		{"an empty last segment", 1, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			j := open(t, Options{Dir: dir, Begin: row.begin})
			fill(t, j, row.fill)
			if err := j.Roll(); err != nil {
				t.Fatal(err)
			}
			last := j.Next() - 1
			if v, err := j.Verify(last, nothing); err != nil || v.Last != last || v.Chain != j.Chain() {
				t.Fatalf("Verify(%d) = %+v, %v, want it intact", last, v, err)
			}
			path := filepath.Join(dir, segmentName(last+1))
			whole, err := os.ReadFile(path)
			if err != nil || len(whole) != segmentHead {
				t.Fatalf("%s has %d bytes, %v, want a head only", path, len(whole), err)
			}
			for i := range whole {
				changed := bytes.Clone(whole)
				changed[i] ^= 0x04
				rewrite(t, path, changed)
				_, err := j.Verify(last, nothing)
				if damage := (*DamageError)(nil); !errors.As(err, &damage) || damage.Segment != segmentName(last+1) || damage.Offset != 0 {
					t.Errorf("byte %d changed: Verify(%d) = %v, want its segment", i, last, err)
				}
			}
			rewrite(t, path, encodeSegmentHead(last+1, Chain{1}))
			if _, err := j.Verify(last, nothing); !errors.As(err, new(*DamageError)) {
				t.Errorf("with the head of another journal: Verify(%d) = %v, want damage", last, err)
			}
		})
	}
}

// A last segment whose head is not whole yet is being made: not damage. The only
// one that is there is not being made any more.
func TestVerifyWhileASegmentIsMade(t *testing.T) {
	j := open(t, Options{Dir: t.TempDir()})
	fill(t, j, 2)
	for _, n := range []int{0, 1, segmentHead - 1} {
		rewrite(t, filepath.Join(j.dir, segmentName(3)), encodeSegmentHead(3, j.Chain())[:n])
		if v, err := j.Verify(2, nothing); err != nil || v.Last != 2 {
			t.Errorf("with %d bytes of the next head: Verify = %+v, %v, want it intact", n, v, err)
		}
	}
	fresh := open(t, Options{Dir: t.TempDir()})
	path := filepath.Join(fresh.dir, segmentName(1))
	for _, remove := range []func() error{
		func() error { return os.Truncate(path, segmentHead-1) },
		func() error { return os.Remove(path) },
	} {
		if err := remove(); err != nil {
			t.Fatal(err)
		}
		if _, err := fresh.Verify(0, nothing); !errors.As(err, new(*DamageError)) {
			t.Errorf("Verify(0) = %v, want that the first segment is damaged", err)
		}
	}
}

func rewrite(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// What follows the last change of a segment that is complete is no frame that is
// being written.
func TestVerifyBehindCompleteSegment(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	fill(t, j, 2)
	if err := j.Roll(); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Verify(2, nothing); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(filepath.Join(dir, segmentName(1)), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write([]byte{7}); err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	damage := (*DamageError)(nil)
	if _, err = j.Verify(2, nothing); !errors.As(err, &damage) || damage.Segment != segmentName(1) {
		t.Errorf("Verify = %v, want damage in segment 1", err)
	}
	if _, err := j.Verify(1, nothing); err != nil {
		t.Errorf("Verify of an earlier change = %v", err)
	}
}
