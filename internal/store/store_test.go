package store

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
)

var ctx = context.Background()

// reopener opens the store in a directory again and again, closing the last one.
func reopener(dir string) func(t *testing.T) directory.Store {
	var last *Store
	return func(t *testing.T) directory.Store {
		t.Helper()
		if last != nil {
			if err := last.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}
		}
		last = open(t, dir)
		return last
	}
}

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestSuite(t *testing.T) { testkit.StoreSuite(t, reopener(t.TempDir())) }

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	_, err := Open(Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "another gatepostd is using it") {
		t.Errorf("second Open = %v, want an error that names the other gatepostd", err)
	}
}

func TestDatabaseIsPrivate(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	info, err := os.Stat(filepath.Join(dir, "badger"))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode of the database's directory = %v, %v, want 0700", info.Mode().Perm(), err)
	}
}

func commit(t *testing.T, s *Store, r directory.Revision, records uint64, changes ...directory.Change) {
	t.Helper()
	b := &directory.Batch{Entries: []directory.Entry{{Revision: r, Changes: changes}}, Records: records}
	if err := s.Commit(ctx, b); err != nil {
		t.Fatalf("Commit: %v", err)
	}
}

func put(key, value string) directory.Change {
	return directory.Change{Key: []byte(key), Value: []byte(value)}
}

// What the head says and what is there must agree, else nothing is served.
func TestLoadRefusesDamage(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(txn *badger.Txn) error
		want   string
	}{
		{"a record is missing", func(txn *badger.Txn) error { return txn.Delete([]byte("d/b")) }, "holds 2 records, but the last commit (revision 7) left 3"},
		{"a record too many", func(txn *badger.Txn) error { return txn.Set([]byte("d/x"), seal([]byte("d/x"), []byte("v"))) }, "holds 4 records"},
		{"a value's byte is wrong", func(txn *badger.Txn) error {
			return txn.Set([]byte("d/b"), append([]byte("Two"), seal([]byte("d/b"), []byte("two"))[3:]...))
		}, `value of "d/b" is damaged`},
		{"a value stands under another's key", func(txn *badger.Txn) error { return txn.Set([]byte("d/b"), seal([]byte("d/a"), []byte("one"))) }, `value of "d/b" is damaged`},
		{"the head is damaged", func(txn *badger.Txn) error { return txn.Set([]byte(headKey), []byte("xxxxxxxxxxxx")) }, `value of "m/head" is damaged`},
		{"the head is of a later format", func(txn *badger.Txn) error {
			return txn.Set([]byte(headKey), seal([]byte(headKey), append([]byte{2}, make([]byte, 16)...)))
		}, "database format [2] is not one"},
		{"the head is gone", func(txn *badger.Txn) error { return txn.Delete([]byte(headKey)) }, "holds 3 records, but the last commit (revision 0) left 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, t.TempDir())
			commit(t, s, 7, 3, put("a", "one"), put("b", "two"), put("c", "three"))
			if err := s.db.Update(c.damage); err != nil {
				t.Fatal(err)
			}
			_, err := s.Load(ctx, func(_, _ []byte) error { return nil })
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Load = %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestTooManyChangesAreRefusedWhole(t *testing.T) {
	s := open(t, t.TempDir())
	commit(t, s, 1, 1, put("a", "one"))
	big := &directory.Batch{Entries: []directory.Entry{{Revision: 2}}}
	value := strings.Repeat("v", 100<<10)
	for i := range 200 {
		big.Entries[0].Changes = append(big.Entries[0].Changes, put(fmt.Sprint("k", i), value))
	}
	if err := s.Commit(ctx, big); err == nil || !strings.Contains(err.Error(), "in several parts") {
		t.Fatalf("Commit of 20 MB = %v, want a refusal", err)
	}
	n := 0
	if _, err := s.Load(ctx, func(_, _ []byte) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("after the refusal: %d records, %v; want 1, nil", n, err)
	}
}

func TestUsage(t *testing.T) {
	s := open(t, t.TempDir())
	at := time.Unix(1_800_000_000, 0)
	want := map[string]Usage{}
	for i := range 1000 {
		u := Usage{Address: fmt.Sprintf("u%d@example.test", i), Created: directory.Revision(i),
			Usage: quota.Usage{Bytes: rand.Int64(), Messages: rand.Uint32(), Measured: at}, Login: at.Add(time.Minute)}
		if i%7 == 0 {
			u.Usage, u.Login = quota.Usage{}, time.Time{}
		}
		want[u.Address] = u
	}
	if err := s.SaveUsage(slicesOf(want)); err != nil {
		t.Fatal(err)
	}
	if err := s.DropUsage([]string{"u0@example.test"}); err != nil {
		t.Fatal(err)
	}
	delete(want, "u0@example.test")
	key := []byte("u/u1@example.test")
	if err := s.db.Update(func(txn *badger.Txn) error { return txn.Set(key, []byte("damaged")) }); err != nil {
		t.Fatal(err)
	}
	delete(want, "u1@example.test")
	got := map[string]Usage{}
	if err := s.LoadUsage(ctx, func(u Usage) { got[u.Address] = u }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("LoadUsage (-want +got):\n%s", diff)
	}
	if n := len(maps.Collect(func(yield func(string, bool) bool) {
		_, _ = s.Load(ctx, func(k, _ []byte) error { yield(string(k), true); return nil })
	})); n != 0 {
		t.Errorf("usage counts as %d directory records, want 0", n)
	}
}

func slicesOf(m map[string]Usage) (list []Usage) {
	for _, u := range m {
		list = append(list, u)
	}
	return list
}
