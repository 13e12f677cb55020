package directory_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
)

func exists(d *directory.Directory, address string) bool {
	return d.View().User(mailaddr.KeyOf(testkit.Addr(address))).Exists()
}

func open(t *testing.T, s *testkit.Store) *directory.Directory {
	d := testkit.Open(t, s, &quota.Ledger{})
	testkit.Update(t, d, func(tx *directory.Tx) error {
		return tx.CreateDomain(directory.DomainFields{Domain: testkit.Domain("example.test"), Quota: directory.InheritLimit})
	})
	return d
}

// Many at once: each gets an answer, what is answered is visible, and fewer
// batches than commands are committed.
func TestConcurrentUpdates(t *testing.T) {
	s := &testkit.Store{}
	d := open(t, s)
	var wg sync.WaitGroup
	for w := range 64 {
		wg.Go(func() {
			for i := range 20 {
				address := fmt.Sprintf("u%d-%d@example.test", w, i)
				if _, err := d.Update(ctx, directory.Cause{}, createUser(address, nil)); err != nil {
					t.Errorf("create %s: %v", address, err)
				}
				if !exists(d, address) {
					t.Errorf("%s is acknowledged and not visible", address)
				}
			}
		})
	}
	wg.Wait()
	if got := d.View().Count(directory.KindUser); got != 64*20 {
		t.Errorf("%d users, want %d", got, 64*20)
	}
	last := directory.Revision(0)
	for _, b := range s.Batches() {
		for _, e := range b.Entries {
			if e.Revision != last+1 {
				t.Fatalf("revision %d follows %d", e.Revision, last)
			}
			last = e.Revision
		}
	}
	if got := s.Batches()[len(s.Batches())-1].Records; got != 64*20+1 {
		t.Errorf("the last commit counts %d records, want %d", got, 64*20+1)
	}
}

func TestFailedCommitChangesNothing(t *testing.T) {
	s := &testkit.Store{}
	d := open(t, s)
	s.Fail = func(*directory.Batch) error { return errors.New("no space left on device") }
	_, err := d.Update(ctx, directory.Cause{}, createUser("a@example.test", nil))
	if !errors.Is(err, directory.ErrReadOnly) {
		t.Errorf("Update over a failing store = %v, want read_only", err)
	}
	if exists(d, "a@example.test") || d.Revision() != 1 {
		t.Errorf("a refused change is visible, revision %d", d.Revision())
	}
	s.Fail = nil
	testkit.Update(t, d, createUser("a@example.test", nil))
	if d.Revision() != 2 {
		t.Errorf("revision after recovery = %d, want 2", d.Revision())
	}
}

func TestUnknownOutcomeEndsWriting(t *testing.T) {
	s := &testkit.Store{}
	d := open(t, s)
	s.Fail = func(*directory.Batch) error { return directory.ErrUnknown }
	if _, err := d.Update(ctx, directory.Cause{}, createUser("a@example.test", nil)); !errors.Is(err, directory.ErrUnknown) {
		t.Errorf("Update = %v, want unknown_outcome", err)
	}
	s.Fail = nil
	if _, err := d.Update(ctx, directory.Cause{}, createUser("b@example.test", nil)); !errors.Is(err, directory.ErrReadOnly) {
		t.Errorf("Update after an unknown outcome = %v, want read_only", err)
	}
	if d.Refusing() == nil {
		t.Error("Refusing = nil after an unknown outcome")
	}
}

func TestPanicFailsOneCommand(t *testing.T) {
	d := open(t, &testkit.Store{})
	_, err := d.Update(ctx, directory.Cause{}, func(tx *directory.Tx) error {
		if err := createUser("a@example.test", nil)(tx); err != nil {
			return err
		}
		panic("bug")
	})
	if err == nil || exists(d, "a@example.test") {
		t.Errorf("Update with a panic = %v, visible %v", err, exists(d, "a@example.test"))
	}
	testkit.Update(t, d, createUser("b@example.test", nil))
}

func TestCancelledBeforeItBegins(t *testing.T) {
	d := open(t, &testkit.Store{})
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := d.Update(gone, directory.Cause{}, createUser("a@example.test", nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("Update of a caller that is gone = %v, want canceled", err)
	}
}

func TestUpdateAfterClose(t *testing.T) {
	d := open(t, &testkit.Store{})
	d.Close()
	d.Close()
	if _, err := d.Update(ctx, directory.Cause{}, createUser("a@example.test", nil)); !errors.Is(err, directory.ErrReadOnly) {
		t.Errorf("Update after Close = %v, want read_only", err)
	}
	if d.View().Count(directory.KindDomain) != 1 {
		t.Error("lookups ended with Close")
	}
}

func TestOpenRefusesUnreadableRecords(t *testing.T) {
	s := &testkit.Store{}
	value := []byte{9}
	err := s.Commit(ctx, &directory.Batch{Entries: []directory.Entry{{Revision: 1, Changes: []directory.Change{{Key: []byte("a@b"), Value: value}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := directory.Open(ctx, directory.Options{Store: s, Ledger: &quota.Ledger{}}); err == nil {
		t.Error("a record that cannot be decoded did not stop the start")
	} else if want := `record "a@b": 1 bytes are too few for a record`; err.Error() != want {
		t.Errorf("Open = %v, want %v", err, want)
	}
}
