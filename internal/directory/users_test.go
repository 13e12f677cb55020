package directory_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gatepost/gatepost/internal/background"
	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
)

// gather makes users of fields, in the way of a batch.
func gather(t *testing.T, list ...directory.UserFields) *directory.Users {
	t.Helper()
	users := &directory.Users{Created: testkit.Noon}
	for _, f := range list {
		if err := users.Add(f); err != nil {
			t.Fatalf("Add(%s): %v", f.Address, err)
		}
	}
	return users
}

// together creates users in one go, one by one does the same singly.
func together(users *directory.Users) func(*directory.Tx) error {
	return func(tx *directory.Tx) error { return tx.CreateUsers(users) }
}

func oneByOne(list []directory.UserFields) func(*directory.Tx) error {
	return func(tx *directory.Tx) error {
		for _, f := range list {
			if err := tx.CreateUser(f); err != nil {
				return err
			}
		}
		return nil
	}
}

// drawUsers draws users whose names are in each other's way now and then.
func drawUsers(t *rapid.T) []directory.UserFields {
	name := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g", "alias", "taken", "gone"})
	domain := rapid.SampledFrom([]string{"example.test", "example.test", "small.test", "nowhere.test"})
	address := func() mailaddr.Addr { return testkit.Addr(name.Draw(t, "name") + "@" + domain.Draw(t, "domain")) }
	some := func(label string, n int) (list []mailaddr.Addr) {
		for range rapid.IntRange(0, n).Draw(t, label) {
			list = append(list, address())
		}
		return list
	}
	seen := map[mailaddr.Addr]bool{}
	var users []directory.UserFields
	for range rapid.IntRange(1, 6).Draw(t, "users") {
		u := directory.UserFields{Address: address(), Switches: directory.DefaultSwitches(), Quota: directory.InheritLimit,
			DisplayName: name.Draw(t, "display name"), Forward: some("forwards", 1)}
		if rapid.IntRange(0, 3).Draw(t, "own limit") == 0 {
			u.Quota = directory.Limit{Bytes: bytesize.Size(rapid.IntRange(0, 3).Draw(t, "limit")) << 30}
		}
		if rapid.IntRange(0, 3).Draw(t, "linked") == 0 {
			u.Addresses = slices.DeleteFunc(some("addresses", 2), func(a mailaddr.Addr) bool { return a == u.Address })
		}
		if rapid.IntRange(0, 4).Draw(t, "named") == 0 {
			u.LoginName, _ = mailaddr.ParseLoginName(name.Draw(t, "login name"))
		}
		if !seen[u.Address] { // Sort finds those
			users = append(users, u)
		}
		seen[u.Address] = true
	}
	return users
}

// stage makes a directory in which some names are taken.
func stage(t *testing.T, s *testkit.Store) *directory.Directory {
	d := testkit.Open(t, s, &quota.Ledger{})
	testkit.Update(t, d, func(tx *directory.Tx) error {
		return errors.Join(
			tx.CreateDomain(directory.DomainFields{Domain: testkit.Domain("example.test"), Quota: directory.InheritLimit}),
			tx.CreateDomain(directory.DomainFields{Domain: testkit.Domain("small.test"), Quota: directory.InheritLimit, MaxUsers: 2, MaxBytes: 3 << 30}),
			tx.CreateUser(newUser("taken@example.test")),
			createUser("gone@example.test", func(u *directory.UserFields) { u.State = directory.Disabled })(tx),
			createAlias("alias@example.test", "taken@example.test")(tx),
		)
	})
	return d
}

// changesOf returns the changes of an entry by name, and finds each of them.
func changesOf(e *directory.Entry) map[string]directory.Change {
	all := map[string]directory.Change{}
	for c := range e.All() {
		if found, ok := e.Find(c.Key); ok && bytes.Equal(found.Value, c.Value) && bytes.Equal(e.At(len(all)).Key, c.Key) {
			all[string(c.Key)] = c
		}
	}
	if _, ok := e.Find([]byte("nobody@example.test")); ok || len(all) != e.Len() {
		return nil
	}
	return all
}

