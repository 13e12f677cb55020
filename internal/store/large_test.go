package store

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatepost/gatepost/internal/background"
	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
)

// crowd returns a batch that writes n aliases; text stands in their value.
func crowd(r directory.Revision, n int, text string) *directory.Batch {
	e := directory.Entry{Revision: r, Time: testkit.Noon, Cause: directory.Cause{Command: "user batch"}}
	for i := range n {
		e.Changes = append(e.Changes, directory.Change{Key: fmt.Appendf(nil, "user%08d@example.test", i), Value: []byte(text)})
	}
	return &directory.Batch{Entries: []directory.Entry{e}}
}

// What is encoded in pieces is, to the byte, what is encoded at once.
func TestEncodeInPieces(t *testing.T) {
	b := crowd(7, largeChanges, strings.Repeat("value", 20))
	b.Entries = append(b.Entries, crowd(8, 2, "small").Entries...)
	b.Entries[1].Changes[0].Value = nil
	whole := encodeBatch(b)
	payload, size := encodeOrCount(b)
	var pieces bytes.Buffer
	if err := encodeTo(&pieces, b); err != nil {
		t.Fatal(err)
	}
	if payload != nil || size != len(whole) || !bytes.Equal(pieces.Bytes(), whole) {
		t.Errorf("%d bytes in pieces, %d were counted, %d at once", pieces.Len(), size, len(whole))
	}
	failure := errors.New("full")
	if err := encodeTo(failing{failure}, b); !errors.Is(err, failure) {
		t.Errorf("encodeTo a writer that fails = %v, want its error", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// The newest change of a name counts, whether it came alone or with many.
func TestWaitingBesideLargeBatches(t *testing.T) {
	s := &Store{pending: map[string]pending{}}
	s.changed = sync.NewCond(&s.mu)
	key := []byte("user00000003@example.test")
	small := func(r directory.Revision, value []byte) *directory.Batch {
		return &directory.Batch{Entries: []directory.Entry{{Revision: r, Changes: []directory.Change{{Key: key, Value: value}}}}}
	}
	want := func(value string, r directory.Revision) {
		t.Helper()
		if p, ok := s.waiting(key); !ok || string(p.value) != value || p.revision != r {
			t.Errorf("waiting = %q of %d, %v; want %q of %d", p.value, p.revision, ok, value, r)
		}
	}
	first, large, last := small(1, []byte("first")), crowd(2, largeChanges, "large"), small(3, nil)
	s.enqueue(first)
	want("first", 1)
	s.enqueue(large)
	want("large", 2)
	s.enqueue(last)
	want("", 3)
	s.applied([]*directory.Batch{first, large})
	want("", 3)
	s.applied([]*directory.Batch{last})
	if p, ok := s.waiting(key); ok || s.backlog != 0 || s.front != 0 || len(s.large) != 0 || len(s.pending) != 0 {
		t.Errorf("waiting = %v, %v; %d bytes, %d in front: something is left", p, ok, s.backlog, s.front)
	}
}

// Nobody waits for the large batch that the database is taking in, but for what
// comes behind it.
func TestBacklogBehindLargeBatch(t *testing.T) {
	s := &Store{pending: map[string]pending{}, hurry: make(chan struct{}, 1), disk: &disk{probed: time.Now(), free: func(string) (uint64, error) { return 1 << 40, nil }}}
	s.changed = sync.NewCond(&s.mu)
	value := string(make([]byte, maxBacklog/largeChanges))
	s.enqueue(crowd(1, largeChanges, value))
	if err := s.room(0); err != nil {
		t.Errorf("room = %v", err)
	}
	s.enqueue(crowd(2, largeChanges, value))
	free := make(chan error)
	go func() { free <- s.room(0) }()
	select {
	case <-s.hurry: // it waits, and says so
	case err := <-free:
		t.Fatalf("room = %v before the database has the first", err)
	}
	s.applied(s.queue[:1])
	if err := <-free; err != nil {
		t.Errorf("room = %v", err)
	}
}

// A large batch goes all the way: over the journal into the database, and it is
// read from either.
func TestLargeBatch(t *testing.T) {
	const n = 3 * partChanges
	dir, lane := t.TempDir(), &background.Lane{}
	open := func() (*Store, *directory.Directory) {
		s, err := Open(Options{Dir: dir, Lane: lane, Reserve: bytesize.Size(1)})
		if err != nil {
			t.Fatal(err)
		}
		d, err := directory.Open(t.Context(), directory.Options{Store: s, Ledger: &quota.Ledger{}, Lane: lane})
		if err != nil {
			t.Fatal(err)
		}
		return s, d
	}
	s, d := open()
	testkit.Update(t, d, func(tx *directory.Tx) error {
		return tx.CreateDomain(directory.DomainFields{Domain: testkit.Domain("example.test"), Quota: directory.InheritLimit})
	})
	users := &directory.Users{Created: testkit.Noon}
	for i := range n {
		u := directory.UserFields{Address: testkit.Addr(fmt.Sprintf("u%d@example.test", i)), DisplayName: fmt.Sprint("Number ", i), Quota: directory.InheritLimit}
		if err := users.Add(u); err != nil {
			t.Fatal(err)
		}
	}
	if err := users.Sort(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.UpdateMany(t.Context(), directory.Cause{Command: "user batch"}, func(tx *directory.Tx) error { return tx.CreateUsers(users) }); err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		t.Helper()
		u, err := d.ReadUser(t.Context(), testkit.Addr("u777@example.test"))
		if err != nil || u.DisplayName != "Number 777" {
			t.Errorf("%s: ReadUser = %q, %v", when, u.DisplayName, err)
		}
	}
	check("from the batch")
	s.drain()
	check("from the database")
	d.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, d = open()
	check("after a restart")
	if got := d.View().Count(directory.KindUser); got != n {
		t.Errorf("%d users after a restart, want %d", got, n)
	}
	d.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A store that is closed does not wait for a large batch, and goes on with it
// when it is opened again.
func TestCloseBesideLargeBatch(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(Options{Dir: dir, Reserve: bytesize.Size(1)})
	if err != nil {
		t.Fatal(err)
	}
	database := s.database
	database.mu.Lock() // the follower is held before its first part
	b := crowd(1, largeChanges, "value")
	if err := s.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	<-s.stop
	database.mu.Unlock()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if h := database.head; h.revision != 0 || h.progress != 0 {
		t.Errorf("the database took change %d, %d: Close has waited", h.revision, h.progress)
	}
	if s, err = Open(Options{Dir: dir, Reserve: bytesize.Size(1)}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if h := s.database.head; h.revision != 1 || h.records != largeChanges {
		t.Errorf("the database has change %d and %d records, want 1 and %d", h.revision, h.records, largeChanges)
	}
}
