package store

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/testkit"
)

// name is a name of the directories that tests restore, of some records or of
// several parts.
func name(i int) string { return fmt.Sprintf("name%06d", i) }

const (
	some = 500
	many = partChanges + 11
)

// wide returns a batch that writes so many names.
func wide(names int) *directory.Batch {
	e := directory.Entry{Revision: 1, Time: testkit.Noon}
	for i := range names {
		e.Changes = append(e.Changes, put(name(i), fmt.Sprint("old ", i)))
	}
	return &directory.Batch{Entries: []directory.Entry{e}, Records: uint64(names)}
}

// restored returns a restore over wide that deletes every third name, changes
// every third and leaves every third alone, but for new ones before, between and
// behind them, and what is there then.
func restored(names int) (*directory.Batch, map[string]string) {
	e, there := directory.Entry{Revision: 2, Time: testkit.Noon, Restores: true}, map[string]string{}
	add := func(key string) {
		there[key] = "new " + key
		e.Changes = append(e.Changes, put(key, there[key]))
	}
	add("a")
	for i := range names {
		switch i % 3 {
		case 0:
			e.Changes = append(e.Changes, directory.Change{Key: []byte(name(i)), Previous: 1})
			add(name(i) + "x")
		case 1:
			add(name(i))
		default:
			there[name(i)] = fmt.Sprint("old ", i)
		}
	}
	add("z")
	return &directory.Batch{Entries: []directory.Entry{e}, Records: uint64(len(there))}, there
}

func commitBatch(t *testing.T, s *Store, b *directory.Batch) {
	t.Helper()
	if err := s.Commit(ctx, b); err != nil {
		t.Fatalf("Commit: %v", err)
	}
}

// inode tells one database from another.
func inode(t *testing.T, dir string) uint64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, "badger"))
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

// nothingLeft checks that only the database itself is there.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	if left, _ := filepath.Glob(filepath.Join(dir, "badger?*")); len(left) > 0 {
		t.Errorf("there is still %v", left)
	}
}

// opened opens a store with a test's options and a log.
func opened(t *testing.T, o Options) (*Store, *bytes.Buffer) {
	t.Helper()
	said := &bytes.Buffer{}
	o.Log = slog.New(slog.NewTextHandler(said, nil))
	s, err := Open(o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, said
}

// reading reads names over and over: each is what the restore makes of it, from
// its commit on, whichever database it comes from.
func reading(t *testing.T, s *Store, names int, want map[string]string) (stop func()) {
	end := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-end:
				return
			default:
			}
			key := name(i % names)
			got, err := s.Read(ctx, []byte(key), 2)
			if value, there := want[key]; there && (err != nil || string(got) != value) || !there && !errors.Is(err, directory.ErrNotFound) {
				t.Errorf("Read(%s) = %q, %v, want %q", key, got, err, value)
				return
			}
		}
	})
	return func() { close(end); running.Wait() }
}
