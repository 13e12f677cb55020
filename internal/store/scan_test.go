package store

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/directory"
)

// large is a store with so many records that they lie in several tables.
func large(t *testing.T) (*Store, map[string]string) {
	t.Helper()
	s, want := open(t, t.TempDir()), map[string]string{}
	for revision := range directory.Revision(60) {
		b := &directory.Batch{Entries: []directory.Entry{{Revision: revision + 1}}}
		for i := range 500 {
			key, value := fmt.Sprintf("u%05d@example.test", i*60+int(revision)), strings.Repeat("v", 1000+i)
			want[key] = value
			b.Entries[0].Changes = append(b.Entries[0].Changes, put(key, value))
		}
		b.Records = uint64(len(want))
		if err := s.Commit(ctx, b); err != nil {
			t.Fatalf("Commit: %v", err)
		}
	}
	s.drain()
	if err := s.database.db.Flatten(1); err != nil {
		t.Fatal(err)
	}
	return s, want
}

// Several ranges together hold every record once.
func TestRangesHoldEverything(t *testing.T) {
	s, want := large(t)
	for _, n := range []int{1, 2, 3, 16} {
		ranges := s.database.ranges(n)
		if len(ranges) > n || n == 2 && len(ranges) != 2 {
			t.Errorf("ranges(%d) = %d ranges", n, len(ranges))
		}
		got := map[string]string{}
		err := s.database.db.View(func(txn *badger.Txn) error {
			for _, r := range ranges {
				_, err := r.scan(ctx, txn, func(key, value []byte) error {
					if _, twice := got[string(key)]; twice {
						t.Errorf("%d ranges: %s was seen twice", n, key)
					}
					got[string(key)] = string(value)
					return nil
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d ranges (-want +got):\n%s", n, diff)
		}
	}
	if diff := cmp.Diff(want, load(t, s)); diff != "" {
		t.Errorf("Load (-want +got):\n%s", diff)
	}
}

// An error in one range ends the others and is what Load says.
func TestScanStopsAtAnError(t *testing.T) {
	s, _ := large(t)
	want := errors.New("no")
	_, err := s.Load(ctx, func(key, _ []byte) error {
		if bytes.HasPrefix(key, []byte("u25000")) {
			return want
		}
		return nil
	})
	if !errors.Is(err, want) {
		t.Errorf("Load = %v, want %v", err, want)
	}
}
