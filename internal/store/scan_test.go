package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/directory"
)

// hundred is a store with a hundred records.
func hundred(t *testing.T) (*Store, map[string]string) {
	t.Helper()
	s, want := open(t, t.TempDir()), map[string]string{}
	b := &directory.Batch{Entries: []directory.Entry{{Revision: 1}}, Records: 100}
	for i := range 100 {
		key, value := fmt.Sprintf("u%02d@example.test", i), fmt.Sprint("value ", i)
		want[key] = value
		b.Entries[0].Changes = append(b.Entries[0].Changes, put(key, value))
	}
	if err := s.Commit(ctx, b); err != nil {
		t.Fatalf("Commit: %v", err)
	}
	s.drain()
	return s, want
}

// However they are divided, the ranges together hold every record once.
func TestRangesHoldEverything(t *testing.T) {
	s, want := hundred(t)
	borders := func(names ...string) (list [][]byte) {
		for _, name := range names {
			list = append(list, []byte(recordPrefix+name))
		}
		return list
	}
	for _, row := range []struct {
		name    string
		borders [][]byte
		n, want int
	}{
		{"no table", nil, 4, 1},
		{"one goroutine", borders("u20@example.test", "u60@example.test"), 1, 1},
		{"a border at a record", borders("u20@example.test", "u60@example.test"), 2, 2},
		{"a border behind a record", borders("u20@example.test\xff", "u60", "u80"), 4, 3},
		{"borders that are the same", borders("u20", "u20", "u20", "u20"), 4, 2},
		{"borders before and behind everything", borders("a", "b", "x", "z"), 4, 4},
		{"more tables than goroutines", borders("u10", "u20", "u30", "u40", "u50", "u60"), 3, 3},
	} {
		ranges, got := divide(row.borders, row.n), map[string]string{}
		if len(ranges) != row.want {
			t.Errorf("%s: %d ranges, want %d", row.name, len(ranges), row.want)
		}
		for _, r := range ranges {
			err := s.database.db.View(func(txn *badger.Txn) error {
				_, err := r.scan(ctx, txn, func(key, value []byte) error {
					if _, twice := got[string(key)]; twice {
						t.Errorf("%s: %s was seen twice", row.name, key)
					}
					got[string(key)] = string(value)
					return nil
				})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
	}
}

// An error ends the load and is what Load says.
func TestLoadStopsAtAnError(t *testing.T) {
	s, _ := hundred(t)
	want := errors.New("no")
	_, err := s.Load(ctx, func(key, _ []byte) error {
		if bytes.HasPrefix(key, []byte("u50")) {
			return want
		}
		return nil
	})
	if !errors.Is(err, want) {
		t.Errorf("Load = %v, want %v", err, want)
	}
}

// Nothing but scan, which compares what it saw with the head, and the reading of
// telemetry iterates over Badger: a damaged block makes its iterators end early
// or skip keys, without an error.
func TestOnlyScanIterates(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(text, []byte(".NewIterator"+"(")) + bytes.Count(text, []byte(".NewStream"+"(")); n > 0 {
			found[name] = n
		}
	}
	if diff := cmp.Diff(map[string]int{"scan.go": 1, "usage.go": 1}, found); diff != "" {
		t.Errorf("iterators of Badger (-want +got):\n%s", diff)
	}
}
