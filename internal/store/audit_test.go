package store

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/directory"
)

func TestAudit(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for r := range directory.Revision(5) {
		b := &directory.Batch{Entries: []directory.Entry{{Revision: r + 1, Cause: directory.Cause{Actor: "root", Command: fmt.Sprint("command ", r+1)},
			Changes: []directory.Change{put("a", fmt.Sprint(r))}}}}
		if err := s.Commit(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	read := func(after directory.Revision) (got []string, err error) {
		err = s.Audit(ctx, after, func(e directory.Entry) error { got = append(got, e.Cause.Command); return nil })
		return got, err
	}
	if got, err := read(3); err != nil || !cmp.Equal(got, []string{"command 4", "command 5"}) {
		t.Errorf("Audit(3) = %v, %v, want commands 4 and 5", got, err)
	}
	if got, err := read(5); err != nil || got != nil {
		t.Errorf("Audit(5) = %v, %v, want nothing", got, err)
	}
	segment, err := filepath.Glob(filepath.Join(dir, "journal", "*"))
	if err != nil || len(segment) != 1 {
		t.Fatal(segment, err)
	}
	whole, err := os.ReadFile(segment[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		changed := bytes.Clone(whole)
		changed[i] ^= 0x20
		if err := os.WriteFile(segment[0], changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := read(0); err == nil {
			t.Errorf("byte %d of the journal changed: the audit does not notice", i)
		}
	}
}

// Reading goes on beside writing, and never sees half a change.
func TestAuditDuringCommits(t *testing.T) {
	s := open(t, t.TempDir())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for r := range directory.Revision(300) {
			commit(t, s, r+1, put("a", strings.Repeat("v", int(r))))
		}
	}()
	for {
		last := directory.Revision(0)
		err := s.Audit(ctx, 0, func(e directory.Entry) error {
			if e.Revision != last+1 {
				return fmt.Errorf("%d follows %d", e.Revision, last)
			}
			last = e.Revision
			return nil
		})
		if err != nil {
			t.Fatalf("Audit: %v", err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}
