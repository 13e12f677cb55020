package store

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/directory"
)

func TestBackup(t *testing.T) {
	s := open(t, t.TempDir())
	commit(t, s, 1, put("a", "one"), put("b", "two"), put("c", "three"))
	var file bytes.Buffer
	if r, err := s.Backup(ctx, &file); err != nil || r != 1 {
		t.Fatalf("Backup = %d, %v", r, err)
	}
	read := func(b []byte) (map[string]string, error) {
		got := map[string]string{}
		r, err := ReadSnapshot(bytes.NewReader(b), func(k, v []byte) error { got[string(k)] = string(v); return nil })
		if err == nil && r != 1 {
			t.Errorf("revision %d, want 1", r)
		}
		return got, err
	}
	whole := file.Bytes()
	if got, err := read(whole); err != nil || !cmp.Equal(got, three) {
		t.Errorf("ReadSnapshot = %v, %v, want %v", got, err, three)
	}
	for n := range whole {
		if _, err := read(whole[:n]); !errors.Is(err, ErrSnapshot) {
			t.Errorf("a backup cut at byte %d: %v, want ErrSnapshot", n, err)
		}
	}
	for bit := range len(whole) * 8 {
		flipped := bytes.Clone(whole)
		flipped[bit/8] ^= 1 << (bit % 8)
		if _, err := read(flipped); !errors.Is(err, ErrSnapshot) {
			t.Errorf("a backup with bit %d flipped: %v, want ErrSnapshot", bit, err)
		}
	}
	if _, err := read(append(whole, 0)); !errors.Is(err, ErrSnapshot) {
		t.Errorf("a backup with a byte behind its end: %v, want ErrSnapshot", err)
	}
}

func FuzzSnapshot(f *testing.F) {
	var file bytes.Buffer
	w := newSnapshotWriter(&file, head{revision: 1, records: 1})
	if err := errors.Join(w.record([]byte("a"), []byte("one")), w.finish()); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		total := 0
		_, err := ReadSnapshot(bytes.NewReader(b), func(k, v []byte) error { total += len(k) + len(v); return nil })
		if err == nil && total > len(b) {
			t.Errorf("%d bytes of records from %d bytes", total, len(b))
		}
	})
}

// A backup is the directory at one revision, also while it is changed: never
// half of a change.
func TestBackupDuringCommits(t *testing.T) {
	s := open(t, t.TempDir())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for r := range directory.Revision(300) {
			commit(t, s, r+1, put("a", fmt.Sprint(r+1)), put("b", fmt.Sprint(r+1)))
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		before := s.Revision()
		var file bytes.Buffer
		r, err := s.Backup(ctx, &file)
		if err != nil || r < before {
			t.Fatalf("Backup = %d, %v, want %d or later", r, err, before)
		}
		got := map[string]string{}
		read, err := ReadSnapshot(&file, func(key, value []byte) error { got[string(key)] = string(value); return nil })
		want := map[string]string{"a": fmt.Sprint(r), "b": fmt.Sprint(r)}
		if r == 0 {
			want = map[string]string{}
		}
		if err != nil || read != r || !cmp.Equal(got, want) {
			t.Fatalf("the backup of revision %d has revision %d, %v, %v", r, read, got, err)
		}
	}
}
