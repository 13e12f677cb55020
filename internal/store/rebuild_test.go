package store

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/directory"
)

// Whatever happens to the database, what is loaded is what was committed: it is
// rebuilt from the journal.
func TestDamagedDatabaseIsRebuilt(t *testing.T) {
	set := func(key string, sealed []byte) func(txn *badger.Txn) error {
		return func(txn *badger.Txn) error { return txn.Set([]byte(key), sealed) }
	}
	for _, c := range []struct {
		name   string
		damage func(txn *badger.Txn) error
	}{
		{"a record is missing", func(txn *badger.Txn) error { return txn.Delete([]byte("d/b")) }},
		{"a record too many", set("d/x", seal([]byte("d/x"), []byte("v")))},
		{"a value's byte is wrong", set("d/b", append([]byte("Two"), seal([]byte("d/b"), []byte("two"))[3:]...))},
		{"a value stands under another's key", set("d/b", seal([]byte("d/a"), []byte("one")))},
		{"a value is an older one", set("d/b", seal([]byte("d/b"), []byte("older")))},
		{"the head is damaged", set(headKey, []byte("xxxxxxxxxxxx"))},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			commit(t, s, 1, put("a", "one"), put("b", "older"))
			commit(t, s, 2, put("b", "two"), put("c", "three"))
			s.drain()
			if err := s.database.db.Update(c.damage); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, dir)
			if diff := cmp.Diff(three, load(t, s)); diff != "" {
				t.Errorf("loaded (-want +got):\n%s", diff)
			}
			if s.Rebuilt() == "" {
				t.Error("Rebuilt does not say why")
			}
			commit(t, s, 3, put("d", "four"))
		})
	}
}

// A process that is killed between making a file of Badger's and giving it its
// length leaves it empty: nothing is damaged by that. An empty one that others
// follow is damage.
func TestEmptyFilesOfTheDatabase(t *testing.T) {
	for _, c := range []struct {
		name  string
		file  string
		after string // files that follow it
		want  bool   // rebuilt
	}{
		{"the next of the value log", "999998.vlog", "", false},
		{"the next write-ahead log", "99998.mem", "", false},
		{"one of the value log in between", "999998.vlog", "999999.vlog", true},
		{"a write-ahead log in between", "99998.mem", "99999.mem", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "state[1]") // means something in a pattern
			s := open(t, dir)
			commit(t, s, 1, put("a", "one"), put("b", "two"), put("c", "three"))
			_ = s.Close()
			err := os.WriteFile(filepath.Join(dir, "badger", c.file), nil, 0o600)
			if err == nil && c.after != "" {
				err = os.WriteFile(filepath.Join(dir, "badger", c.after), make([]byte, 100), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			s = open(t, dir)
			if diff := cmp.Diff(three, load(t, s)); diff != "" {
				t.Errorf("loaded (-want +got):\n%s", diff)
			}
			if why := s.Rebuilt(); (why != "") != c.want {
				t.Errorf("Rebuilt() = %q, want one: %v", why, c.want)
			}
		})
	}
}

func TestHeadOfALaterFormat(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	later := seal([]byte(headKey), append([]byte{headVersion + 1}, make([]byte, headSize)...))
	if err := s.database.db.Update(func(txn *badger.Txn) error { return txn.Set([]byte(headKey), later) }); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if _, err := Open(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "database format [2]; this version of gatepost reads format 1") {
		t.Errorf("Open of a later format = %v, want a refusal", err)
	}
}

