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

func rewrite(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
