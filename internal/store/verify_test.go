package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/journal"
)

func TestVerify(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if v, err := s.Verify(ctx); err != nil || v != (journal.Verified{}) {
		t.Errorf("Verify of nothing = %+v, %v", v, err)
	}
	for r := range directory.Revision(5) {
		commit(t, s, r+1, put("a", "value"))
	}
	v, err := s.Verify(ctx)
	if err != nil || v.First != 1 || v.Last != 5 || v.Chain != s.journal.Chain() {
		t.Errorf("Verify = %+v, %v, want 1 to 5 and the journal's chain", v, err)
	}
	segments, err := filepath.Glob(filepath.Join(dir, "journal", "*"))
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	whole, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	whole[len(whole)-1] ^= 1
	if err := os.WriteFile(segments[0], whole, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = s.Verify(ctx)
	if damage := (*journal.DamageError)(nil); !errors.As(err, &damage) || damage.Segment != filepath.Base(segments[0]) {
		t.Errorf("Verify = %v, want damage in %s", err, segments[0])
	}
}

// A change that the chain covers, but this version cannot read, is told too.
func TestVerifyOfAnotherFormat(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.journal.Append(1, []byte{99}); err != nil {
		t.Fatal(err)
	}
	s.durable.Store(1)
	if _, err := s.Verify(ctx); !errors.Is(err, errBatch) {
		t.Errorf("Verify = %v, want errBatch", err)
	}
}

// A trail that is empty because the journal was lost is in order, and so is one
// that never had a change: all that there is to verify is where it goes on.
func TestVerifyOfAnEmptyTrail(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	commit(t, s, 1, put("a", "value"))
	commit(t, s, 2, put("b", "value"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "journal"), filepath.Join(dir, "journal.away")); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	v, err := s.Verify(ctx)
	if err != nil || v.First != 3 || v.Last != 2 || v.Anchor.Why != journal.Anew {
		t.Errorf("Verify = %+v, %v, want nothing, begun anew with change 3", v, err)
	}
	if _, err := s.VerifyTo(ctx, 1); !errors.Is(err, journal.ErrPruned) {
		t.Errorf("VerifyTo(1) = %v, want that it is not there", err)
	}
	commit(t, s, 3, put("c", "value"))
	if v, err = s.Verify(ctx); err != nil || v.First != 3 || v.Last != 3 {
		t.Errorf("Verify = %+v, %v, want change 3", v, err)
	}
}