// Each file of the state directory removed in turn: all is there afterwards, or
// the start is refused with words. Never is a part served.
func TestRemovedFiles(t *testing.T) {
	for _, c := range []struct {
		name   string
		remove string
		want   string // refused with; "" is repaired
	}{
		{"the database", "badger", ""},
		{"its manifest", "badger/MANIFEST", ""},
		{"its tables", "badger/*.sst", ""},
		{"its value log", "badger/*.vlog", ""},
		{"the snapshots", "snapshots", ""},
		{"the journal", "journal", ""},
		{"database and snapshots", "[bs]*", ""},
		{"database and journal", "[bj]*", "they were removed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			commit(t, s, 1, put("a", "one"), put("b", "two"))
			if err := s.Snapshot(ctx); err != nil {
				t.Fatal(err)
			}
			commit(t, s, 2, put("c", "three"))
			_ = s.Close()
			paths, err := filepath.Glob(filepath.Join(dir, c.remove))
			if err != nil || len(paths) == 0 {
				t.Fatalf("nothing to remove: %v", err)
			}
			for _, path := range paths {
				if err := os.RemoveAll(path); err != nil {
					t.Fatal(err)
				}
			}
			s, err = Open(Options{Dir: dir})
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("Open = %v, want a refusal with %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			defer s.Close()
			if diff := cmp.Diff(three, load(t, s)); diff != "" {
				t.Errorf("loaded (-want +got):\n%s", diff)
			}
			if strings.HasPrefix(c.remove, "badger") && !strings.HasSuffix(c.remove, ".vlog") && s.Rebuilt() == "" {
				t.Error("the database is filled again without a word")
			}
			commit(t, s, 3, put("d", "four"))
		})
	}
}

// Starts that die while they read the database: the third does not open it.
func TestDeadlyDatabaseIsRebuilt(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	commit(t, s, 1, put("a", "one"), put("b", "two"), put("c", "three"))
	for deaths := range 3 {
		_ = s.Close()
		if err := os.WriteFile(filepath.Join(dir, "opening"), bytes.Repeat([]byte("."), deaths), 0o600); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir)
		if diff := cmp.Diff(three, load(t, s)); diff != "" {
			t.Errorf("loaded after %d deaths (-want +got):\n%s", deaths, diff)
		}
		if got, want := s.Rebuilt() != "", deaths == maxDeaths; got != want {
			t.Errorf("after %d deaths: rebuilt %q, want %v", deaths, s.Rebuilt(), want)
		}
		if _, err := os.Stat(filepath.Join(dir, "opening")); err == nil {
			t.Error("a start that came through counts as dead")
		}
	}
}

