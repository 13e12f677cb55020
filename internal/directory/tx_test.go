package directory_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
)

var ctx = context.Background()

func newUser(address string) directory.UserFields {
	return directory.UserFields{Address: testkit.Addr(address), Switches: directory.DefaultSwitches(), Quota: directory.InheritLimit}
}

func newAlias(address string, targets ...string) directory.AliasFields {
	a := directory.AliasFields{Address: testkit.Addr(address)}
	for _, to := range targets {
		a.Targets = append(a.Targets, testkit.Addr(to))
	}
	return a
}

func setUser(address string, set func(*directory.UserFields)) func(*directory.Tx) error {
	return func(tx *directory.Tx) error {
		return tx.ChangeUser(testkit.Addr(address), directory.AnyRevision, func(u *directory.UserFields) error { set(u); return nil })
	}
}

func setDomain(name string, set func(*directory.DomainFields)) func(*directory.Tx) error {
	return func(tx *directory.Tx) error {
		return tx.ChangeDomain(testkit.Domain(name), directory.AnyRevision, func(d *directory.DomainFields) error { set(d); return nil })
	}
}

func createUser(address string, set func(*directory.UserFields)) func(*directory.Tx) error {
	return func(tx *directory.Tx) error {
		u := newUser(address)
		if set != nil {
			set(&u)
		}
		return tx.CreateUser(u)
	}
}

func createAlias(address string, targets ...string) func(*directory.Tx) error {
	return func(tx *directory.Tx) error { return tx.CreateAlias(newAlias(address, targets...)) }
}

func addresses(list ...string) (parsed []mailaddr.Addr) {
	for _, text := range list {
		parsed = append(parsed, testkit.Addr(text))
	}
	return parsed
}

