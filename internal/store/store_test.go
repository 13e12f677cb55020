package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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

// What a process that was killed left of a snapshot does not stay.
func TestUnfinishedSnapshotIsRemoved(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, "snapshots", "unfinished-123")
	if err := os.MkdirAll(filepath.Dir(left), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	if _, err := os.Stat(left); err == nil {
		t.Error("an unfinished snapshot is still there")
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

func TestLargeBatchIsTakenInParts(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	want := map[string]string{}
	var changes []directory.Change
	for i := range 3*partChanges + 7 {
		key := fmt.Sprint("key", i)
		want[key] = strings.Repeat("v", 300)
		changes = append(changes, put(key, want[key]))
	}
	commit(t, s, 1, changes...)
	got, err := s.Read(ctx, []byte("key7"), 1)
	if err != nil || string(got) != want["key7"] {
		t.Errorf("Read while the database is behind = %d bytes, %v", len(got), err)
	}
	_ = s.Close()
	if got := load(t, open(t, dir)); !cmp.Equal(got, want) {
		t.Errorf("%d records are loaded, want %d", len(got), len(want))
	}
}

// Small batches go into the database together, and around a large one, in order.
func TestBatchesAreTakenInTogether(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	want := map[string]string{}
	for r := range directory.Revision(50) {
		changes := []directory.Change{put("same", fmt.Sprint(r))}
		for i := range int(r%25) / 24 * 2 * partChanges {
			changes = append(changes, put(fmt.Sprint("key", i), fmt.Sprint(r)))
		}
		for _, c := range changes {
			want[string(c.Key)] = string(c.Value)
		}
		commit(t, s, r+1, changes...)
	}
	if got := load(t, s); !cmp.Equal(got, want) { // waits for the follower
		t.Errorf("%d records are loaded, want %d", len(got), len(want))
	}
	s.mu.Lock()
	if len(s.pending)+len(s.queue)+s.backlog > 0 {
		t.Errorf("%d names, %d batches, %d bytes still wait", len(s.pending), len(s.queue), s.backlog)
	}
	s.mu.Unlock()
	_ = s.Close()
	if got := load(t, open(t, dir)); !cmp.Equal(got, want) {
		t.Errorf("%d records are loaded after a restart, want %d", len(got), len(want))
	}
}

// A crash between two parts of a batch: the start finishes it.
func TestInterruptedBatchIsFinished(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	commit(t, s, 1, put("a", "old"), put("z", "old"))
	s.drain()
	var changes []directory.Change
	want := map[string]string{"a": "new", "z": "old"}
	for i := range 2 * partChanges {
		key := fmt.Sprint("key", i)
		want[key] = "v"
		changes = append(changes, put(key, "v"))
	}
	changes = append([]directory.Change{put("a", "new")}, changes...)
	b := &directory.Batch{Entries: []directory.Entry{{Revision: 2, Changes: changes}}}
	if err := s.journal.Append(2, encodeBatch(b)); err != nil {
		t.Fatal(err)
	}
	if n, err := s.database.part(changes, 2); err != nil || n >= len(changes) {
		t.Fatalf("the first part takes %d of %d changes, %v", n, len(changes), err)
	}
	_ = s.Close()
	s = open(t, dir)
	if got := load(t, s); !cmp.Equal(got, want) {
		t.Errorf("%d records are loaded, want %d", len(got), len(want))
	}
	if s.Rebuilt() != "" {
		t.Errorf("an interrupted batch caused a rebuild: %s", s.Rebuilt())
	}
}

// A crash between two parts of a batch, and then the batch is gone from the
// journal: half of it is not served, and it is not cut off as never acknowledged.
func TestInterruptedBatchWithoutJournal(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, segment string)
		want   string
	}{
		{"a bit of the last frame is flipped", func(t *testing.T, segment string) {
			b, err := os.ReadFile(segment)
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)-1] ^= 1
			if err := os.WriteFile(segment, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "the content of change 2 is not what was written"},
		{"the journal is removed", func(t *testing.T, segment string) {
			if err := os.Remove(segment); err != nil {
				t.Fatal(err)
			}
		}, "it cannot be rebuilt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			commit(t, s, 1, put("a", "old"))
			s.drain()
			changes := []directory.Change{put("a", "new")}
			for i := range 2 * partChanges {
				changes = append(changes, put(fmt.Sprint("key", i), "v"))
			}
			b := &directory.Batch{Entries: []directory.Entry{{Revision: 2, Changes: changes}}}
			if err := s.journal.Append(2, encodeBatch(b)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.database.part(changes, 2); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Backup(ctx, io.Discard); err == nil {
				t.Error("half of a batch is backed up")
			}
			_ = s.Close()
			c.damage(t, filepath.Join(dir, "journal", fmt.Sprintf("%020d.journal", 1)))
			for range 2 { // the second start says the same
				if _, err := Open(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("Open = %v, want a refusal with %q", err, c.want)
				}
			}
		})
	}
}

