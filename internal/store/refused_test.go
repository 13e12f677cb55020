package store

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/journal"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
)

// limitFiles makes the kernel write no file beyond so many bytes: a write that
// would is cut short, and the next fails with EFBIG.
func limitFiles(t *testing.T, bytes int64) (restore func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	limit := syscall.Rlimit{Cur: uint64(bytes), Max: before.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Fatal(err)
		}
		signal.Reset(syscall.SIGXFSZ)
	}
}

// The kernel takes a part of a frame and refuses the rest: the change is refused,
// and it is not there: not now, not in the audit trail, not after a restart.
func TestRefusedChangeNeverAppears(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	commit(t, s, 1, put("a", "one"))
	s.drain()
	segment := filepath.Join(dir, "journal", fmt.Sprintf("%020d.journal", 1))
	before, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range []int64{0, 1, 30, 56, 60} {
		restore := limitFiles(t, int64(len(before))+room)
		b := &directory.Batch{Entries: []directory.Entry{{Revision: 2, Changes: []directory.Change{put("refused", strings.Repeat("refused", 50))}}}}
		err := s.Commit(ctx, b)
		restore()
		if !errors.Is(err, directory.ErrReadOnly) || !errors.Is(err, syscall.EFBIG) {
			t.Errorf("Commit with room for %d bytes = %v, want read_only and the reason", room, err)
		}
		if err := s.Failure(); !errors.Is(err, syscall.EFBIG) || Reason(err) == "" {
			t.Errorf("Failure = %v, reason %q, want what the change was refused for", err, Reason(err))
		}
		if after, err := os.ReadFile(segment); err != nil || string(after) != string(before) {
			t.Errorf("%d bytes of the refused change stayed, %v", len(after)-len(before), err)
		}
	}
	if _, err := s.Read(ctx, []byte("refused"), 1); !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("Read of the refused change = %v, want not found", err)
	}
	commit(t, s, 2, put("b", "two"))
	if err := s.Failure(); err != nil {
		t.Errorf("Failure = %v, though a change was taken", err)
	}
	commit(t, s, 3, put("c", "three"))
	for range 2 {
		if err := s.Audit(ctx, 0, func(e directory.Entry) error {
			if string(e.Changes[0].Key) == "refused" {
				return errors.New("the refused change is in the trail")
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(three, load(t, s)); diff != "" {
			t.Errorf("loaded (-want +got):\n%s", diff)
		}
		_ = s.Close()
		s = open(t, dir)
	}
}

// fdatasync fails: the command is told that nobody knows, everyone afterwards
// that no change is taken, also when fdatasync works again; what was there is
// served. After a restart the change is there whole or not at all.
func TestFailedSyncIsUnknown(t *testing.T) {
	dir := t.TempDir()
	var failing atomic.Bool
	s, err := Open(Options{Dir: dir, sync: func(f *os.File) error {
		if failing.Load() {
			return syscall.EIO
		}
		return f.Sync()
	}})
	if err != nil {
		t.Fatal(err)
	}
	d := testkit.Open(t, s, &quota.Ledger{})
	domain := func(name string) (directory.Revision, error) {
		return d.Update(ctx, directory.Cause{Actor: "root", Command: "domain add " + name}, func(tx *directory.Tx) error {
			return tx.CreateDomain(directory.DomainFields{Domain: testkit.Domain(name)})
		})
	}
	if _, err := domain("before.test"); err != nil {
		t.Fatal(err)
	}
	failing.Store(true)
	if r, err := domain("unknown.test"); !errors.Is(err, directory.ErrUnknown) || r != 0 {
		t.Errorf("the change whose fdatasync failed = %d, %v, want unknown_outcome", r, err)
	}
	failing.Store(false)
	for _, name := range []string{"later.test", "unknown.test"} {
		if _, err := domain(name); !errors.Is(err, directory.ErrReadOnly) {
			t.Errorf("a later change = %v, want read_only", err)
		}
	}
	exists := func(d *directory.Directory, name string) bool {
		var buf []byte
		k, _, err := mailaddr.AppendDomainKey(buf, []byte(name))
		if err != nil {
			t.Fatal(err)
		}
		return d.View().Lookup(k).Exists()
	}
	if !exists(d, "before.test") || exists(d, "unknown.test") || exists(d, "later.test") {
		t.Error("what is served is not what was acknowledged")
	}
	trail := 0
	if err := s.Audit(ctx, 0, func(directory.Entry) error { trail++; return nil }); err != nil || trail != 1 {
		t.Errorf("the trail has %d changes, %v, want the one that was acknowledged", trail, err)
	}
	d.Close()
	_ = s.Close()

	s = open(t, dir)
	d = testkit.Open(t, s, &quota.Ledger{})
	if !exists(d, "before.test") || exists(d, "later.test") {
		t.Error("after a restart something is lost, or something refused is there")
	}
	known := uint64(d.Revision())
	if got := exists(d, "unknown.test"); got != (known == 2) {
		t.Errorf("unknown.test is there: %v, at revision %d", got, known)
	}
	if v, err := s.Verify(ctx); err != nil || v.Last != known {
		t.Errorf("Verify = %+v, %v, want up to %d", v, err, known)
	}
	if _, err := domain("again.test"); err != nil {
		t.Errorf("a change after the restart = %v", err)
	}
}

// What a process wrote into the journal and did not live to sync is durable
// before the database gets it: else a power cut leaves the database ahead.
func TestUnsyncedFrameIsSyncedFirst(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	commit(t, s, 1, put("a", "one"))
	_ = s.Close()
	failing := func(*os.File) error { return syscall.EIO }
	j, err := journal.Open(journal.Options{Dir: filepath.Join(dir, "journal"), Known: 1})
	if err != nil {
		t.Fatal(err)
	}
	b := &directory.Batch{Entries: []directory.Entry{{Revision: 2, Changes: []directory.Change{put("b", "two")}}}}
	if err := j.Append(2, encodeBatch(b)); err != nil {
		t.Fatal(err)
	}
	_ = j.Close()
	if s, err = Open(Options{Dir: dir, sync: failing}); err != nil {
		t.Fatal(err)
	}
	refusedFor(t, s, 3, "check the disk")
	_ = s.Close()
	d, err := openDatabase(filepath.Join(dir, "badger"), s.log)
	if err != nil {
		t.Fatal(err)
	}
	if d.head.revision != 1 {
		t.Errorf("the database has change %d, which was never synced", d.head.revision)
	}
	_ = d.db.Close()
	if got := load(t, open(t, dir)); got["b"] != "two" {
		t.Errorf("loaded %v when the disk was well again, want b", got)
	}
}
