package testkit

import (
	"context"
	"testing"
	"time"

	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/quota"
)

// Password is the password of every user of the standard directory, and
// PasswordHash its SHA512-CRYPT hash with few rounds, so that tests are fast.
const (
	Password     = "Secret-1234"
	PasswordHash = "{SHA512-CRYPT}$6$rounds=1000$gatepost$bJ8fBDINg6MAKToV1hgIgp4G4z6zbVIljlqVHVqj41L2r72Qd62CJWvXoRfDBBC28DMw0JD9sP.0/r2S8DJpQ0"
)

// Noon is when the standard directory's usage was measured.
var Noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// Addr parses an address that must be right.
func Addr(text string) mailaddr.Addr {
	a, err := mailaddr.Parse(text)
	if err != nil {
		panic(err)
	}
	return a
}

// Domain parses a domain that must be right.
func Domain(text string) mailaddr.Domain {
	d, err := mailaddr.ParseDomain(text)
	if err != nil {
		panic(err)
	}
	return d
}

// Open opens a directory over s that is closed when the test ends.
func Open(t testing.TB, s directory.Store, l *quota.Ledger) *directory.Directory {
	t.Helper()
	d, err := directory.Open(context.Background(), directory.Options{
		Store: s, Ledger: l, Settings: directory.Settings{Delimiters: "+"},
		Now: func() time.Time { return Noon },
	})
	if err != nil {
		t.Fatalf("open directory: %v", err)
	}
	t.Cleanup(d.Close)
	return d
}

// Update changes d and fails the test when that fails.
func Update(t testing.TB, d *directory.Directory, fn func(*directory.Tx) error) directory.Revision {
	t.Helper()
	r, err := d.Update(context.Background(), directory.Cause{Actor: "test", Command: "test"}, fn)
	if err != nil {
		t.Fatalf("Update: %v", err)
	}
	return r
}

// Limit is the quota limit of full@ and busy@ in the standard directory.
const Limit = 100_000

// Standard is a directory with a user for each state, all in example.test:
//
//	alice, bob            active (alice has the further address al@ and the login name alice)
//	disabled, suspended, frozen, archived
//	sendonly              services smtp, receive reject
//	receiveonly           no submission
//	localonly             submits to its own domain only
//	localsend             send-only and local-only
//	listed                submits to other.test only
//	discard, deferred     receive discard, receive defer
//	full                  Limit bytes used of Limit
//	busy                  60000 bytes used of Limit
//	unknownusage          Limit, and Dovecot never reported
//	forward               forwarded to bob
//	keep                  forwarded to bob, with a copy
//
// aliases in example.test: team (alice, bob), mixed (alice, disabled, sendonly),
// dead (disabled, sendonly), outside (x@elsewhere.test), nested (team, outside),
// fulls (full), somefull (full, bob); domains: example.test, other.test
// (catch-all to carol@other.test), pending.test, frozen.test and closed.test,
// each with a user carol.
func Standard(t testing.TB) (*directory.Directory, *quota.Ledger) {
	t.Helper()
	return StandardOn(t, &Store{})
}

// StandardOn is Standard over a store that is empty.
func StandardOn(t testing.TB, s directory.Store) (*directory.Directory, *quota.Ledger) {
	t.Helper()
	l := &quota.Ledger{}
	d := Open(t, s, l)
	Update(t, d, standard)
	Report(t, d, l, "full@example.test", Limit)
	Report(t, d, l, "busy@example.test", 60_000)
	return d, l
}

// Report tells the ledger what Dovecot measured.
func Report(t testing.TB, d *directory.Directory, l *quota.Ledger, address string, bytes int64) {
	t.Helper()
	u := d.View().User(mailaddr.KeyOf(Addr(address)))
	if !u.Exists() || !l.Report(u.Mailbox(), bytes, 1, Noon) {
		t.Fatalf("report usage of %s", address)
	}
}