// Users that are created together are, to the byte, what they are one by one;
// and if one of them cannot be, they cannot together.
func TestCreateUsersIsCreateUser(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		list := drawUsers(rt)
		remove := rapid.Bool().Draw(rt, "a name is freed before")
		var a, b testkit.Store
		apart, joined := stage(t, &a), stage(t, &b)
		users := gather(t, list...)
		if err := users.Sort(); err != nil {
			rt.Fatalf("Sort: %v", err)
		}
		freed := func(fn func(*directory.Tx) error) func(*directory.Tx) error {
			return func(tx *directory.Tx) error {
				if remove {
					if err := tx.DeleteUser(testkit.Addr("gone@example.test"), directory.AnyRevision); err != nil {
						return err
					}
				}
				return fn(tx)
			}
		}
		_, want := apart.Update(ctx, directory.Cause{}, freed(oneByOne(list)))
		_, got := joined.UpdateMany(ctx, directory.Cause{}, freed(together(users)))
		if (want == nil) != (got == nil) {
			rt.Fatalf("together: %v, one by one: %v", got, want)
		}
		if want != nil {
			return
		}
		for i, entry := range a.Batches()[1].Entries {
			if diff := cmp.Diff(changesOf(&entry), changesOf(&b.Batches()[1].Entries[i])); diff != "" {
				rt.Errorf("the changes differ (-one by one +together):\n%s", diff)
			}
		}
		if a.Batches()[1].Records != b.Batches()[1].Records {
			rt.Errorf("%d records together, %d one by one", b.Batches()[1].Records, a.Batches()[1].Records)
		}
		for _, domain := range []string{"example.test", "small.test"} {
			k := testkit.Domain(domain).Key()
			if got, want := joined.Tally(joined.View().Domain(k)), apart.Tally(apart.View().Domain(k)); got != want {
				rt.Errorf("%s: together %+v, one by one %+v", domain, got, want)
			}
		}
	})
}

// Later commands of the same batch, and the rest of the same command, see them.
func TestUsersAreSeen(t *testing.T) {
	var s testkit.Store
	d := stage(t, &s)
	users := gather(t, newUser("b@example.test"), newUser("a@example.test"))
	if err := users.Sort(); err != nil {
		t.Fatal(err)
	}
	testkit.Update(t, d, func(tx *directory.Tx) error {
		if err := tx.CreateUsers(users); err != nil {
			return err
		}
		if err := tx.CreateUser(newUser("a@example.test")); !errors.Is(err, directory.ErrExists) {
			t.Errorf("CreateUser of one of them = %v, want exists", err)
		}
		if err := createAlias("both@example.test", "a@example.test", "b@example.test")(tx); err != nil {
			t.Errorf("an alias that leads to them: %v", err)
		}
		return setUser("b@example.test", func(u *directory.UserFields) { u.DisplayName = "Bob" })(tx)
	})
	changes := changesOf(&s.Batches()[1].Entries[0])
	if len(changes) != 3 || !bytes.Contains(changes["b@example.test"].Value, []byte("Bob")) {
		t.Errorf("changes = %+v, want a, b with its name, and the alias", changes)
	}
	u, err := d.ReadUser(ctx, testkit.Addr("b@example.test"))
	if err != nil || u.DisplayName != "Bob" || u.Revision != 2 || u.CreatedRevision != 2 || !u.Created.Equal(testkit.Noon) {
		t.Errorf("ReadUser = %+v, %v", u, err)
	}
}

func forwarding(address string, to ...string) directory.UserFields {
	u := newUser(address)
	u.Forward = addresses(to...)
	return u
}

