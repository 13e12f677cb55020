package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gatepost/gatepost/internal/directory"
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

func commit(t *testing.T, s *Store, r directory.Revision, changes ...directory.Change) {
	t.Helper()
	b := &directory.Batch{Entries: []directory.Entry{{Revision: r, Changes: changes}}}
	if err := s.Commit(ctx, b); err != nil {
		t.Fatalf("Commit: %v", err)
	}
}

func put(key, value string) directory.Change {
	return directory.Change{Key: []byte(key), Value: []byte(value)}
}

func load(t *testing.T, s *Store) map[string]string {
	t.Helper()
	for {
		var mu sync.Mutex // guards got
		got := map[string]string{}
		_, err := s.Load(ctx, func(key, value []byte) error {
			mu.Lock()
			defer mu.Unlock()
			got[string(key)] = string(value)
			return nil
		})
		if errors.Is(err, directory.ErrStartOver) {
			continue
		}
		if err != nil {
			t.Fatalf("Load: %v", err)
		}
		return got
	}
}

var three = map[string]string{"a": "one", "b": "two", "c": "three"}
