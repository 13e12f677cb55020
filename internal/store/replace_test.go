package store

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
)

// A restore is taken into a database of its own, which takes the place of the
// other one while records are read and usage is saved; usage stays.
func TestRestoreFillsAFreshDatabase(t *testing.T) {
	dir := t.TempDir()
	used := func(i int) Usage {
		return Usage{Address: name(i), Created: 1, Usage: quota.Usage{Bytes: int64(i), Messages: 1, Measured: testkit.Noon.Local()}}
	}
	usage := map[string]Usage{}
	var s *Store
	o := Options{Dir: dir, step: func(step string) error {
		if step == stepBuilt {
			u := used(7)
			u.Usage.Bytes = 77 // after it was copied
			usage[name(7)] = u
			return s.SaveUsage([]Usage{u})
		}
		return nil
	}}
	s, _ = opened(t, o)
	commitBatch(t, s, wide(many))
	for i := range partChanges + 3 {
		usage[name(i)] = used(i)
	}
	if err := s.SaveUsage(slicesOf(usage)); err != nil {
		t.Fatal(err)
	}
	s.drain()
	before := inode(t, dir)
	b, want := restored(many)
	commitBatch(t, s, b)
	stop := reading(t, s, many, want)
	s.drain()
	stop()
	if inode(t, dir) == before {
		t.Error("the restore was taken into the database that was there")
	}
	nothingLeft(t, dir)
	commit(t, s, 3, put("later", "change"))
	want["later"] = "change"
	for range 2 {
		if got := load(t, s); !cmp.Equal(got, want) {
			t.Errorf("%d records are loaded, want %d", len(got), len(want))
		}
		got := map[string]Usage{}
		if err := s.LoadUsage(ctx, func(u Usage) { got[u.Address] = u }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(usage, got); diff != "" {
			t.Errorf("usage after the restore (-want +got):\n%s", diff)
		}
		_ = s.Close()
		s = open(t, dir)
	}
	if s.Rebuilt() != "" {
		t.Errorf("the restored database was rebuilt: %s", s.Rebuilt())
	}
}

// What is not worth a database of its own, or cannot be merged, is taken in as
// any other change.
func TestReplaces(t *testing.T) {
	of := func(n int, records uint64, restores bool) *directory.Batch {
		b := crowd(1, n, "text")
		b.Records, b.Entries[0].Restores = records, restores
		return b
	}
	mixed := of(10, 10, true)
	mixed.Entries = append(mixed.Entries, of(1, 10, false).Entries...)
	unsorted := of(2, 2, true)
	unsorted.Entries[0].Changes[0], unsorted.Entries[0].Changes[1] = unsorted.Entries[0].Changes[1], unsorted.Entries[0].Changes[0]
	for _, row := range []struct {
		name  string
		batch *directory.Batch
		want  bool
	}{
		{"another change", of(100_000, 100_000, false), false},
		{"everything", of(10, 10, true), true},
		{"to nothing", of(10, 0, true), true},
		{"a tenth", of(10, 100, true), true},
		{"less", of(10, 101, true), false},
		{"less, in parts", of(partChanges+1, 1_000_000, true), true},
		{"with other changes", mixed, false},
		{"not sorted", unsorted, false},
	} {
		if got := replaces(row.batch); got != row.want {
			t.Errorf("%s: replaces = %v, want %v", row.name, got, row.want)
		}
	}
}

// Where no fresh database can be made, or it cannot take its place, the restore
// is in the one that was there, and nothing is left.
func TestRestoreWithoutAFreshDatabase(t *testing.T) {
	trouble := errors.New("trouble")
	for _, row := range []struct {
		name    string
		step    string
		prepare func(s *Store)
		free    func(s *Store) uint64
	}{
		{name: "no room", free: func(*Store) uint64 { return fullReserve + 2*tableRoom }},
		{name: "no room any more", free: func(s *Store) uint64 {
			if s.exists(buildingDir) {
				return fullReserve
			}
			return roomy
		}},
		{name: "what is there is damaged", prepare: func(s *Store) { s.database.head.digest++ }},
		{name: "and an older one was left lying", prepare: func(s *Store) {
			if err := os.MkdirAll(s.path(oldDir+"/older"), 0o700); err != nil {
				t.Error(err)
			}
		}, step: stepClosed},
		{name: "at " + stepClosed, step: stepClosed},
		{name: "at " + stepMoved, step: stepMoved},
		{name: "at " + stepTaken, step: stepTaken},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			var disk atomic.Pointer[Store] // whose disk has what the row says
			o := Options{Dir: dir, Reserve: fullReserve, step: func(step string) error {
				if step == row.step {
					return trouble
				}
				return nil
			}}
			o.free = func(string) (uint64, error) {
				if s := disk.Load(); s != nil {
					return row.free(s), nil
				}
				return roomy, nil
			}
			s, said := opened(t, o)
			commitBatch(t, s, wide(some))
			s.drain()
			before := inode(t, dir)
			if row.prepare != nil {
				row.prepare(s)
			}
			if row.free != nil {
				disk.Store(s)
			}
			b, want := restored(some)
			commitBatch(t, s, b)
			stop := reading(t, s, some, want)
			s.drain()
			stop()
			if row.name == "what is there is damaged" {
				s.database.mu.Lock()
				s.database.head.digest--
				s.database.mu.Unlock()
				commit(t, s, 3, put("later", "change")) // writes the head
				want["later"] = "change"
			}
			if got := load(t, s); !cmp.Equal(got, want) {
				t.Errorf("%d records are loaded, want %d", len(got), len(want))
			}
			if inode(t, dir) != before || s.Failure() != nil {
				t.Errorf("another database is there, or it is refused: %v", s.Failure())
			}
			if !strings.Contains(said.String(), "level=WARN msg=\"a restore is taken into the database that is there") {
				t.Errorf("nothing was said of it:\n%s", said)
			}
			nothingLeft(t, dir)
			_ = s.Close()
			if got := load(t, open(t, dir)); !cmp.Equal(got, want) {
				t.Errorf("%d records are loaded after a restart, want %d", len(got), len(want))
			}
		})
	}
}