func standard(tx *directory.Tx) error {
	for name, state := range map[string]directory.DomainState{
		"example.test": directory.DomainActive, "other.test": directory.DomainActive,
		"pending.test": directory.DomainPending, "frozen.test": directory.DomainFrozen,
		"closed.test": directory.DomainDisabled,
	} {
		d := directory.DomainFields{Domain: Domain(name), State: state, Quota: directory.InheritLimit}
		if name == "other.test" {
			d.CatchAll = Addr("carol@other.test")
		}
		if err := tx.CreateDomain(d); err != nil {
			return err
		}
	}
	for _, u := range standardUsers() {
		u.Credentials = []directory.Credential{{Services: directory.AllServices, Hash: PasswordHash}}
		if err := tx.CreateUser(u); err != nil {
			return err
		}
	}
	for name, targets := range map[string][]string{
		"team": {"alice@example.test", "bob@example.test"}, "mixed": {"alice@example.test", "disabled@example.test", "sendonly@example.test"},
		"dead": {"disabled@example.test", "sendonly@example.test"}, "outside": {"x@elsewhere.test"},
		"nested": {"team@example.test", "outside@example.test"}, "fulls": {"full@example.test"},
		"somefull": {"full@example.test", "bob@example.test"},
	} {
		a := directory.AliasFields{Address: Addr(name + "@example.test")}
		for _, to := range targets {
			a.Targets = append(a.Targets, Addr(to))
		}
		if err := tx.CreateAlias(a); err != nil {
			return err
		}
	}
	return nil
}

func standardUsers() []directory.UserFields {
	user := func(address string, set func(*directory.UserFields)) directory.UserFields {
		u := directory.UserFields{Address: Addr(address), Switches: directory.DefaultSwitches(), Quota: directory.InheritLimit}
		if set != nil {
			set(&u)
		}
		return u
	}
	local := func(name string, set func(*directory.UserFields)) directory.UserFields {
		return user(name+"@example.test", set)
	}
	state := func(s directory.State) func(*directory.UserFields) {
		return func(u *directory.UserFields) { u.State = s }
	}
	limit := func(u *directory.UserFields) { u.Quota = directory.Limit{Bytes: bytesize.Size(Limit)} }
	sendOnly := func(u *directory.UserFields) {
		u.Switches.Services, u.Switches.Receive = directory.SMTP, directory.ReceiveReject
	}
	return []directory.UserFields{
		local("alice", func(u *directory.UserFields) {
			u.Addresses = []mailaddr.Addr{Addr("al@example.test")}
			u.LoginName, _ = mailaddr.ParseLoginName("alice")
		}),
		local("bob", nil),
		local("disabled", state(directory.Disabled)),
		local("suspended", state(directory.Suspended)),
		local("frozen", state(directory.Frozen)),
		local("archived", state(directory.Archived)),
		local("sendonly", sendOnly),
		local("receiveonly", func(u *directory.UserFields) { u.Switches.Submit = directory.SubmitNone }),
		local("localonly", func(u *directory.UserFields) { u.Switches.Submit = directory.SubmitOwn }),
		local("localsend", func(u *directory.UserFields) { sendOnly(u); u.Switches.Submit = directory.SubmitOwn }),
		local("listed", func(u *directory.UserFields) {
			u.Switches.Submit, u.Switches.SubmitDomains = directory.SubmitListed, []mailaddr.Domain{Domain("other.test")}
		}),
		local("discard", func(u *directory.UserFields) { u.Switches.Receive = directory.ReceiveDiscard }),
		local("deferred", func(u *directory.UserFields) { u.Switches.Receive = directory.ReceiveDefer }),
		local("full", limit), local("busy", limit), local("unknownusage", limit),
		local("forward", func(u *directory.UserFields) { u.Forward = []mailaddr.Addr{Addr("bob@example.test")} }),
		local("keep", func(u *directory.UserFields) { u.Forward, u.KeepCopy = []mailaddr.Addr{Addr("bob@example.test")}, true }),
		user("carol@other.test", nil), user("carol@pending.test", nil),
		user("carol@frozen.test", nil), user("carol@closed.test", nil),
	}
}