// The error names the user that is wrong.
func TestUsersThatAreRefused(t *testing.T) {
	d := stage(t, &testkit.Store{})
	linked := newUser("linked@example.test")
	linked.Addresses = addresses("z@example.test")
	for _, tt := range []struct {
		name string
		list []directory.UserFields
		user int
		want error
	}{
		{"twice", []directory.UserFields{newUser("b@example.test"), newUser("a@example.test"), newUser("c@example.test"), newUser("a@example.test"), newUser("b@example.test")}, 3, directory.ErrExists},
		{"exists", []directory.UserFields{newUser("b@example.test"), newUser("taken@example.test")}, 1, directory.ErrExists},
		{"no domain", []directory.UserFields{newUser("b@example.test"), newUser("a@nowhere.test")}, 1, directory.ErrNoDomain},
		{"further address of a later one", []directory.UserFields{newUser("b@example.test"), linked, newUser("z@example.test")}, 1, directory.ErrExists},
		{"forward to nobody", []directory.UserFields{newUser("b@example.test"), forwarding("a@example.test", "nobody@example.test")}, 1, directory.ErrNoTarget},
		{"forward in a circle", []directory.UserFields{newUser("c@example.test"), forwarding("b@example.test", "a@example.test"), forwarding("a@example.test", "b@example.test")}, 2, directory.ErrLoop},
		{"no quota where one is needed", []directory.UserFields{newUser("b@example.test"), newUser("x@small.test")}, 1, &directory.Error{Code: directory.CodeLimitBytes}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			users := gather(t, tt.list...)
			err := users.Sort()
			if err == nil {
				_, err = d.UpdateMany(ctx, directory.Cause{}, together(users))
			}
			var at *directory.UserError
			if !errors.As(err, &at) || at.User != tt.user || !errors.Is(err, tt.want) {
				t.Errorf("error = %#v, want %v of user %d", err, tt.want, tt.user)
			}
			if d.Revision() != 1 || exists(d, "b@example.test") {
				t.Error("something was created")
			}
		})
	}
	if _, err := d.UpdateMany(ctx, directory.Cause{}, together(gather(t, newUser("b@example.test")))); err == nil {
		t.Error("users that were not sorted are taken")
	}
}

// Many chunks, and a password that comes later.
func TestManyUsers(t *testing.T) {
	const n = 20_000
	var s testkit.Store
	d, err := directory.Open(ctx, directory.Options{Store: &s, Ledger: &quota.Ledger{}, Lane: &background.Lane{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	testkit.Update(t, d, func(tx *directory.Tx) error {
		return tx.CreateDomain(directory.DomainFields{Domain: testkit.Domain("example.test"), Quota: directory.InheritLimit})
	})
	users := &directory.Users{Created: testkit.Noon}
	for i := range n {
		u := newUser(fmt.Sprintf("u%d@example.test", i*7919%n))
		u.DisplayName = "Somebody with a name that is long enough for several chunks"
		if err := users.Add(u); err != nil {
			t.Fatal(err)
		}
	}
	if err := users.SetCredentials(1, []directory.Credential{{Services: directory.AllServices, Hash: testkit.PasswordHash}}); err != nil {
		t.Fatal(err)
	}
	if err := users.Sort(); err != nil {
		t.Fatal(err)
	}
	began := false
	_, err = d.UpdateMany(ctx, directory.Cause{Actor: "root", Command: "user batch"}, func(tx *directory.Tx) error {
		w, busy := d.Work()
		began = busy && w.Cause.Command == "user batch" && w.Cause.Actor == "root" && !w.Since.IsZero()
		return tx.CreateUsers(users)
	})
	if err != nil || !began {
		t.Errorf("UpdateMany = %v, Work told of it: %v", err, began)
	}
	if got := d.View().Count(directory.KindUser); got != n || users.Len() != n {
		t.Errorf("%d users of %d, want %d", got, users.Len(), n)
	}
	u, err := d.ReadUser(ctx, testkit.Addr("u7919@example.test"))
	if err != nil || len(u.Credentials) != 1 || u.Credentials[0].Hash != testkit.PasswordHash {
		t.Errorf("ReadUser = %+v, %v, want the hash", u, err)
	}
	if w, busy := d.Work(); busy {
		t.Errorf("Work = %+v afterwards", w)
	}
}
