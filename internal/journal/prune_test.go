package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// segmented returns a journal of n changes in segments of two, and where they
// begin.
func segmented(t *testing.T, dir string, n int) *Journal {
	t.Helper()
	j := open(t, Options{Dir: dir})
	for i := range n {
		if i > 0 && i%2 == 0 {
			if err := j.Roll(); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.Append(j.Next(), fmt.Appendf(nil, "change %d", i+1)); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

func prune(t *testing.T, j *Journal, first uint64) Removed {
	t.Helper()
	r, err := j.Prune(first, noon)
	if err != nil {
		t.Fatalf("Prune(%d): %v", first, err)
	}
	return r
}

// What is left of a pruned journal is as it was, hangs on the anchor, is taken
// by the next start, and goes on.
func TestPrune(t *testing.T) {
	dir := t.TempDir()
	j := segmented(t, dir, 9)
	whole, err := j.Verify(9, nothing)
	if err != nil {
		t.Fatal(err)
	}
	at4, err := j.Verify(4, nothing)
	if err != nil {
		t.Fatal(err)
	}
	r := prune(t, j, 5)
	if r.Segments != 2 || r.Bytes != 2*(segmentHead+2*(frameHead+8)) || r.Anchor != (Anchor{5, at4.Chain, Pruned, noon}) {
		t.Errorf("Prune = %+v, want 2 segments and the chain after change 4", r)
	}
	if r := prune(t, j, 5); r != (Removed{}) {
		t.Errorf("Prune again = %+v, want nothing", r)
	}
	for _, state := range []string{"at once", "after a restart", "after another restart"} {
		v, err := j.Verify(9, nothing)
		if err != nil || v.First != 5 || v.Last != 9 || v.Segments != 3 || v.Chain != whole.Chain || v.Anchor != r.Anchor {
			t.Errorf("%s: Verify = %+v, %v, want 5 to 9 with the same head", state, v, err)
		}
		if v, err := j.Verify(4, nothing); err != nil || v.Chain != at4.Chain || v.Last != 4 {
			t.Errorf("%s: Verify(4) = %+v, %v, want the anchor's chain", state, v, err)
		}
		if _, err := j.Verify(3, nothing); !errors.Is(err, ErrPruned) {
			t.Errorf("%s: Verify(3) = %v, want ErrPruned", state, err)
		}
		if got := replay(t, j, 0); len(got) != 5 || got[0] != "5-5 change 5" {
			t.Errorf("%s: Replay(0) = %v, want changes 5 to 9", state, got)
		}
		_ = j.Close()
		j = open(t, Options{Dir: dir, Known: 9, Begin: 10})
	}
	fill(t, j, 1)
	if j.Next() != 11 {
		t.Errorf("Next = %d, want 11", j.Next())
	}
}

// The last segment may be all that is left, and may be empty.
func TestPruneToAnEmptySegment(t *testing.T) {
	dir := t.TempDir()
	j := segmented(t, dir, 4)
	head := j.Chain()
	if err := j.Roll(); err != nil {
		t.Fatal(err)
	}
	if err := j.Roll(); err != nil { // it is empty, so this does nothing
		t.Fatal(err)
	}
	prune(t, j, 5)
	_ = j.Close()
	j = open(t, Options{Dir: dir, Known: 4, Begin: 5})
	if j.Next() != 5 || j.Chain() != head || j.Anchor().Why != Pruned {
		t.Errorf("Next = %d, anchor %+v, want 5 and the chain of before", j.Next(), j.Anchor())
	}
	if v, err := j.Verify(4, nothing); err != nil || v.Chain != head {
		t.Errorf("Verify(4) = %+v, %v, want the head of before", v, err)
	}
	fill(t, j, 1)
	if v, err := j.Verify(5, nothing); err != nil || v.First != 5 || v.Last != 5 {
		t.Errorf("Verify(5) = %+v, %v", v, err)
	}
}

// Killed before any step of pruning, the next start finds a journal in order,
// without a gap, that has at least what was to stay; and pruning can go on.
func TestKilledWhilePruning(t *testing.T) {
	const changes = 9
	for _, c := range []struct{ already, first uint64 }{{1, 3}, {1, 5}, {1, 9}, {3, 5}, {3, 9}, {7, 9}} {
		t.Run(fmt.Sprintf("from %d to %d", c.already, c.first), func(t *testing.T) {
			dir := t.TempDir()
			j := segmented(t, dir, changes)
			head := j.Chain()
			if c.already > 1 {
				prune(t, j, c.already)
			}
			states := []string{snapshotOf(t, dir)} // before the anchor
			j.remove = func(path string) error {
				states = append(states, snapshotOf(t, dir))
				return removeSegment(path)
			}
			prune(t, j, c.first)
			states = append(states, snapshotOf(t, dir))
			if want := 2 + int(c.first-c.already)/2; len(states) != want {
				t.Errorf("%d steps, want %d", len(states), want)
			}
			for i, state := range states {
				again := open(t, Options{Dir: state, Known: changes})
				v, err := again.Verify(changes, nothing)
				if err != nil || v.Chain != head || v.First > c.first || v.First < c.already {
					t.Errorf("killed at step %d: Verify = %+v, %v, want the same head from %d or before", i, v, err, c.first)
				}
				if got, want := len(replay(t, again, c.first-1)), changes+1-int(c.first); got != want {
					t.Errorf("killed at step %d: %d changes are left, want %d", i, got, want)
				}
				prune(t, again, c.first)
				if now, err := again.First(); err != nil || now != c.first {
					t.Errorf("killed at step %d: pruned again it begins with %d, %v, want %d", i, now, err, c.first)
				}
			}
		})
	}
}

// snapshotOf copies the directory as a killed process would leave it.
func snapshotOf(t *testing.T, dir string) string {
	t.Helper()
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return copied
}

// A segment that Prune did not remove is missed, and named.
func TestMissingSegment(t *testing.T) {
	for _, c := range []struct {
		name   string
		pruned uint64 // to where, before
		remove []uint64
		want   string // segment; "" is no damage
	}{
		{"nothing", 0, nil, ""},
		{"nothing, after pruning", 5, nil, ""},
		{"the first", 0, []uint64{1}, segmentName(1)},
		{"the second", 0, []uint64{3}, segmentName(5)},
		{"the first two", 0, []uint64{1, 3}, segmentName(1)},
		{"all but the last", 0, []uint64{1, 3, 5, 7}, segmentName(1)},
		{"the first after pruning", 5, []uint64{5}, segmentName(5)},
		{"the second after pruning", 5, []uint64{7}, segmentName(9)},
		{"all but the last after pruning", 5, []uint64{5, 7}, segmentName(5)},
		{"all after pruning", 5, []uint64{5, 7, 9}, segmentName(5)},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			j := segmented(t, dir, 9)
			if c.pruned > 0 {
				prune(t, j, c.pruned)
			}
			for _, first := range c.remove {
				if err := os.Remove(filepath.Join(dir, segmentName(first))); err != nil {
					t.Fatal(err)
				}
			}
			_, verr := j.Verify(9, nothing)
			_ = j.Close()
			again, oerr := Open(Options{Dir: dir})
			for what, err := range map[string]error{"Verify": verr, "Open": oerr} {
				damage := (*DamageError)(nil)
				switch {
				case c.want == "" && err == nil:
				case what == "Verify" && len(c.remove) == 3 && errors.As(err, &damage): // nothing is left to name
				case !errors.As(err, &damage) || damage.Segment != c.want || !strings.Contains(err.Error(), "is missing"):
					t.Errorf("%s = %v, want that something is missing, at %q", what, err, c.want)
				}
			}
			if again != nil {
				_ = again.Close()
			}
		})
	}
}

// Any changed, missing or foreign byte of the anchor is found, by the start and
// by Verify, and so is an anchor of another moment.
func TestDamagedAnchor(t *testing.T) {
	dir := t.TempDir()
	j := segmented(t, dir, 9)
	prune(t, j, 3)
	path := filepath.Join(dir, anchorFile)
	earlier, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	prune(t, j, 5)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	check := func(t *testing.T, want string) {
		t.Helper()
		_, oerr := Open(Options{Dir: dir})
		_, verr := j.Verify(9, nothing)
		for what, err := range map[string]error{"Open": oerr, "Verify": verr} {
			if damage := (*DamageError)(nil); !errors.As(err, &damage) || damage.Segment != want {
				t.Errorf("%s = %v, want damage in %s", what, err, want)
			}
		}
	}
	for i := range whole {
		changed := bytes.Clone(whole)
		changed[i] ^= 0x10
		rewrite(t, path, changed)
		check(t, anchorFile)
		rewrite(t, path, whole[:i])
		check(t, anchorFile)
	}
	rewrite(t, path, append(bytes.Clone(whole), 0))
	check(t, anchorFile)
	rewrite(t, path, earlier)
	check(t, segmentName(3))
	other := Anchor{First: 7, Why: Pruned, Made: noon}
	rewrite(t, path, other.encode()) // further on, with another chain
	check(t, anchorFile)
	other.First = 8 // in the middle of a segment
	rewrite(t, path, other.encode())
	check(t, anchorFile)
	other = Anchor{First: 5, Why: Pruned, Made: noon} // here, with another chain
	rewrite(t, path, other.encode())
	check(t, segmentName(5))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	check(t, segmentName(1))
}

// A journal whose predecessor is gone says so, now and later.
func TestBegunAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "j")
	for range 2 {
		j := open(t, Options{Dir: dir, Known: 6, Begin: 7})
		if a := j.Anchor(); a.First != 7 || a.Why != Anew || a.Before != (Chain{}) {
			t.Errorf("Anchor = %+v, want anew with change 7", a)
		}
		if v, err := j.Verify(6, nothing); err != nil || v.First != 7 || v.Last != 6 || v.Anchor.Why != Anew {
			t.Errorf("Verify(6) = %+v, %v, want nothing, begun anew", v, err)
		}
		if _, err := j.Verify(5, nothing); !errors.Is(err, ErrPruned) {
			t.Errorf("Verify(5) = %v, want that it is not there", err)
		}
		_ = j.Close()
	}
	j := open(t, Options{Dir: dir})
	fill(t, j, 1)
	if v, err := j.Verify(7, nothing); err != nil || v.Anchor.Why != Anew || v.First != 7 {
		t.Errorf("Verify = %+v, %v", v, err)
	}
}

