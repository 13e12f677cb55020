package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/store"
	"github.com/gatepost/gatepost/internal/testkit"
)

// usageMap is a usageStore in memory.
type usageMap struct {
	fail   error
	full   error // of DropUsage only
	saves  atomic.Int64
	values map[string]store.Usage
}

func (m *usageMap) SaveUsage(list []store.Usage) error {
	if m.fail != nil {
		return m.fail
	}
	m.saves.Add(1)
	for _, u := range list {
		m.values[u.Address] = u
	}
	return nil
}

func (m *usageMap) LoadUsage(_ context.Context, apply func(store.Usage)) error {
	for _, u := range m.values {
		apply(u)
	}
	return m.fail
}

func (m *usageMap) DropUsage(addresses []string) error {
	if m.full != nil {
		return m.full
	}
	for _, a := range addresses {
		delete(m.values, a)
	}
	return m.fail
}

func newUsageMap() *usageMap { return &usageMap{values: map[string]store.Usage{}} }

func newKeeper(t *testing.T, s usageStore) *usageKeeper {
	t.Helper()
	l := &quota.Ledger{}
	d := testkit.Open(t, &testkit.Store{}, l)
	testkit.Update(t, d, func(tx *directory.Tx) error { return addUsers(tx, "alice", "bob") })
	return &usageKeeper{store: s, directory: d, ledger: l, log: slog.New(slog.DiscardHandler)}
}

func (k *usageKeeper) mailbox(address string) quota.Mailbox {
	return k.directory.View().User(mailaddr.KeyOf(testkit.Addr(address))).Mailbox()
}

// What was saved is known again after a restart.
func TestUsageSurvives(t *testing.T) {
	saved := newUsageMap()
	before := newKeeper(t, saved)
	at := time.Now().Truncate(time.Second)
	before.ledger.Report(before.mailbox("alice@example.test"), 12345, 7, at)
	before.ledger.LoggedIn(before.mailbox("bob@example.test"), at)
	before.save()

	after := newKeeper(t, saved)
	if err := after.restore(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got, want := after.ledger.Usage(after.mailbox("alice@example.test")), (quota.Usage{Bytes: 12345, Messages: 7, Measured: at}); got != want {
		t.Errorf("usage of alice = %+v, want %+v", got, want)
	}
	if got := after.ledger.LastLogin(after.mailbox("bob@example.test")); !got.Equal(at) {
		t.Errorf("last login of bob = %v, want %v", got, at)
	}
	if after.save(); saved.saves.Load() != 1 {
		t.Error("what was restored is saved again")
	}
}

// A disk that is full does not end a start: what cannot be dropped stays, and
// reaches nobody.
func TestUsageCannotBeDropped(t *testing.T) {
	saved := newUsageMap()
	saved.full = errors.New("the disk is full")
	k := newKeeper(t, saved)
	var log bytes.Buffer
	k.log = slog.New(slog.NewTextHandler(&log, nil))
	saved.values["nobody@example.test"] = store.Usage{Address: "nobody@example.test", Created: 1, Usage: quota.Usage{Bytes: 1, Measured: time.Now()}}
	if err := k.restore(context.Background()); err != nil {
		t.Errorf("restore = %v, want no error", err)
	}
	if want := `level=WARN msg="saved usage of users that are gone cannot be dropped" users=1 err="the disk is full"`; !strings.Contains(log.String(), want) {
		t.Errorf("the log says %q, want %q", log.String(), want)
	}
	if len(saved.values) != 1 {
		t.Errorf("saved usage = %v, want what was there", saved.values)
	}
}

// Usage never reaches the next owner of an address.
func TestUsageOfAnotherOwner(t *testing.T) {
	saved := newUsageMap()
	k := newKeeper(t, saved)
	alice := k.directory.View().User(mailaddr.KeyOf(testkit.Addr("alice@example.test")))
	usage := quota.Usage{Bytes: 1, Messages: 1, Measured: time.Now()}
	for _, u := range []store.Usage{
		{Address: "alice@example.test", Created: alice.CreatedRevision() - 1, Usage: usage},
		{Address: "nobody@example.test", Created: 1, Usage: usage},
	} {
		saved.values[u.Address] = u
	}
	if err := k.restore(context.Background()); err != nil {
		t.Fatal(err)
	}
	if k.ledger.Usage(alice.Mailbox()).Known() {
		t.Error("alice has the usage of an earlier alice")
	}
	if len(saved.values) != 0 {
		t.Errorf("usage of nobody stays: %v", saved.values)
	}
}

// Only what has changed since the last save is saved, and nothing when nothing
// has.
func TestSavesWhatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		saved := newUsageMap()
		k := newKeeper(t, saved)
		k.saved, k.since = k.ledger.Reports(), time.Now()
		report := func(address string) { k.ledger.Report(k.mailbox(address), 1, 1, time.Now()) }
		steps := []struct {
			name string
			do   func()
			want []string
		}{
			{"nothing", func() {}, nil},
			{"a report", func() { report("alice@example.test") }, []string{"alice@example.test"}},
			{"nothing more", func() {}, nil},
			{"a login", func() { k.ledger.LoggedIn(k.mailbox("bob@example.test"), time.Now()) }, []string{"bob@example.test"}},
		}
		for _, step := range steps {
			time.Sleep(saveEvery)
			clear(saved.values)
			step.do()
			time.Sleep(saveEvery)
			k.save()
			var got []string
			for address := range saved.values {
				got = append(got, address)
			}
			if !slices.Equal(got, step.want) {
				t.Errorf("after %s: saved %v, want %v", step.name, got, step.want)
			}
		}
	})
}

