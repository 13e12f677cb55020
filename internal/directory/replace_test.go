package directory_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
)

func restore(c *directory.Contents) func(*directory.Tx) error {
	return func(tx *directory.Tx) error { _, err := tx.Restore(c); return err }
}

func userOf(v directory.View, address string) directory.User {
	return v.User(mailaddr.KeyOf(testkit.Addr(address)))
}

// Whoever reads meanwhile sees all of a restore or nothing of it: every user of
// one View has the same state, and the limit that goes with it.
func TestRestoreIsSeenAtOnce(t *testing.T) {
	const users = 200
	s := &testkit.Store{}
	d := open(t, s)
	name := func(i int) string { return fmt.Sprintf("u%d@example.test", i) }
	all := func(f func(u *directory.UserFields)) func(*directory.Tx) error {
		return func(tx *directory.Tx) error {
			for i := range users {
				if err := setUser(name(i), f)(tx); err != nil {
					return err
				}
			}
			return nil
		}
	}
	for i := range users {
		testkit.Update(t, d, createUser(name(i), nil))
	}
	active := contentsOf(t, recordsOf(t, s))
	testkit.Update(t, d, all(func(u *directory.UserFields) {
		u.State, u.Quota = directory.Disabled, directory.Limit{Bytes: 4711}
	}))
	disabled := contentsOf(t, recordsOf(t, s))

	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				v := d.View()
				first, last := userOf(v, name(i%users)), userOf(v, name((i+users/2)%users))
				n, _ := last.Limit()
				if first.State() != last.State() || (n == 4711) != (first.State() == directory.Disabled) {
					t.Errorf("one View has %s %s and %s %s with a limit of %d", first.Address(), first.State(), last.Address(), last.State(), n)
					return
				}
			}
		})
	}
	kept := d.View()
	for i := range 100 {
		testkit.Update(t, d, restore([]*directory.Contents{active, disabled}[i%2]))
	}
	close(stop)
	readers.Wait()
	if userOf(kept, name(0)).State() != directory.Disabled || kept.Count(directory.KindUser) != users {
		t.Error("a View from before a restore is not what it was")
	}
}

// A user who stays the same one keeps its mailbox and what is known of it, whether
// the restore changes it or not; one who was deleted meanwhile does not come back
// to that of another.
func TestRestoreKeepsMailboxes(t *testing.T) {
	s := &testkit.Store{}
	d, l := testkit.StandardOn(t, s)
	backup := contentsOf(t, recordsOf(t, s))
	box := func(address string) quota.Mailbox { return userOf(d.View(), address).Mailbox() }
	same, changed, gone := box("full@example.test"), box("busy@example.test"), box("discard@example.test")
	testkit.Report(t, d, l, "discard@example.test", 1)
	testkit.Update(t, d, setUser("busy@example.test", func(u *directory.UserFields) { u.State = directory.Disabled }))
	testkit.Update(t, d, setUser("discard@example.test", func(u *directory.UserFields) { u.State = directory.Disabled }))
	testkit.Update(t, d, func(tx *directory.Tx) error {
		return tx.DeleteUser(testkit.Addr("discard@example.test"), directory.AnyRevision)
	})
	testkit.Update(t, d, restore(backup))
	if box("full@example.test") != same || box("busy@example.test") != changed {
		t.Error("a user who stays has another mailbox")
	}
	if got := l.Usage(box("busy@example.test")).Bytes; got != 60_000 {
		t.Errorf("a changed user's usage is %d, want the 60000 reported", got)
	}
	if got := box("discard@example.test"); got == gone || got == 0 || l.Usage(got).Known() {
		t.Errorf("a deleted user came back to mailbox %d of %d", got, gone)
	}
}

