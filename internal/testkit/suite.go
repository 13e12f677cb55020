package testkit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatepost/gatepost/internal/directory"
)

// StoreSuite is what every directory.Store must pass. open opens the store that
// the test's earlier calls have written, closing the one it gave before.
func StoreSuite(t *testing.T, open func(t *testing.T) directory.Store) {
	ctx := context.Background()
	load := func(t *testing.T, s directory.Store) (map[string]string, directory.Revision) {
		t.Helper()
		var mu sync.Mutex // guards got
		got := map[string]string{}
		r, err := s.Load(ctx, func(key, value []byte) error {
			mu.Lock()
			defer mu.Unlock()
			got[string(key)] = string(value)
			return nil
		})
		if err != nil {
			t.Fatalf("Load: %v", err)
		}
		return got, r
	}
	t.Run("a new store is empty", func(t *testing.T) {
		got, r := load(t, open(t))
		if len(got) != 0 || r != 0 {
			t.Errorf("Load = %d records at revision %d, want 0 at 0", len(got), r)
		}
	})
	t.Run("a batch is there after reopening", func(t *testing.T) {
		b := batch(1, map[string]string{"a": "one", "b": "two", "c": "three"})
		b.Records = 3
		if err := open(t).Commit(ctx, b); err != nil {
			t.Fatalf("Commit: %v", err)
		}
		got, r := load(t, open(t))
		if want := map[string]string{"a": "one", "b": "two", "c": "three"}; !cmp.Equal(got, want) || r != 1 {
			t.Errorf("Load = %v at %d, want %v at 1", got, r, want)
		}
	})
	t.Run("later entries of a batch win", func(t *testing.T) {
		s := open(t)
		b := batch(2, map[string]string{"a": "changed", "b": ""})
		b.Entries = append(b.Entries, batch(3, map[string]string{"a": "again", "d": "four"}).Entries...)
		b.Records = 3
		if err := s.Commit(ctx, b); err != nil {
			t.Fatalf("Commit: %v", err)
		}
		got, r := load(t, open(t))
		if want := map[string]string{"a": "again", "c": "three", "d": "four"}; !cmp.Equal(got, want) || r != 3 {
			t.Errorf("Load = %v at %d, want %v at 3", got, r, want)
		}
	})
	t.Run("Read sees what was committed", func(t *testing.T) {
		s := open(t)
		if got, err := s.Read(ctx, []byte("a"), 3); err != nil || string(got) != "again" {
			t.Errorf("Read(a) = %q, %v, want again", got, err)
		}
		if _, err := s.Read(ctx, []byte("b"), 3); !errors.Is(err, directory.ErrNotFound) {
			t.Errorf("Read(b) = %v, want not found", err)
		}
	})
	t.Run("an error of apply ends Load", func(t *testing.T) {
		want := errors.New("no")
		if _, err := open(t).Load(ctx, func(_, _ []byte) error { return want }); !errors.Is(err, want) {
			t.Errorf("Load = %v, want %v", err, want)
		}
	})
	t.Run("Follow of a store that only we write returns", func(t *testing.T) {
		err := open(t).Follow(ctx, 0, func(*directory.Batch) error { return errors.New("called") })
		if err != nil {
			t.Errorf("Follow = %v, want nil", err)
		}
	})
	t.Run("a directory survives reopening", func(t *testing.T) { suiteDirectory(t, open) })
}

// suiteDirectory runs a real directory over a store that holds other records
// first removed.
func suiteDirectory(t *testing.T, open func(t *testing.T) directory.Store) {
	s := open(t)
	clear := batch(4, map[string]string{"a": "", "c": "", "d": ""})
	if err := s.Commit(context.Background(), clear); err != nil {
		t.Fatalf("Commit: %v", err)
	}
	d := Open(t, s, newLedger())
	Update(t, d, standard)
	before := dump(t, d)
	d.Close()
	again := Open(t, open(t), newLedger())
	if diff := cmp.Diff(before, dump(t, again)); diff != "" {
		t.Errorf("the directory changed by reopening (-before +after):\n%s", diff)
	}
	if got, want := again.Revision(), d.Revision(); got != want {
		t.Errorf("Revision after reopening = %d, want %d", got, want)
	}
}

// dump returns every user as text.
func dump(t *testing.T, d *directory.Directory) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, kind := range directory.Kinds() {
		for r := range d.View().All(kind) {
			got[string(r.Key())] = kind.String()
			if kind != directory.KindUser {
				continue
			}
			u, err := d.ReadUser(context.Background(), Addr(string(r.Key())))
			if err != nil {
				t.Fatalf("ReadUser(%s): %v", r.Key(), err)
			}
			got[string(r.Key())] = fmt.Sprintf("%+v", u)
		}
	}
	return got
}

func batch(r directory.Revision, values map[string]string) *directory.Batch {
	e := directory.Entry{Revision: r, Time: time.Unix(1, 0)}
	for key, value := range values {
		c := directory.Change{Key: []byte(key)}
		if value != "" {
			c.Value = []byte(value)
		}
		e.Changes = append(e.Changes, c)
	}
	return &directory.Batch{Entries: []directory.Entry{e}}
}
