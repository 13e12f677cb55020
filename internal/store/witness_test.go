package store

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An acknowledged frame that is damaged is never cut, whatever is left to show
// that it was acknowledged, and the refusal says what really works.
func TestDamagedJournalAndDatabase(t *testing.T) {
	lost := map[string]func(t *testing.T, dir string){
		"badger is removed":     func(t *testing.T, dir string) { remove(t, dir, "badger") },
		"manifest is cut":       func(t *testing.T, dir string) { cutManifest(t, dir) },
		"nothing":               func(*testing.T, string) {},
		"badger is emptied":     func(t *testing.T, dir string) { remove(t, dir, "badger"); makeEmpty(t, dir) },
		"snapshot of a restore": func(t *testing.T, dir string) { cutManifest(t, dir); move(t, dir, snapshotDir, replacedDir) },
	}
	for _, c := range []struct {
		name     string
		lost     string
		snapshot int // after which change; 0: none
		frame    int // in which a byte is flipped, from 1
		advice   string
	}{
		{"last frame, newest snapshot", "badger is removed", 3, 3, "DIR/snapshots/00000000000000000003.snapshot, which has changes up to 3,"},
		{"last frame, newest snapshot, manifest", "manifest is cut", 3, 3, "DIR/snapshots/00000000000000000003.snapshot, which has changes up to 3,"},
		{"last frame, older snapshot", "badger is removed", 1, 3, "DIR/snapshots/00000000000000000001.snapshot, which has changes up to 1,"},
		{"last frame, older snapshot, manifest", "manifest is cut", 1, 3, "DIR/snapshots/00000000000000000001.snapshot, which has changes up to 1,"},
		{"last frame, older snapshot, empty database", "badger is emptied", 1, 3, "DIR/snapshots/00000000000000000001.snapshot, which has changes up to 1,"},
		{"last frame, what a restore kept", "snapshot of a restore", 3, 3, "DIR/before-restore/00000000000000000003.snapshot, which has changes up to 3,"},
		{"last frame, no snapshot", "badger is removed", 0, 3, "`gatepostctl restore` with a backup there"},
		{"first frame", "manifest is cut", 2, 1, "DIR/snapshots/00000000000000000002.snapshot, which has changes up to 2,"},
		{"first frame, database is well", "nothing", 2, 1, "to go on with the database, which has changes up to 3, and without the audit trail, move DIR/journal away and start again"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			fillThree(t, dir, c.snapshot)
			lost[c.lost](t, dir)
			before := flipFrame(t, dir, c.frame)
			var log bytes.Buffer
			_, err := Open(Options{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
			advice := strings.ReplaceAll(c.advice, "DIR", dir)
			if err == nil || !strings.Contains(err.Error(), "is damaged at byte") || !strings.Contains(err.Error(), advice) {
				t.Errorf("Open = %v, want damage and %q", err, advice)
			}
			if strings.Contains(log.String(), "never acknowledged") {
				t.Errorf("the log says %s", log.String())
			}
			if after, err := os.ReadFile(segmentOf(dir)); err != nil || !bytes.Equal(before, after) {
				t.Errorf("the segment was changed, %v", err)
			}
		})
	}
}

// A frame that was not finished is cut although the database is gone.
func TestTornTailWithoutDatabase(t *testing.T) {
	dir := t.TempDir()
	fillThree(t, dir, 2)
	remove(t, dir, "badger")
	whole, err := os.ReadFile(segmentOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(segmentOf(dir), int64(len(whole)-1)); err != nil {
		t.Fatal(err)
	}
	if got := load(t, open(t, dir)); len(got) != 2 {
		t.Errorf("loaded %v, want two", got)
	}
}

// On a full disk the database is not opened, so it cannot say how far changes were
// acknowledged: a last frame that is not what was written is not passed over, but
// one that was not finished is.
func TestDamagedTailOnFullDisk(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, dir string)
		want   string // why the start is refused
	}{
		{"a flipped bit", func(t *testing.T, dir string) { flipFrame(t, dir, 3) }, "is damaged at byte"},
		{"a torn tail", func(t *testing.T, dir string) { appendTo(t, segmentOf(dir), make([]byte, 50)) }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			fillThree(t, dir, 2)
			c.damage(t, dir)
			var d testDisk
			s, err := Open(Options{Dir: dir, free: d.free})
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "the disk is full") {
					t.Errorf("Open = %v, want %q and the reason", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			defer s.Close()
			if got := load(t, s); len(got) != 3 {
				t.Errorf("loaded %v, want three", got)
			}
		})
	}
}

// fillThree makes three changes, one frame each, and a snapshot after one of
// them.
func fillThree(t *testing.T, dir string, snapshot int) {
	t.Helper()
	s := open(t, dir)
	for i, c := range []string{"a", "b", "c"} {
		commit(t, s, s.Revision()+1, put(c, "value"))
		if i+1 != snapshot {
			continue
		}
		if err := s.Snapshot(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func segmentOf(dir string) string { return filepath.Join(dir, "journal/00000000000000000001.journal") }

// flipFrame flips a bit in the content of one of the three frames, which are of
// the same length, and returns the segment.
func flipFrame(t *testing.T, dir string, n int) []byte {
	t.Helper()
	b, err := os.ReadFile(segmentOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	const head = 64
	b[head+(len(b)-head)/3*n-1] ^= 1
	if err := os.WriteFile(segmentOf(dir), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

func cutManifest(t *testing.T, dir string) {
	t.Helper()
	if err := os.Truncate(filepath.Join(dir, "badger/MANIFEST"), 3); err != nil {
		t.Fatal(err)
	}
}

// makeEmpty leaves a database without anything.
func makeEmpty(t *testing.T, dir string) {
	t.Helper()
	d, err := openDatabase(filepath.Join(dir, "badger"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.db.Close(); err != nil {
		t.Fatal(err)
	}
}

func appendTo(t *testing.T, path string, b []byte) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		_, err = file.Write(b)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}
