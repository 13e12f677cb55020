package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
)

// TestStaleRecord: when the block with a record is damaged, Badger gives what an
// older table has, without an error. No change may be made of that: it would bring
// an old password back, for good.
func TestStaleRecord(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	d := testkit.Open(t, s, &quota.Ledger{})
	alice := testkit.Addr("alice@example.test")
	rename := func(name string) (err error) {
		_, err = d.Update(ctx, directory.Cause{Command: "user set"}, func(tx *directory.Tx) error {
			return tx.ChangeUser(alice, directory.AnyRevision, func(u *directory.UserFields) error { u.DisplayName = name; return nil })
		})
		return err
	}
	testkit.Update(t, d, func(tx *directory.Tx) error {
		if err := tx.CreateDomain(directory.DomainFields{Domain: testkit.Domain("example.test")}); err != nil {
			return err
		}
		return tx.CreateUser(directory.UserFields{Address: alice, DisplayName: "MARKEROLD",
			Credentials: []directory.Credential{{Services: directory.AllServices, Hash: testkit.PasswordHash}}})
	})
	writeOut(t, s, "first")
	if err := rename("MARKERNEW"); err != nil {
		t.Fatal(err)
	}
	writeOut(t, s, "second")
	flipAt(t, dir, "MARKERNEW")

	if u, err := d.ReadUser(ctx, alice); err == nil || errors.Is(err, directory.ErrNotFound) {
		t.Errorf("ReadUser = %q, %v, want that it is lost", u.DisplayName, err)
	}
	if err := rename("MARKERLATE"); !errors.Is(err, directory.ErrReadOnly) {
		t.Errorf("a change of it = %v, want %v", err, directory.ErrReadOnly)
	}
	d.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	d = testkit.Open(t, s, &quota.Ledger{})
	if u, err := d.ReadUser(ctx, alice); u.DisplayName != "MARKERNEW" || err != nil {
		t.Errorf("after a restart: ReadUser = %q, %v", u.DisplayName, err)
	}
}

// writeOut has Badger write its memory table out: it fills the table with what is
// nobody's.
func writeOut(t *testing.T, s *Store, tag string) {
	t.Helper()
	s.drain()
	for i := range 60 {
		err := s.database.db.Update(func(txn *badger.Txn) error {
			return txn.Set(fmt.Appendf(nil, "x/%s%d", tag, i), make([]byte, 400<<10))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// flipAt changes a bit of the table that has a text in it.
func flipAt(t *testing.T, dir, text string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		tables, err := filepath.Glob(filepath.Join(dir, "badger", "*.sst"))
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range tables {
			content, _ := os.ReadFile(table)
			if at := bytes.Index(content, []byte(text)); at >= 0 {
				flipByte(t, table, int64(at), content[at]^4)
				return
			}
		}
	}
	t.Fatalf("no table has %q", text)
}

func flipByte(t *testing.T, path string, at int64, b byte) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt([]byte{b}, at); err != nil {
		t.Fatal(err)
	}
}