// After the clock went backwards, nothing is left out.
func TestSavesAfterClockStep(t *testing.T) {
	saved := newUsageMap()
	k := newKeeper(t, saved)
	k.saved, k.since = k.ledger.Reports(), time.Now().Add(time.Hour)
	k.ledger.Report(k.mailbox("alice@example.test"), 1, 1, time.Now())
	k.save()
	if _, there := saved.values["alice@example.test"]; !there {
		t.Errorf("saved %v, want alice", saved.values)
	}
}

// What could not be saved is tried again.
func TestSaveAgain(t *testing.T) {
	saved := newUsageMap()
	k := newKeeper(t, saved)
	k.saved, k.since = k.ledger.Reports(), time.Now()
	k.ledger.Report(k.mailbox("alice@example.test"), 1, 1, time.Now())
	saved.fail = errors.New("disk full")
	k.save()
	saved.fail = nil
	k.save()
	if len(saved.values) != 1 {
		t.Errorf("saved %v, want alice", saved.values)
	}
}

func TestRunSavesEveryFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		saved := newUsageMap()
		k := newKeeper(t, saved)
		k.saved, k.since = k.ledger.Reports(), time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { k.run(ctx); close(ended) }()
		k.ledger.Report(k.mailbox("alice@example.test"), 1, 1, time.Now())
		time.Sleep(saveEvery - time.Nanosecond)
		synctest.Wait()
		if saved.saves.Load() != 0 {
			t.Errorf("%d saves before the time", saved.saves.Load())
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if saved.saves.Load() != 1 {
			t.Errorf("%d saves after %v, want 1", saved.saves.Load(), saveEvery)
		}
		cancel()
		<-ended
	})
}

// More users than fit into one batch are all saved.
func TestSaveManyBatches(t *testing.T) {
	saved := newUsageMap()
	l := &quota.Ledger{}
	d := testkit.Open(t, &testkit.Store{}, l)
	var names []string
	for i := range saveBatch + 1 {
		names = append(names, fmt.Sprintf("u%d", i))
	}
	testkit.Update(t, d, func(tx *directory.Tx) error { return addUsers(tx, names...) })
	k := &usageKeeper{store: saved, directory: d, ledger: l, log: slog.New(slog.DiscardHandler)}
	for r := range d.View().All(directory.KindUser) {
		l.Report(r.User().Mailbox(), 1, 1, time.Now())
	}
	k.save()
	if len(saved.values) != saveBatch+1 || saved.saves.Load() != 2 {
		t.Errorf("%d users in %d saves, want %d in 2", len(saved.values), saved.saves.Load(), saveBatch+1)
	}
}

// addUsers adds a domain and users in it.
func addUsers(tx *directory.Tx, names ...string) error {
	if err := tx.CreateDomain(directory.DomainFields{Domain: testkit.Domain("example.test"), Quota: directory.InheritLimit}); err != nil {
		return err
	}
	for _, name := range names {
		u := directory.UserFields{Address: testkit.Addr(name + "@example.test"), Switches: directory.DefaultSwitches(), Quota: directory.InheritLimit}
		if err := tx.CreateUser(u); err != nil {
			return err
		}
	}
	return nil
}

// Each save looks at every user, and hardly any has changed.
func TestLookingAtUsageDoesNotAllocate(t *testing.T) {
	k := newKeeper(t, newUsageMap())
	k.since = time.Now()
	now := k.since.Add(saveEvery)
	alice := k.directory.View().User(mailaddr.KeyOf(testkit.Addr("alice@example.test")))
	k.ledger.Report(alice.Mailbox(), 1, 1, k.since.Add(-time.Minute))
	if n := testing.AllocsPerRun(100, func() { k.usage(alice, now) }); n != 0 {
		t.Errorf("%v allocations for a user whose usage was saved before", n)
	}
}