// What a process that was killed left unfinished does not stay, also when it is
// what has filled the disk: it goes before anybody looks.
func TestUnfinishedIsRemoved(t *testing.T) {
	for _, left := range []string{"snapshots/unfinished-123", "before-restore/unfinished-123", "badger.building/000001.mem", "badger.new/000001.mem", "badger.old/000001.mem", "restoring-123"} {
		t.Run(left, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			commit(t, s, 1, put("a", "one"))
			_ = s.Close()
			path := filepath.Join(dir, left)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := Open(Options{Dir: dir, free: func(string) (uint64, error) {
				if _, err := os.Stat(path); err == nil {
					return 0, nil
				}
				return roomy, nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			commit(t, s, 2, put("b", "two"))
			if s.exists(left) {
				t.Error("it is still there")
			}
			if strings.HasPrefix(left, "badger") {
				nothingLeft(t, dir)
			}
		})
	}
}

// A rebuild that fails leaves nothing that takes room.
func TestFailedRebuildLeavesNothing(t *testing.T) {
	var full atomic.Bool
	s, err := Open(Options{Dir: t.TempDir(), touch: func() error {
		if full.Load() {
			return syscall.ENOSPC
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	commit(t, s, 1, put("a", "one"))
	s.drain()
	full.Store(true)
	if err := s.buildAnew(s.retell); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("buildAnew = %v, want ENOSPC", err)
	}
	if s.exists("badger.building") {
		t.Error("badger.building is left lying")
	}
	full.Store(false)
}

// What cannot be filled is not written out when it is closed: on a disk that is
// full the kernel would end the process there.
func TestUnfilledIsNotWrittenOut(t *testing.T) {
	s := open(t, t.TempDir())
	path := s.path(buildingDir)
	err := s.buildIn(path, func(d *database) error {
		_, err := d.apply([]*directory.Batch{wide(some)}, func() error { return nil })
		return errors.Join(err, errDiskFull)
	})
	if !errors.Is(err, errDiskFull) {
		t.Errorf("buildIn = %v, want that the disk is full", err)
	}
	if tables, _ := filepath.Glob(filepath.Join(path, "*.sst")); len(tables) > 0 {
		t.Errorf("closing it has written %v", tables)
	}
}

// The journal is gone before its second segment: only a snapshot leads there.
func TestRebuildFromSnapshot(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	commit(t, s, 1, put("a", "one"), put("b", "two"))
	if err := s.Snapshot(ctx); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if err := os.RemoveAll(filepath.Join(dir, "journal")); err != nil { // the audit trail is lost, and begins anew
		t.Fatal(err)
	}
	s = open(t, dir)
	commit(t, s, 2, put("c", "three"))
	_ = s.Close()
	if err := os.RemoveAll(filepath.Join(dir, "badger")); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if diff := cmp.Diff(three, load(t, s)); diff != "" {
		t.Errorf("loaded (-want +got):\n%s", diff)
	}
}

// Killed between any two steps of a rebuild, the next start has the whole
// directory, also when somebody has removed the damaged database meanwhile.
func TestKilledRebuild(t *testing.T) {
	for _, c := range []struct {
		name  string
		state func(t *testing.T, dir string)
	}{
		{"before it begins", func(t *testing.T, dir string) { spoil(t, dir, "badger") }},
		{"while it builds", func(t *testing.T, dir string) {
			halfBuilt(t, dir, "badger.building")
			spoil(t, dir, "badger")
		}},
		{"while it builds, and the damaged one is removed", func(t *testing.T, dir string) {
			halfBuilt(t, dir, "badger.building")
			remove(t, dir, "badger")
		}},
		{"when it is built", func(t *testing.T, dir string) {
			copyDir(t, dir, "badger", "badger.new")
			spoil(t, dir, "badger")
		}},
		{"when it is built, and the damaged one is removed", func(t *testing.T, dir string) {
			move(t, dir, "badger", "badger.new")
		}},
		{"between the renames", func(t *testing.T, dir string) {
			copyDir(t, dir, "badger", "badger.new")
			move(t, dir, "badger", "badger.damaged")
			spoil(t, dir, "badger.damaged")
		}},
		{"after the renames", func(t *testing.T, dir string) {
			copyDir(t, dir, "badger", "badger.damaged")
			spoil(t, dir, "badger.damaged")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			commit(t, s, 1, put("a", "one"), put("b", "older"))
			if err := s.Snapshot(ctx); err != nil {
				t.Fatal(err)
			}
			commit(t, s, 2, put("b", "two"), put("c", "three"))
			_ = s.Close()
			c.state(t, dir)
			for range 2 {
				s = open(t, dir)
				if diff := cmp.Diff(three, load(t, s)); diff != "" {
					t.Errorf("loaded (-want +got):\n%s", diff)
				}
				_ = s.Close()
			}
		})
	}
}

// halfBuilt makes a database that has the beginning of a snapshot only, as if it
// were the whole of it.
func halfBuilt(t *testing.T, dir, name string) {
	t.Helper()
	d, err := openDatabase(filepath.Join(dir, name), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.part(changeList([]directory.Change{put("a", "one")}), 2); err != nil {
		t.Fatal(err)
	}
	if err := d.db.Close(); err != nil {
		t.Fatal(err)
	}
}

// spoil takes a database's manifest away.
func spoil(t *testing.T, dir, name string) {
	t.Helper()
	remove(t, dir, filepath.Join(name, "MANIFEST"))
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func move(t *testing.T, dir, from, to string) {
	t.Helper()
	if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
		t.Fatal(err)
	}
}

func copyDir(t *testing.T, dir, from, to string) {
	t.Helper()
	if err := os.CopyFS(filepath.Join(dir, to), os.DirFS(filepath.Join(dir, from))); err != nil {
		t.Fatal(err)
	}
}
