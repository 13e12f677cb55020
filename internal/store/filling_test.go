package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A page of the fresh database that the disk does not give costs that database and
// not the process.
func TestFaultWhileFilling(t *testing.T) {
	s := open(t, t.TempDir())
	commitBatch(t, s, wide(some))
	s.drain()
	fresh := open(t, t.TempDir()) // with a table of the same names
	commitBatch(t, fresh, wide(some))
	_ = fresh.Close()
	d, err := openDatabase(fresh.path("badger"), s.log)
	if err != nil {
		t.Fatal(err)
	}
	tables, _ := filepath.Glob(fresh.path("badger/*.sst"))
	if len(tables) != 1 || os.Truncate(tables[0], 0) != nil {
		t.Fatalf("%v are its tables", tables)
	}
	b, _ := restored(some)
	f := &filling{from: s.database, batch: b, may: func() error { return nil }}
	if err := f.fill(d); !errors.Is(err, errFault) {
		t.Errorf("fill = %v, want %v", err, errFault)
	}
	_ = protect(d.db.Close)
}
