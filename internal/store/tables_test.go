package store

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// tabled is the database of a store that was closed, with one table, and the
// path of that.
func tabled(t *testing.T) (dir, path string) {
	t.Helper()
	s, _ := hundred(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	dir = s.path("badger")
	paths, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("the database has the tables %v (%v), want one", paths, err)
	}
	return dir, paths[0]
}

// Whatever is wrong with a table is found before Badger opens it, and without the
// end of the process.
func TestCheckTables(t *testing.T) {
	dir, path := tabled(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkTables(dir); err != nil {
		t.Fatalf("checkTables of an intact database = %v", err)
	}
	size := len(whole)
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[at] ^= 4; return b }
	}
	for _, row := range []struct {
		name   string
		damage func([]byte) []byte
	}{
		{"emptied", func([]byte) []byte { return nil }},
		{"three bytes", func(b []byte) []byte { return b[:3] }},
		{"cut to half", func(b []byte) []byte { return b[:size/2] }},
		{"its last byte is missing", func(b []byte) []byte { return b[:size-1] }},
		{"zeros", func(b []byte) []byte { clear(b); return b }},
		{"a huge checksum", func(b []byte) []byte { binary.BigEndian.PutUint32(b[size-4:], 1<<31); return b }},
		{"a huge index", func(b []byte) []byte {
			n := int(binary.BigEndian.Uint32(b[size-4:]))
			binary.BigEndian.PutUint32(b[size-8-n:], 1<<31)
			return b
		}},
		{"the length of the checksum", flip(size - 1)},
		{"the checksum", flip(size - 6)},
		{"the index", flip(size - 40)},
		{"the first block", flip(0)},
		{"a block's middle", flip(size / 3)},
	} {
		if err := os.WriteFile(path, row.damage(append([]byte(nil), whole...)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := checkTables(dir); !errors.Is(err, errDamaged) {
			t.Errorf("%s: checkTables = %v, want errDamaged", row.name, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := checkTables(dir); !errors.Is(err, errDamaged) {
		t.Errorf("removed: checkTables = %v, want errDamaged", err)
	}
}

// A table that was not finished when the process died is none of the database.
func TestUnfinishedTableIsNoDamage(t *testing.T) {
	dir, _ := tabled(t)
	if err := os.WriteFile(filepath.Join(dir, "000099.sst"), []byte("unfinished"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := checkTables(dir); err != nil {
		t.Errorf("checkTables = %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "MANIFEST"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := checkTables(dir); !errors.Is(err, errDamaged) {
		t.Errorf("checkTables with a damaged manifest = %v, want errDamaged", err)
	}
	if err := checkTables(t.TempDir()); err != nil {
		t.Errorf("checkTables of nothing = %v", err)
	}
}