// When neither database can be opened, nothing panics, what waits can be read,
// and the next start has everything.
func TestNoDatabaseAfterRestore(t *testing.T) {
	dir := t.TempDir()
	s, _ := opened(t, Options{Dir: dir, step: func(step string) error {
		if step != stepTaken {
			return nil
		}
		return errors.Join(errors.New("trouble"), os.MkdirAll(filepath.Join(dir, newDir, "in the way"), 0o700))
	}})
	commitBatch(t, s, wide(some))
	s.drain()
	b, want := restored(some)
	commitBatch(t, s, b)
	s.drain()
	refusedFor(t, s, 3, "restart gatepost")
	if got, err := s.Read(ctx, []byte(name(1)), 2); err != nil || string(got) != want[name(1)] {
		t.Errorf("Read of what was restored = %q, %v", got, err)
	}
	if _, err := s.Read(ctx, []byte(name(2)), 2); !errors.Is(err, errNone) {
		t.Errorf("Read of what was not = %v, want that there is no database", err)
	}
	if _, err := s.Backup(ctx, io.Discard); !errors.Is(err, errNone) {
		t.Errorf("Backup = %v, want that there is no database", err)
	}
	for what, err := range map[string]error{"Snapshot": s.Snapshot(ctx), "SaveUsage": s.SaveUsage([]Usage{{}}), "DropUsage": s.DropUsage([]string{"a"})} {
		if err == nil {
			t.Errorf("%s works without a database", what)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if got := load(t, open(t, dir)); !cmp.Equal(got, want) {
		t.Errorf("%d records are loaded after a restart, want %d", len(got), len(want))
	}
	nothingLeft(t, dir)
}

// Closing does not wait for a restore: the next start has it from the journal.
func TestCloseBesideRestore(t *testing.T) {
	dir := t.TempDir()
	under := make(chan struct{}, 100)
	s, _ := opened(t, Options{Dir: dir, touch: func() error {
		if _, err := os.Stat(filepath.Join(dir, buildingDir)); err == nil {
			under <- struct{}{}
		}
		return nil
	}})
	commitBatch(t, s, wide(some))
	s.drain()
	b, want := restored(some)
	commitBatch(t, s, b)
	<-under
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	nothingLeft(t, dir)
	if got := load(t, open(t, dir)); !cmp.Equal(got, want) {
		t.Errorf("%d records are loaded after a restart, want %d", len(got), len(want))
	}
}

// A backup under way is of the directory before the restore, whole, and the
// restored one takes its place behind it.
func TestBackupBesideRestore(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	commitBatch(t, s, wide(some))
	s.drain()
	out, in := io.Pipe()
	var done sync.WaitGroup
	done.Go(func() {
		if r, err := s.Backup(ctx, in); r != 1 || err != nil {
			t.Errorf("Backup = %d, %v, want revision 1", r, err)
		}
		_ = in.Close()
	})
	begun := make([]byte, 1)
	if _, err := out.Read(begun); err != nil {
		t.Fatal(err)
	}
	before := inode(t, dir)
	b, want := restored(some)
	commitBatch(t, s, b)
	for !s.exists(newDir) {
		time.Sleep(time.Millisecond)
	}
	if got, err := s.Read(ctx, []byte(name(2)), 2); err != nil || string(got) != want[name(2)] || inode(t, dir) != before {
		t.Errorf("Read while a backup is under way = %q, %v", got, err)
	}
	got := map[string]string{}
	if r, err := ReadSnapshot(io.MultiReader(bytes.NewReader(begun), out), func(k, v []byte) error { got[string(k)] = string(v); return nil }); err != nil || r != 1 || len(got) != some {
		t.Errorf("the backup has %d records of revision %d, %v", len(got), r, err)
	}
	done.Wait()
	if got := load(t, s); !cmp.Equal(got, want) || inode(t, dir) == before {
		t.Errorf("%d records are loaded behind the backup, want %d in another database", len(got), len(want))
	}
}

// Who reads the database for long is waited for, but not for ever.
func TestExchangeWaitsForReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Store{stop: make(chan struct{})}
		s.scanning.RLock()
		begun := time.Now()
		if err := s.alone(); err == nil || time.Since(begun) < exchangeWithin {
			t.Errorf("alone beside a reader = %v after %v", err, time.Since(begun))
		}
		time.AfterFunc(exchangeWithin/2, s.scanning.RUnlock)
		if err := s.alone(); err != nil {
			t.Errorf("alone when the reader is gone = %v", err)
		}
		time.AfterFunc(time.Second, func() { close(s.stop) })
		if err := s.alone(); !errors.Is(err, errClosing) {
			t.Errorf("alone when the store is closed = %v", err)
		}
	})
}
