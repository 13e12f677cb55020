package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/directory"
)

func TestLargeBatchIsTakenInParts(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	want := map[string]string{}
	var changes []directory.Change
	for i := range 3*partChanges + 7 {
		key := fmt.Sprint("key", i)
		want[key] = strings.Repeat("v", 300)
		changes = append(changes, put(key, want[key]))
	}
	commit(t, s, 1, changes...)
	got, err := s.Read(ctx, []byte("key7"), 1)
	if err != nil || string(got) != want["key7"] {
		t.Errorf("Read while the database is behind = %d bytes, %v", len(got), err)
	}
	_ = s.Close()
	if got := load(t, open(t, dir)); !cmp.Equal(got, want) {
		t.Errorf("%d records are loaded, want %d", len(got), len(want))
	}
}

// Small batches go into the database together, and around a large one, in order.
func TestBatchesAreTakenInTogether(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	want := map[string]string{}
	for r := range directory.Revision(50) {
		changes := []directory.Change{put("same", fmt.Sprint(r))}
		for i := range int(r%25) / 24 * 2 * partChanges {
			changes = append(changes, put(fmt.Sprint("key", i), fmt.Sprint(r)))
		}
		for _, c := range changes {
			want[string(c.Key)] = string(c.Value)
		}
		commit(t, s, r+1, changes...)
	}
	if got := load(t, s); !cmp.Equal(got, want) { // waits for the follower
		t.Errorf("%d records are loaded, want %d", len(got), len(want))
	}
	s.mu.Lock()
	if len(s.pending)+len(s.queue)+s.backlog > 0 {
		t.Errorf("%d names, %d batches, %d bytes still wait", len(s.pending), len(s.queue), s.backlog)
	}
	s.mu.Unlock()
	_ = s.Close()
	if got := load(t, open(t, dir)); !cmp.Equal(got, want) {
		t.Errorf("%d records are loaded after a restart, want %d", len(got), len(want))
	}
}

// A crash between two parts of a batch: the start finishes it.
func TestInterruptedBatchIsFinished(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	commit(t, s, 1, put("a", "old"), put("z", "old"))
	s.drain()
	var changes []directory.Change
	want := map[string]string{"a": "new", "z": "old"}
	for i := range 2 * partChanges {
		key := fmt.Sprint("key", i)
		want[key] = "v"
		changes = append(changes, put(key, "v"))
	}
	changes = append([]directory.Change{put("a", "new")}, changes...)
	b := &directory.Batch{Entries: []directory.Entry{{Revision: 2, Changes: changes}}}
	if err := s.journal.Append(2, encodeBatch(b)); err != nil {
		t.Fatal(err)
	}
	if n, err := s.database.part(changeList(changes), 2); err != nil || n >= len(changes) {
		t.Fatalf("the first part takes %d of %d changes, %v", n, len(changes), err)
	}
	_ = s.Close()
	s = open(t, dir)
	if got := load(t, s); !cmp.Equal(got, want) {
		t.Errorf("%d records are loaded, want %d", len(got), len(want))
	}
	if s.Rebuilt() != "" {
		t.Errorf("an interrupted batch caused a rebuild: %s", s.Rebuilt())
	}
}

// A crash between two parts of a batch, and then the batch is gone from the
// journal: half of it is not served, and it is not cut off as never acknowledged.
func TestInterruptedBatchWithoutJournal(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, segment string)
		want   string
	}{
		{"a bit of the last frame is flipped", func(t *testing.T, segment string) {
			b, err := os.ReadFile(segment)
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)-1] ^= 1
			if err := os.WriteFile(segment, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "the content of change 2 is not what was written"},
		{"the journal is removed", func(t *testing.T, segment string) {
			if err := os.Remove(segment); err != nil {
				t.Fatal(err)
			}
		}, "it cannot be rebuilt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			commit(t, s, 1, put("a", "old"))
			s.drain()
			changes := []directory.Change{put("a", "new")}
			for i := range 2 * partChanges {
				changes = append(changes, put(fmt.Sprint("key", i), "v"))
			}
			b := &directory.Batch{Entries: []directory.Entry{{Revision: 2, Changes: changes}}}
			if err := s.journal.Append(2, encodeBatch(b)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.database.part(changeList(changes), 2); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Backup(ctx, io.Discard); err == nil {
				t.Error("half of a batch is backed up")
			}
			_ = s.Close()
			c.damage(t, filepath.Join(dir, "journal", fmt.Sprintf("%020d.journal", 1)))
			for range 2 { // the second start says the same
				if _, err := Open(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("Open = %v, want a refusal with %q", err, c.want)
				}
			}
		})
	}
}

func TestDatabaseTroubleRefusesChanges(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	commit(t, s, 1, put("a", "one"))
	s.drain()
	if err := s.database.db.Close(); err != nil {
		t.Fatal(err)
	}
	commit(t, s, 2, put("b", "two")) // durable in the journal
	for s.Failure() == nil {
		runtime.Gosched()
	}
	b := &directory.Batch{Entries: []directory.Entry{{Revision: 3, Changes: []directory.Change{put("c", "x")}}}}
	if err := s.Commit(ctx, b); !errors.Is(err, directory.ErrReadOnly) {
		t.Errorf("Commit after database trouble = %v, want read_only", err)
	}
	_ = s.journal.Close()
	s = open(t, dir)
	if diff := cmp.Diff(map[string]string{"a": "one", "b": "two"}, load(t, s)); diff != "" {
		t.Errorf("loaded after a restart (-want +got):\n%s", diff)
	}
}
