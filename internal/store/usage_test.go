package store

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/quota"
)

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