// Nothing is removed from under a reader.
func TestPruneWaitsForReaders(t *testing.T) {
	j := segmented(t, t.TempDir(), 5)
	err := j.Replay(0, func(_, _ uint64, _ []byte) error {
		if _, err := j.Prune(3, noon); !errors.Is(err, ErrBusy) {
			t.Errorf("Prune while somebody reads = %v, want ErrBusy", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	prune(t, j, 3)
}

func TestPruneRefuses(t *testing.T) {
	j := segmented(t, t.TempDir(), 5)
	for _, first := range []uint64{0, 2, 6, 99} {
		if r, err := j.Prune(first, noon); err == nil || r != (Removed{}) {
			t.Errorf("Prune(%d) = %+v, %v, want a refusal: no segment begins there", first, r, err)
		}
	}
	if v, err := j.Verify(5, nothing); err != nil || v.First != 1 {
		t.Errorf("Verify = %+v, %v, want all", v, err)
	}
}

// A segment is read with what follows it, and its beginning can be looked at.
func TestSegments(t *testing.T) {
	dir := t.TempDir()
	j := segmented(t, dir, 4)
	if err := j.Roll(); err != nil {
		t.Fatal(err)
	}
	list, err := j.Segments()
	want := []Segment{{segmentName(1), 1, 192}, {segmentName(3), 3, 192}, {segmentName(5), 5, segmentHead}}
	if diff := cmp.Diff(want, list); err != nil || diff != "" {
		t.Fatalf("Segments, %v (-want +got):\n%s", err, diff)
	}
	for i, wantPeek := range []string{"cha", "cha", ""} {
		if got, err := j.Peek(list[i], 3); err != nil || string(got) != wantPeek {
			t.Errorf("Peek(%d) = %q, %v, want %q", i, got, err, wantPeek)
		}
	}
	if got, err := j.Peek(list[0], 1000); err != nil || string(got) != "change 1" {
		t.Errorf("Peek = %q, %v, want the whole payload and nothing behind it", got, err)
	}
	var got []string
	if err := j.Read(list[1], func(_, _ uint64, payload []byte) error { got = append(got, string(payload)); return nil }); err != nil || len(got) != 2 {
		t.Errorf("Read = %q, %v, want changes 3 and 4", got, err)
	}
	if err := os.Truncate(filepath.Join(dir, list[1].Name), 191); err != nil {
		t.Fatal(err)
	}
	if err := j.Read(list[1], nothing); !errors.As(err, new(*DamageError)) {
		t.Errorf("Read of a damaged segment = %v", err)
	}
	if err := j.Read(list[0], nothing); err != nil {
		t.Errorf("Read of the one before = %v", err)
	}
}

func TestPrunedFilesArePrivate(t *testing.T) {
	dir := t.TempDir()
	j := segmented(t, dir, 5)
	prune(t, j, 3)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Fatalf("%d files, %v, want the anchor and two segments", len(entries), err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("mode of %s = %v, %v, want 0600", e.Name(), info.Mode(), err)
		}
	}
	left := filepath.Join(dir, anchorFile+".123")
	rewrite(t, left, []byte("half"))
	_ = j.Close()
	open(t, Options{Dir: dir})
	if _, err := os.Stat(left); err == nil {
		t.Error("an unfinished anchor is still there")
	}
}

// Any bytes as an anchor: what is taken is what was written.
func FuzzAnchor(f *testing.F) {
	f.Add(Anchor{5, Chain{1, 2, 3}, Pruned, noon}.encode())
	f.Add(Anchor{First: 2, Why: Anew, Made: noon}.encode())
	f.Add([]byte(anchorMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, ok := decodeAnchor(b); ok && !bytes.Equal(a.encode(), b) {
			t.Errorf("decodeAnchor(%x) = %+v, which is written as %x", b, a, a.encode())
		}
	})
}
