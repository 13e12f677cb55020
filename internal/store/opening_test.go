package store

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const badgerCrash = "fatal error: unexpected signal\n\ngoroutine 7:\ngithub.com/dgraph-io/badger/v4/table.(*Table).block(0x0)\n"

// openAfter opens a store whose process before said something when it died.
func openAfter(t *testing.T, dir, crash string) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir, Crash: crash})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// die leaves a store's files as a process does that dies while it serves.
func die(s *Store) {
	s.mu.Lock()
	s.closing = true // for Close
	close(s.stop)
	s.changed.Broadcast()
	s.mu.Unlock()
	s.running.Wait()
	_ = s.journal.Close()
	_ = s.database.db.Close()
	s.disk.ballast.close()
}

// A process that dies of the database after it was loaded counts too: the second
// one in a row leads to a database that is made anew.
func TestDeathsWhileServing(t *testing.T) {
	dir := t.TempDir()
	s := openAfter(t, dir, "")
	commit(t, s, 1, put("a", "one"), put("b", "two"), put("c", "three"))
	s.drain()
	load(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for i, step := range []struct {
		crash   string
		rebuilt bool
	}{
		{"", false},
		{"panic: somewhere else\n", false},
		{badgerCrash, false},
		{"", false}, // a kill in between
		{badgerCrash, true},
		{"", false},
		{badgerCrash, false},
	} {
		s := openAfter(t, dir, step.crash)
		if diff := cmp.Diff(three, load(t, s)); diff != "" {
			t.Errorf("start %d (-want +got):\n%s", i, diff)
		}
		if got := s.Rebuilt() != ""; got != step.rebuilt {
			t.Errorf("start %d after %.20q: rebuilt %q, want %v", i, step.crash, s.Rebuilt(), step.rebuilt)
		}
		die(s)
	}
}

// An end as it should be, or some minutes of health, forget what was before.
func TestDeathsAreForgotten(t *testing.T) {
	for _, row := range []struct {
		name string
		well func(s *Store)
	}{
		{"closed", func(s *Store) { _ = s.Close() }},
		{"minutes of health", func(s *Store) { s.deaths.forget(); die(s) }},
	} {
		dir := t.TempDir()
		s := openAfter(t, dir, badgerCrash)
		load(t, s)
		row.well(s)
		s = openAfter(t, dir, badgerCrash)
		load(t, s)
		if s.Rebuilt() != "" {
			t.Errorf("%s: rebuilt %q: the death before counts", row.name, s.Rebuilt())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(s.path("opening")); !os.IsNotExist(err) {
			t.Errorf("%s: after a close there is still a count: %v", row.name, err)
		}
	}
}
