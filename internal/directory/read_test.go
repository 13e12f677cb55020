package directory_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
)

// forgetful is a store that says of one name that it is not there, as Badger does
// of everything in a damaged block.
type forgetful struct {
	*testkit.Store
	name string
}

func (f *forgetful) Read(ctx context.Context, key []byte, atLeast directory.Revision) ([]byte, error) {
	if string(key) == f.name {
		return nil, directory.ErrNotFound
	}
	return f.Store.Read(ctx, key, atLeast)
}

// A record that is in force and that the store has lost is trouble of ours, and
// never "no such user": neither for who reads it nor for who changes it. It goes
// on being served, and a restore writes it again.
func TestLostRecord(t *testing.T) {
	s := &forgetful{Store: &testkit.Store{}}
	d, _ := testkit.StandardOn(t, s)
	alice, bob := testkit.Addr("alice@example.test"), testkit.Addr("bob@example.test")
	s.name = alice.Internal()
	rename := func(u *directory.UserFields) error { u.DisplayName = "Alice"; return nil }
	change := func(tx *directory.Tx) error { return tx.ChangeUser(alice, directory.AnyRevision, rename) }
	_, readErr := d.ReadUser(t.Context(), alice)
	_, changeErr := d.Update(t.Context(), directory.Cause{}, change)
	for what, err := range map[string]error{"ReadUser": readErr, "ChangeUser": changeErr} {
		if err == nil || errors.Is(err, directory.ErrNotFound) || !strings.Contains(err.Error(), "the database has lost it") {
			t.Errorf("%s of a lost record = %v, want that it is lost", what, err)
		}
	}
	if !exists(d, alice.Internal()) {
		t.Error("a lost record is not served any more")
	}
	if _, err := d.ReadUser(t.Context(), bob); err != nil {
		t.Errorf("ReadUser of another = %v", err)
	}
	if _, err := d.ReadUser(t.Context(), testkit.Addr("nobody@example.test")); !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("ReadUser of nobody = %v, want not found", err)
	}
	records := map[string][]byte{}
	if _, err := s.Load(t.Context(), func(key, value []byte) error { records[string(key)] = value; return nil }); err != nil {
		t.Fatal(err)
	}
	var done directory.Restored
	if _, err := d.Update(t.Context(), directory.Cause{}, func(tx *directory.Tx) (err error) {
		done, err = tx.Restore(contentsOf(t, records))
		return err
	}); err != nil || done.Changed != 1 {
		t.Errorf("Restore = %+v, %v, want the lost record written again", done, err)
	}
	s.name = ""
	testkit.Open(t, s, &quota.Ledger{})
}