// Every refused change says why, with its code, and leaves no trace.
func TestRefusedChanges(t *testing.T) {
	for _, c := range []struct {
		name string
		fn   func(*directory.Tx) error
		is   error
		says string
	}{
		{"user exists", createUser("alice@example.test", nil), directory.ErrExists, "alice@example.test already exists as a user"},
		{"user over alias", createUser("team@example.test", nil), directory.ErrExists, "already exists as an alias"},
		{"user over further address", createUser("al@example.test", nil), directory.ErrExists, "already exists as a further address of alice@example.test"},
		{"alias over user", createAlias("alice@example.test", "bob@example.test"), directory.ErrExists, "already exists as a user"},
		{"unknown domain", createUser("x@nowhere.test", nil), directory.ErrNoDomain, "address: there is no domain nowhere.test"},
		{"alias in an unknown domain", createAlias("x@nowhere.test", "bob@example.test"), directory.ErrNoDomain, "there is no domain nowhere.test"},
		{"further address held", createUser("x@example.test", func(u *directory.UserFields) { u.Addresses = addresses("team@example.test") }), directory.ErrExists, "addresses: team@example.test already exists as an alias"},
		{"login name held", createUser("x@example.test", func(u *directory.UserFields) { u.LoginName, _ = mailaddr.ParseLoginName("alice") }), directory.ErrExists, "login_name: alice already exists as a login name of alice@example.test"},
		{"quoted user", createUser(`"a b"@example.test`, nil), directory.ErrInvalid, "address: not an address for a mailbox"},
		{"control in display name", createUser("x@example.test", func(u *directory.UserFields) { u.DisplayName = "a\nb" }), directory.ErrInvalid, "display_name: control character at byte 1"},
		{"unknown plan", createUser("x@example.test", func(u *directory.UserFields) { u.Plan = "gold" }), directory.ErrInvalid, `plan: there is no plan "gold"`},
		{"listed without domains", createUser("x@example.test", func(u *directory.UserFields) { u.Switches.Submit = directory.SubmitListed }), directory.ErrInvalid, "submit: listed needs the domains"},
		{"negative quota", createUser("x@example.test", func(u *directory.UserFields) { u.Quota = directory.Limit{Bytes: -1} }), directory.ErrInvalid, "quota: a limit cannot be negative"},
		{"forward to nobody", createUser("x@example.test", func(u *directory.UserFields) { u.Forward = addresses("nobody@example.test") }), directory.ErrNoTarget, "forward: there is no nobody@example.test in our domain example.test"},
		{"forward to itself", createUser("x@example.test", func(u *directory.UserFields) { u.Forward, u.KeepCopy = addresses("x@example.test"), true }), directory.ErrLoop, "lead back to it"},
		{"alias to nobody", createAlias("new@example.test", "nobody@example.test"), directory.ErrNoTarget, "there is no nobody@example.test"},
		{"alias without target", createAlias("new@example.test"), directory.ErrInvalid, "targets: an alias needs at least one target"},
		{"alias to itself", createAlias("new@example.test", "new@example.test"), directory.ErrLoop, "lead back"},
		{"alias to itself with detail", createAlias("new@example.test", "new+x@example.test"), directory.ErrLoop, "lead back"},
		{"alias circle", func(tx *directory.Tx) error {
			return tx.ChangeAlias(testkit.Addr("team@example.test"), directory.AnyRevision, func(a *directory.AliasFields) error {
				a.Targets = addresses("nested@example.test")
				return nil
			})
		}, directory.ErrLoop, "lead back"},
		{"address of a user", setUser("alice@example.test", func(u *directory.UserFields) { u.Address = testkit.Addr("new@example.test") }), directory.ErrInvalid, "address: an address cannot be changed"},
		{"no such user", setUser("nobody@example.test", func(*directory.UserFields) {}), directory.ErrNotFound, "there is no user nobody@example.test"},
		{"an alias is no user", setUser("team@example.test", func(*directory.UserFields) {}), directory.ErrNotFound, "the name belongs to an alias"},
		{"a further address is no user", setUser("al@example.test", func(*directory.UserFields) {}), directory.ErrNotFound, "it is a further address of alice@example.test"},
		{"active user deleted", func(tx *directory.Tx) error {
			return tx.DeleteUser(testkit.Addr("alice@example.test"), directory.AnyRevision)
		}, directory.ErrNotDisabled, "alice@example.test is active; only a disabled or archived user can be deleted"},
		{"target deleted", func(tx *directory.Tx) error {
			return tx.DeleteUser(testkit.Addr("disabled@example.test"), directory.AnyRevision)
		}, directory.ErrInUse, "is still a target of dead@example.test, mixed@example.test"},
		{"aliased alias deleted", func(tx *directory.Tx) error {
			return tx.DeleteAlias(testkit.Addr("team@example.test"), directory.AnyRevision)
		}, directory.ErrInUse, "is still a target of nested@example.test"},
		{"domain in use deleted", func(tx *directory.Tx) error {
			return tx.DeleteDomain(testkit.Domain("example.test"), directory.AnyRevision)
		}, directory.ErrNotEmpty, "example.test still has 18 users, 1 further addresses and 7 aliases"},
		{"domain exists", func(tx *directory.Tx) error {
			return tx.CreateDomain(directory.DomainFields{Domain: testkit.Domain("EXAMPLE.test")})
		}, directory.ErrExists, "there is already a domain example.test"},
		{"catch-all to nobody", setDomain("example.test", func(d *directory.DomainFields) { d.CatchAll = testkit.Addr("nobody@example.test") }), directory.ErrNoTarget, "catch_all: there is no nobody@example.test"},
		{"stale revision", func(tx *directory.Tx) error {
			return tx.ChangeUser(testkit.Addr("alice@example.test"), 999, func(*directory.UserFields) error { return nil })
		}, directory.ErrConflict, "was changed meanwhile: it is at revision 1, not 999"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, _ := testkit.Standard(t)
			before := d.Revision()
			_, err := d.Update(ctx, directory.Cause{}, c.fn)
			if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Update = %v, want %v with %q", err, c.is, c.says)
			}
			if got := d.Revision(); got != before {
				t.Errorf("a refused change made revision %d of %d", got, before)
			}
		})
	}
}

func TestChangesTakeEffect(t *testing.T) {
	d, _ := testkit.Standard(t)
	view := func(address string) directory.User { return d.View().User(mailaddr.KeyOf(testkit.Addr(address))) }

	testkit.Update(t, d, setUser("alice@example.test", func(u *directory.UserFields) { u.State = directory.Disabled }))
	if u := view("al@example.test"); u.State() != directory.Disabled || u.Services() != directory.NoServices {
		t.Errorf("disabled user has state %v, services %v", u.State(), u.Services())
	}
	testkit.Update(t, d, setUser("alice@example.test", func(u *directory.UserFields) { u.State = directory.Active }))
	if u := view("alice@example.test"); u.Services() != directory.AllServices {
		t.Errorf("enabled user has services %v, want all", u.Services())
	}

	before := d.Revision()
	if got := testkit.Update(t, d, setUser("alice@example.test", func(*directory.UserFields) {})); got != before {
		t.Errorf("a change of nothing made revision %d of %d", got, before)
	}

	testkit.Update(t, d, setUser("alice@example.test", func(u *directory.UserFields) {
		u.Addresses = addresses("new@example.test")
		u.LoginName, _ = mailaddr.ParseLoginName("alicia")
	}))
	if view("al@example.test").Exists() || !view("new@example.test").Exists() {
		t.Error("further addresses were not replaced")
	}
	for name, want := range map[string]bool{"alice": false, "alicia": true, "alice@example.test": true} {
		key, _, err := mailaddr.AppendLoginKey(nil, []byte(name))
		if got := d.View().Login(key).Exists(); err != nil || got != want {
			t.Errorf("Login(%s) found %v, %v, want %v", name, got, err, want)
		}
	}
}