func TestDatabaseTroubleRefusesChanges(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	commit(t, s, 1, put("a", "one"))
	s.drain()
	if err := s.database.db.Close(); err != nil {
		t.Fatal(err)
	}
	commit(t, s, 2, put("b", "two")) // durable in the journal
	for s.Failure() == nil {
		runtime.Gosched()
	}
	b := &directory.Batch{Entries: []directory.Entry{{Revision: 3, Changes: []directory.Change{put("c", "x")}}}}
	if err := s.Commit(ctx, b); !errors.Is(err, directory.ErrReadOnly) {
		t.Errorf("Commit after database trouble = %v, want read_only", err)
	}
	_ = s.journal.Close()
	s = open(t, dir)
	if diff := cmp.Diff(map[string]string{"a": "one", "b": "two"}, load(t, s)); diff != "" {
		t.Errorf("loaded after a restart (-want +got):\n%s", diff)
	}
}

func TestBackup(t *testing.T) {
	s := open(t, t.TempDir())
	commit(t, s, 1, put("a", "one"), put("b", "two"), put("c", "three"))
	var file bytes.Buffer
	if r, err := s.Backup(ctx, &file); err != nil || r != 1 {
		t.Fatalf("Backup = %d, %v", r, err)
	}
	read := func(b []byte) (map[string]string, error) {
		got := map[string]string{}
		r, err := ReadSnapshot(bytes.NewReader(b), func(k, v []byte) error { got[string(k)] = string(v); return nil })
		if err == nil && r != 1 {
			t.Errorf("revision %d, want 1", r)
		}
		return got, err
	}
	whole := file.Bytes()
	if got, err := read(whole); err != nil || !cmp.Equal(got, three) {
		t.Errorf("ReadSnapshot = %v, %v, want %v", got, err, three)
	}
	for n := range whole {
		if _, err := read(whole[:n]); !errors.Is(err, ErrSnapshot) {
			t.Errorf("a backup cut at byte %d: %v, want ErrSnapshot", n, err)
		}
	}
	for bit := range len(whole) * 8 {
		flipped := bytes.Clone(whole)
		flipped[bit/8] ^= 1 << (bit % 8)
		if _, err := read(flipped); !errors.Is(err, ErrSnapshot) {
			t.Errorf("a backup with bit %d flipped: %v, want ErrSnapshot", bit, err)
		}
	}
	if _, err := read(append(whole, 0)); !errors.Is(err, ErrSnapshot) {
		t.Errorf("a backup with a byte behind its end: %v, want ErrSnapshot", err)
	}
}

