package directory_test

import (
	"maps"
	"testing"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
)

func contents(t *testing.T, s *testkit.Store) map[string]string {
	t.Helper()
	got := map[string]string{}
	if _, err := s.Load(ctx, func(k, v []byte) error { got[string(k)] = string(v); return nil }); err != nil {
		t.Fatal(err)
	}
	return got
}

// A restored directory is the one that was saved, whatever came after.
func TestRestore(t *testing.T) {
	s := &testkit.Store{}
	d := testkit.Open(t, s, &quota.Ledger{})
	testkit.Update(t, d, func(tx *directory.Tx) error {
		return tx.CreateDomain(directory.DomainFields{Domain: testkit.Domain("example.test"), Quota: directory.InheritLimit})
	})
	testkit.Update(t, d, createUser("kept@example.test", nil))
	testkit.Update(t, d, createUser("changed@example.test", nil))
	testkit.Update(t, d, createAlias("gone@example.test", "kept@example.test"))
	saved := contents(t, s)

	testkit.Update(t, d, createUser("new@example.test", nil))
	testkit.Update(t, d, setUser("changed@example.test", func(u *directory.UserFields) { u.State = directory.Disabled }))
	testkit.Update(t, d, func(tx *directory.Tx) error {
		return tx.DeleteAlias(testkit.Addr("gone@example.test"), directory.AnyRevision)
	})

	records := map[string][]byte{}
	for k, v := range saved {
		records[k] = []byte(v)
	}
	before, done := d.Revision(), directory.Restored{}
	restore := func(tx *directory.Tx) (err error) {
		done, err = tx.Restore(records)
		return err
	}
	testkit.Update(t, d, restore)
	if want := (directory.Restored{Before: before, Created: 1, Changed: 1, Deleted: 1}); done != want {
		t.Errorf("Restore = %+v, want %+v", done, want)
	}
	if got := contents(t, s); !maps.Equal(got, saved) {
		t.Errorf("restored %d records, want the %d that were saved", len(got), len(saved))
	}
	if exists(d, "new@example.test") || !exists(d, "changed@example.test") {
		t.Error("memory is not what was restored")
	}
	last := s.Batches()[len(s.Batches())-1]
	if got := len(last.Entries[0].Changes); got != 3 {
		t.Errorf("restoring wrote %d records, want the 3 that differ", got)
	}
	before = d.Revision()
	if got := testkit.Update(t, d, restore); got != before || done != (directory.Restored{Before: before}) {
		t.Errorf("restoring what is there made revision %d of %d: %+v", got, before, done)
	}
}