// Of the table before a large restore nothing stays, once nobody reads it.
func TestReplacedTableIsGarbage(t *testing.T) {
	s := &testkit.Store{}
	d := open(t, s)
	empty := contentsOf(t, recordsOf(t, s))
	testkit.Update(t, d, func(tx *directory.Tx) error {
		for i := range 5000 {
			if err := createUser(fmt.Sprintf("u%d@example.test", i), nil)(tx); err != nil {
				return err
			}
		}
		return nil
	})
	gone := d.TableGone()
	testkit.Update(t, d, restore(empty))
	for deadline := time.Now().Add(10 * time.Second); !gone(); runtime.GC() {
		if time.Now().After(deadline) {
			t.Fatal("the table that was replaced is still there")
		}
	}
	if got := d.View().Count(directory.KindUser); got != 0 || exists(d, "u1@example.test") {
		t.Errorf("%d users after an empty directory was restored", got)
	}
}

// What a restore swaps in is what a start would load: records, counts and what is
// used of the domains' limits, also when other commands became durable with it.
func TestReplacedTableIsWhatIsLoaded(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := &testkit.Store{}
		d := open(t, s)
		commands := func(label string) (list []func(*directory.Tx) error) {
			for i := range rapid.IntRange(0, 12).Draw(rt, label) {
				name := fmt.Sprintf("u%d@example.test", rapid.IntRange(0, 8).Draw(rt, "user"))
				bytes := bytesize.Size(rapid.IntRange(0, 3).Draw(rt, "limit"))
				list = append(list, func(tx *directory.Tx) error {
					switch a := testkit.Addr(name); {
					case createUser(name, func(u *directory.UserFields) { u.Quota.Bytes = bytes })(tx) == nil:
						return nil
					case i%3 == 0:
						return setUser(name, func(u *directory.UserFields) { u.State, u.Quota = directory.Disabled, directory.Limit{Bytes: bytes} })(tx)
					default:
						return tx.DeleteUser(a, directory.AnyRevision) // refused while it is active
					}
				})
			}
			return list
		}
		for _, fn := range commands("before") {
			_, _ = d.Update(ctx, directory.Cause{}, fn)
		}
		backup := contentsOf(t, recordsOf(t, s))
		list := append(commands("between"), restore(backup))
		inOneBatch(t, d, append(list, commands("after")...))
		loaded := testkit.Open(t, s, &quota.Ledger{})
		defer loaded.Close()
		if diff := cmp.Diff(table(loaded), table(d)); diff != "" {
			rt.Fatalf("published and loaded differ (-loaded +published):\n%s", diff)
		}
		d.Close()
	})
}

// inOneBatch runs commands that become durable together.
func inOneBatch(t *testing.T, d *directory.Directory, list []func(*directory.Tx) error) {
	begun, wait := make(chan struct{}), make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		_, _ = d.Update(ctx, directory.Cause{}, func(*directory.Tx) error { close(begun); <-wait; return nil })
	})
	<-begun
	for i, fn := range list {
		running.Go(func() { _, _ = d.Update(ctx, directory.Cause{}, fn) })
		for work, _ := d.Work(); work.Waiting <= i; work, _ = d.Work() {
			runtime.Gosched()
		}
	}
	close(wait)
	running.Wait()
}

// table is what readers see of a directory, but for the mailboxes' numbers.
func table(d *directory.Directory) map[string]string {
	v, got := d.View(), map[string]string{}
	for _, kind := range directory.Kinds() {
		n := 0
		for r := range v.All(kind) {
			n++
			got[string(r.Key())] = fmt.Sprint(kind, r.Revision(), r.CreatedRevision())
			if u := r.User(); u.Exists() {
				limit, inherit := u.Limit()
				got[string(r.Key())] += fmt.Sprint(u.State(), limit, inherit, u.Mailbox() > 0)
			}
		}
		got["count "+kind.String()] = fmt.Sprint(n, v.Count(kind))
	}
	for r := range v.All(directory.KindDomain) {
		got["tally "+string(r.Key())] = fmt.Sprintf("%+v", d.Tally(r.Domain()))
	}
	return got
}