func TestOldSnapshotsAreRemoved(t *testing.T) {
	s := open(t, t.TempDir())
	for r := range directory.Revision(6) {
		commit(t, s, r+1, put("a", fmt.Sprint(r)))
		for range 2 { // the second is as new and is not written
			if err := s.Snapshot(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	names, err := s.snapshots()
	want := []string{snapshotName(4), snapshotName(5), snapshotName(6)}
	if diff := cmp.Diff(want, names); err != nil || diff != "" {
		t.Errorf("snapshots (-want +got), %v:\n%s", err, diff)
	}
}

// What a batch says survives the journal, to the byte.
func TestBatchEncoding(t *testing.T) {
	b := &directory.Batch{Entries: []directory.Entry{
		{Revision: 7, Time: time.Unix(1_800_000_000, 42).UTC(), Cause: directory.Cause{UID: 1000, PID: 42, Actor: "alice", Command: "user add", Request: "r1"},
			Changes: []directory.Change{put("a", "one"), {Key: []byte("b"), Previous: 3}}},
		{Revision: 8, Time: time.Unix(1_800_000_001, 0).UTC(), Changes: []directory.Change{{Key: []byte("c"), Value: []byte{}}}},
	}}
	payload := encodeBatch(b)
	got, err := decodeBatch(payload)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("decode(encode(batch)) (-want +got):\n%s", diff)
	}
	if got.Entries[1].Changes[0].Value == nil || got.Entries[0].Changes[1].Value != nil {
		t.Error("an empty value and a deletion are mixed up")
	}
	for n := range payload {
		if _, err := decodeBatch(payload[:n]); err == nil {
			t.Errorf("an entry cut at byte %d is read", n)
		}
	}
}

func FuzzBatch(f *testing.F) {
	f.Add(encodeBatch(&directory.Batch{Entries: []directory.Entry{{Revision: 1, Changes: []directory.Change{put("a", "one"), {Key: []byte("b")}}}}}))
	f.Fuzz(func(t *testing.T, payload []byte) {
		b, err := decodeBatch(payload)
		if err != nil {
			return
		}
		again, err := decodeBatch(encodeBatch(b))
		if diff := cmp.Diff(b, again, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("decode(encode(x)), %v:\n%s", err, diff)
		}
	})
}

func FuzzSnapshot(f *testing.F) {
	var file bytes.Buffer
	w := newSnapshotWriter(&file, head{revision: 1, records: 1})
	if err := errors.Join(w.record([]byte("a"), []byte("one")), w.finish()); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		total := 0
		_, err := ReadSnapshot(bytes.NewReader(b), func(k, v []byte) error { total += len(k) + len(v); return nil })
		if err == nil && total > len(b) {
			t.Errorf("%d bytes of records from %d bytes", total, len(b))
		}
	})
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
	if err := s.database.db.Update(func(txn *badger.Txn) error { return txn.Set(key, []byte("damaged")) }); err != nil {
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
	if n := len(load(t, s)); n != 0 {
		t.Errorf("usage counts as %d directory records, want 0", n)
	}
}

func slicesOf(m map[string]Usage) (list []Usage) {
	for _, u := range m {
		list = append(list, u)
	}
	return list
}

func TestAudit(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for r := range directory.Revision(5) {
		b := &directory.Batch{Entries: []directory.Entry{{Revision: r + 1, Cause: directory.Cause{Actor: "root", Command: fmt.Sprint("command ", r+1)},
			Changes: []directory.Change{put("a", fmt.Sprint(r))}}}}
		if err := s.Commit(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	read := func(after directory.Revision) (got []string, err error) {
		err = s.Audit(ctx, after, func(e directory.Entry) error { got = append(got, e.Cause.Command); return nil })
		return got, err
	}
	if got, err := read(3); err != nil || !cmp.Equal(got, []string{"command 4", "command 5"}) {
		t.Errorf("Audit(3) = %v, %v, want commands 4 and 5", got, err)
	}
	if got, err := read(5); err != nil || got != nil {
		t.Errorf("Audit(5) = %v, %v, want nothing", got, err)
	}
	segment, err := filepath.Glob(filepath.Join(dir, "journal", "*"))
	if err != nil || len(segment) != 1 {
		t.Fatal(segment, err)
	}
	whole, err := os.ReadFile(segment[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		changed := bytes.Clone(whole)
		changed[i] ^= 0x20
		if err := os.WriteFile(segment[0], changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := read(0); err == nil {
			t.Errorf("byte %d of the journal changed: the audit does not notice", i)
		}
	}
}

// Reading goes on beside writing, and never sees half a change.
func TestAuditDuringCommits(t *testing.T) {
	s := open(t, t.TempDir())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for r := range directory.Revision(300) {
			commit(t, s, r+1, put("a", strings.Repeat("v", int(r))))
		}
	}()
	for {
		last := directory.Revision(0)
		err := s.Audit(ctx, 0, func(e directory.Entry) error {
			if e.Revision != last+1 {
				return fmt.Errorf("%d follows %d", e.Revision, last)
			}
			last = e.Revision
			return nil
		})
		if err != nil {
			t.Fatalf("Audit: %v", err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}