func TestQuotaLimitIsInherited(t *testing.T) {
	d, _ := testkit.Standard(t)
	limit := func() int64 {
		v := d.View()
		return v.Limit(v.User(mailaddr.KeyOf(testkit.Addr("alice@example.test"))))
	}
	d.Configure(directory.Settings{DefaultQuota: 1000, Delimiters: "+"})
	if got := limit(); got != 1000 {
		t.Errorf("limit by default = %d, want 1000", got)
	}
	testkit.Update(t, d, setDomain("example.test", func(d *directory.DomainFields) { d.Quota = directory.Limit{Bytes: 2000} }))
	if got := limit(); got != 2000 {
		t.Errorf("limit by domain = %d, want 2000", got)
	}
	testkit.Update(t, d, setUser("alice@example.test", func(u *directory.UserFields) { u.Quota = directory.Limit{Bytes: 3000} }))
	if got := limit(); got != 3000 {
		t.Errorf("own limit = %d, want 3000", got)
	}
	testkit.Update(t, d, setUser("alice@example.test", func(u *directory.UserFields) { u.Quota = directory.Limit{} }))
	if got := limit(); got != 0 {
		t.Errorf("own limit none = %d, want 0", got)
	}
}

func TestDomainLimits(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*directory.DomainFields)
		fn   func(*directory.Tx) error
		code directory.Code
	}{
		{"a user too many", func(d *directory.DomainFields) { d.MaxUsers = 1 }, createUser("x@other.test", nil), directory.CodeLimitUsers},
		{"a user that fits", func(d *directory.DomainFields) { d.MaxUsers = 2 }, createUser("x@other.test", nil), ""},
		{"an alias too many", func(d *directory.DomainFields) { d.MaxAliases = 1 }, func(tx *directory.Tx) error {
			return errors.Join(tx.CreateAlias(newAlias("a@other.test", "carol@other.test")), tx.CreateAlias(newAlias("b@other.test", "carol@other.test")))
		}, directory.CodeLimitAliases},
		{"limits beyond the domain's", func(d *directory.DomainFields) { d.MaxBytes, d.Quota = 1000, directory.Limit{Bytes: 400} },
			createUser("x@other.test", func(u *directory.UserFields) { u.Quota = directory.Limit{Bytes: 601} }), directory.CodeLimitBytes},
		{"limits that fit", func(d *directory.DomainFields) { d.MaxBytes, d.Quota = 1000, directory.Limit{Bytes: 400} },
			createUser("x@other.test", func(u *directory.UserFields) { u.Quota = directory.Limit{Bytes: 600} }), ""},
		{"no limit in a limited domain", func(d *directory.DomainFields) { d.MaxBytes = 1000 },
			createUser("x@other.test", func(u *directory.UserFields) { u.Quota = directory.Limit{} }), directory.CodeLimitBytes},
		{"inherited limits beyond the domain's", func(d *directory.DomainFields) { d.MaxBytes, d.Quota = 1000, directory.Limit{Bytes: 501} },
			createUser("x@other.test", nil), directory.CodeLimitBytes},
		{"overflowing limits", func(d *directory.DomainFields) { d.MaxBytes, d.Quota = 1<<62, directory.Limit{Bytes: 1 << 61} },
			createUser("x@other.test", func(u *directory.UserFields) { u.Quota = directory.Limit{Bytes: 1<<63 - 1} }), directory.CodeLimitBytes},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, _ := testkit.Standard(t)
			testkit.Update(t, d, setDomain("other.test", c.set))
			_, err := d.Update(ctx, directory.Cause{}, c.fn)
			var e *directory.Error
			if got := errors.As(err, &e); got != (c.code != "") || got && e.Code != c.code {
				t.Errorf("Update = %v, want code %q", err, c.code)
			}
		})
	}
}

