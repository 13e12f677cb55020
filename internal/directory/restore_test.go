package directory_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
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

// contentsOf checks the records of a directory.
func contentsOf(t *testing.T, records map[string][]byte) *directory.Contents {
	t.Helper()
	c, err := directory.NewContents(records, 1)
	if err != nil {
		t.Error(err)
	}
	return c
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
		done, err = tx.Restore(contentsOf(t, records))
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

// recordsOf returns what a store holds.
func recordsOf(t *testing.T, s *testkit.Store) map[string][]byte {
	t.Helper()
	records := map[string][]byte{}
	for k, v := range contents(t, s) {
		records[k] = []byte(v)
	}
	return records
}

// An address of a domain whose addresses are permanent is not given out again,
// whatever is restored.
func TestRestoreKeepsPermanentAddresses(t *testing.T) {
	for _, row := range []struct {
		name          string
		before, after bool // permanent when the backup is taken, and when it is restored
		want          error
	}{
		{"permanent", true, true, directory.ErrExists},
		{"since the backup", false, true, directory.ErrExists},
		{"not any more", true, false, directory.ErrExists},
		{"never", false, false, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := &testkit.Store{}
			d := open(t, s)
			permanent := func(on bool) {
				testkit.Update(t, d, func(tx *directory.Tx) error {
					return tx.ChangeDomain(testkit.Domain("example.test"), directory.AnyRevision, func(f *directory.DomainFields) error { f.Permanent = on; return nil })
				})
			}
			permanent(row.before)
			testkit.Update(t, d, createUser("kept@example.test", nil))
			backup := contentsOf(t, recordsOf(t, s))
			permanent(row.after)
			testkit.Update(t, d, createUser("late@example.test", func(u *directory.UserFields) { u.State = directory.Disabled }))
			testkit.Update(t, d, createAlias("alias@example.test", "kept@example.test"))
			testkit.Update(t, d, createUser("deleted@example.test", func(u *directory.UserFields) { u.State = directory.Disabled }))
			testkit.Update(t, d, func(tx *directory.Tx) error {
				return tx.DeleteUser(testkit.Addr("deleted@example.test"), directory.AnyRevision)
			})
			testkit.Update(t, d, func(tx *directory.Tx) error { _, err := tx.Restore(backup); return err })
			for _, address := range []string{"late@example.test", "alias@example.test", "deleted@example.test"} {
				want := row.want
				if address == "deleted@example.test" && !row.after {
					want = nil // when it was deleted that was for good
				}
				if _, err := d.Update(ctx, directory.Cause{}, createUser(address, nil)); !errors.Is(err, want) || want == nil && err != nil {
					t.Errorf("%s given out again: %v, want %v", address, err, want)
				}
			}
		})
	}
}

// What no gatepost has written is refused, and its record named.
func TestContents(t *testing.T) {
	s := &testkit.Store{}
	testkit.StandardOn(t, s)
	const user, domain = "bob@example.test", "@example.test"
	alias := func(t *testing.T, target string) []byte {
		t.Helper()
		from := &testkit.Store{}
		d := open(t, from)
		testkit.Update(t, d, createAlias("x@example.test", target))
		return recordsOf(t, from)["x@example.test"]
	}
	for _, row := range []struct {
		name   string
		change func(r map[string][]byte)
		want   string
	}{
		{"what is there", func(map[string][]byte) {}, ""},
		{"no record", func(r map[string][]byte) { r[user] = []byte("no record") }, `"bob@example.test": 9 bytes are too few`},
		{"a line end in a name", func(r map[string][]byte) { r["nl\n@example.test"] = r[user] }, `"nl\n@example.test"`},
		{"large letters", func(r map[string][]byte) { r["UPPER@example.test"] = r[user] }, `"UPPER@example.test"`},
		{"large letters in a domain", func(r map[string][]byte) { r["@UPPER.test"] = r[domain] }, `"@UPPER.test"`},
		{"no domain", func(r map[string][]byte) { r["bob@nowhere.test"] = r[user] }, "its domain is not there"},
		{"a login name without its user", func(r map[string][]byte) { r["nobodys"] = login(r) }, "does not have it"},
		{"a target that is no address", func(r map[string][]byte) {
			r["x@example.test"] = bytes.Replace(alias(t, "somebody@example.org"), []byte("@example.org"), []byte(" example.org"), 1)
		}, `"x@example.test"`},
		{"an alias that leads to itself", func(r map[string][]byte) {
			r["@example.org"], r["y@example.org"] = r[domain], alias(t, "y@example.org")
		}, "lead back"},
	} {
		t.Run(row.name, func(t *testing.T) {
			records := recordsOf(t, s)
			row.change(records)
			_, err := directory.NewContents(records, 1)
			if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
				t.Errorf("NewContents = %v, want %q", err, row.want)
			}
		})
	}
	if _, err := directory.NewContents(recordsOf(t, s), 1<<64-1); err == nil {
		t.Error("a revision of 2^64-1 is taken")
	}
}

// login returns a login name's record.
func login(records map[string][]byte) []byte {
	for key, value := range records {
		if !strings.Contains(key, "@") {
			return value
		}
	}
	return nil
}

// Into a directory of fewer changes: what is restored is not from its future, so
// that its changes never have the numbers of others.
func TestRestoreIntoYoungerDirectory(t *testing.T) {
	from := &testkit.Store{}
	d := open(t, from)
	for i := range 20 {
		testkit.Update(t, d, createUser(fmt.Sprintf("u%d@example.test", i), nil))
	}
	backup := contentsOf(t, recordsOf(t, from))
	young := testkit.Open(t, &testkit.Store{}, &quota.Ledger{})
	restore := func(tx *directory.Tx) error { _, err := tx.Restore(backup); return err }
	testkit.Update(t, young, restore)
	for r := range young.View().All(directory.KindUser) {
		if r.Revision() > young.Revision() || r.CreatedRevision() > young.Revision() {
			t.Errorf("%s is of revision %d, made by %d; the directory is at %d", r.Key(), r.Revision(), r.CreatedRevision(), young.Revision())
		}
	}
	if before := young.Revision(); testkit.Update(t, young, restore) != before {
		t.Error("restoring the same again changed something")
	}
}