func TestAliasDepth(t *testing.T) {
	d, _ := testkit.Standard(t)
	chain := func(i int) string { return fmt.Sprintf("chain%d@example.test", i) }
	testkit.Update(t, d, createAlias(chain(0), "bob@example.test"))
	for i := 1; i < directory.MaxDepth; i++ {
		testkit.Update(t, d, createAlias(chain(i), chain(i-1)))
	}
	if _, err := d.View().Expand(nil, mailaddr.KeyOf(testkit.Addr(chain(directory.MaxDepth-1)))); err != nil {
		t.Errorf("Expand of %d aliases: %v", directory.MaxDepth, err)
	}
	if _, err := d.Update(ctx, directory.Cause{}, createAlias(chain(directory.MaxDepth), chain(directory.MaxDepth-1))); !errors.Is(err, directory.ErrTooDeep) {
		t.Errorf("alias %d of a chain = %v, want too deep", directory.MaxDepth+1, err)
	}
	// A longer way at the bottom is too deep for the aliases above it.
	testkit.Update(t, d, createAlias("low@example.test", "bob@example.test"))
	_, err := d.Update(ctx, directory.Cause{}, func(tx *directory.Tx) error {
		return tx.ChangeAlias(testkit.Addr(chain(0)), directory.AnyRevision, func(a *directory.AliasFields) error {
			a.Targets = addresses("low@example.test")
			return nil
		})
	})
	if !errors.Is(err, directory.ErrTooDeep) {
		t.Errorf("a longer way below 16 aliases = %v, want too deep", err)
	}
}

func TestPermanentAddresses(t *testing.T) {
	d, _ := testkit.Standard(t)
	testkit.Update(t, d, setDomain("example.test", func(d *directory.DomainFields) { d.Permanent = true }))
	testkit.Update(t, d, func(tx *directory.Tx) error {
		return tx.DeleteUser(testkit.Addr("archived@example.test"), directory.AnyRevision)
	})
	_, err := d.Update(ctx, directory.Cause{}, createUser("archived@example.test", nil))
	if !errors.Is(err, directory.ErrExists) || !strings.Contains(err.Error(), "never given out again") {
		t.Errorf("a deleted permanent address given out again: %v", err)
	}
	if d.View().User(mailaddr.KeyOf(testkit.Addr("archived@example.test"))).Exists() {
		t.Error("a tombstone is a user")
	}
}

// The next owner of a name has its own mailbox number, so no usage is inherited.
func TestMailboxNumbers(t *testing.T) {
	d, l := testkit.Standard(t)
	box := func() quota.Mailbox {
		return d.View().User(mailaddr.KeyOf(testkit.Addr("full@example.test"))).Mailbox()
	}
	first := box()
	testkit.Update(t, d, setUser("full@example.test", func(u *directory.UserFields) { u.Quota = directory.Limit{Bytes: 1 << 30} }))
	if box() != first || !l.Usage(box()).Known() {
		t.Error("a changed user lost its usage")
	}
	testkit.Update(t, d, func(tx *directory.Tx) error {
		for _, name := range []string{"fulls@example.test", "somefull@example.test"} {
			if err := tx.DeleteAlias(testkit.Addr(name), directory.AnyRevision); err != nil {
				return err
			}
		}
		if err := setUser("full@example.test", func(u *directory.UserFields) { u.State = directory.Archived })(tx); err != nil {
			return err
		}
		if err := tx.DeleteUser(testkit.Addr("full@example.test"), directory.AnyRevision); err != nil {
			return err
		}
		return createUser("full@example.test", nil)(tx)
	})
	if box() == first || l.Usage(box()).Known() {
		t.Error("a new user inherited the usage of an earlier owner of its address")
	}
}

func TestTally(t *testing.T) {
	d, _ := testkit.Standard(t)
	domain := func() directory.Domain {
		return d.View().Domain(mailaddr.KeyOf(testkit.Addr("x@example.test")))
	}
	got := d.Tally(domain())
	want := directory.Tally{Users: 18, Aliases: 7, Addresses: 1, Bytes: 3 * testkit.Limit, Inherit: 15}
	if got != want {
		t.Errorf("Tally = %+v, want %+v", got, want)
	}
	testkit.Update(t, d, setUser("busy@example.test", func(u *directory.UserFields) { u.Quota = directory.Limit{Bytes: bytesize.Size(0)} }))
	want.Bytes, want.Unlimited = 2*testkit.Limit, 1
	if got := d.Tally(domain()); got != want {
		t.Errorf("Tally after a change = %+v, want %+v", got, want)
	}
}
