package login

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/password"
	"github.com/gatepost/gatepost/internal/testkit"
)

// rig is a checker over the standard directory and what it did.
type rig struct {
	*Checker
	directory *directory.Directory
	computed  atomic.Int32 // slow verifications
	during    func()       // called by each of them
	log       bytes.Buffer // everything logged
}

// newRig makes a checker without failure delay, unless o has one.
func newRig(t testing.TB, o Options) *rig {
	t.Helper()
	r := &rig{}
	if o.Directory == nil {
		o.Directory, _ = testkit.Standard(t)
	}
	r.directory = o.Directory
	o.Verifier = password.NewVerifier(password.Options{Scheme: password.SHA512Crypt, Hooks: password.Hooks{
		Took: func(password.Scheme, time.Duration) {
			r.computed.Add(1)
			if r.during != nil {
				r.during()
			}
		},
	}})
	if o.FailureDelay == 0 {
		o.FailureDelay = -1
	}
	o.Log = slog.New(slog.NewTextHandler(&r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if o.Now == nil {
		o.Now = func() time.Time { return testkit.Noon }
	}
	r.Checker = New(o)
	return r
}

func attempt(s Service, name, secret string) Attempt {
	return Attempt{Service: s, Name: []byte(name), Secret: password.Secret(secret), RemoteIP: netip.MustParseAddr("192.0.2.7")}
}

// check decides a simple attempt.
func (r *rig) check(s Service, name, secret string) Outcome {
	return r.Check(context.Background(), attempt(s, name, secret))
}

// change rewrites a user of example.test.
func (r *rig) change(t testing.TB, local string, fn func(*directory.UserFields)) {
	t.Helper()
	testkit.Update(t, r.directory, func(tx *directory.Tx) error {
		return tx.ChangeUser(testkit.Addr(local+"@example.test"), directory.AnyRevision, func(u *directory.UserFields) error {
			fn(u)
			return nil
		})
	})
}

// said is an outcome in one line.
func said(o Outcome) string {
	switch o.Result {
	case OK:
		return "ok " + string(o.Grant.Address)
	case Denied:
		return "denied " + o.Rule.Name
	}
	return o.Result.String()
}

const right = testkit.Password

// Every rule has a row that makes it fire and one that just does not.
func TestCheck(t *testing.T) {
	tests := []struct {
		name, user, secret string
		service            Service
		want               string
	}{
		{"address", "alice@example.test", right, IMAP, "ok alice@example.test"},
		{"address in other letters", "Alice@EXAMPLE.test", right, IMAP, "ok alice@example.test"},
		{"further address", "al@example.test", right, POP3, "ok alice@example.test"},
		{"login name", "Alice", right, Sieve, "ok alice@example.test"},
		{"submission", "alice@example.test", right, SMTP, "ok alice@example.test"},
		{"administrator's test", "alice@example.test", right, Doveadm, "ok alice@example.test"},

		{"wrong password", "alice@example.test", "wrong", IMAP, "refused"},
		{"empty password", "alice@example.test", "", IMAP, "refused"},
		{"password and NUL", "alice@example.test", right + "\x00", IMAP, "refused"},
		{"unknown user", "nobody@example.test", right, IMAP, "refused"},
		{"unknown domain", "alice@elsewhere.test", right, IMAP, "refused"},
		{"no name", "", right, IMAP, "refused"},
		{"no name that can exist", "a\tb", right, IMAP, "refused"},
		{"a domain", "@example.test", right, IMAP, "refused"},
		{"an alias", "team@example.test", right, IMAP, "refused"},
		{"detail is not part of a login", "alice+x@example.test", right, IMAP, "refused"},
		{"separator is not split", "bob@example.test*alice@example.test", right, IMAP, "refused"},

		{"disabled, wrong password", "disabled@example.test", "wrong", IMAP, "refused"},
		{"disabled", "disabled@example.test", right, IMAP, "denied account-disabled"},
		{"suspended", "suspended@example.test", right, POP3, "denied account-disabled"},
		{"frozen", "frozen@example.test", right, SMTP, "denied account-disabled"},
		{"archived", "archived@example.test", right, Sieve, "denied account-disabled"},
		{"disabled, administrator's test", "disabled@example.test", right, Doveadm, "denied account-disabled"},
		{"disabled domain", "carol@closed.test", right, IMAP, "denied domain-disabled"},
		{"frozen domain", "carol@frozen.test", right, IMAP, "ok carol@frozen.test"},
		{"pending domain", "carol@pending.test", right, IMAP, "ok carol@pending.test"},

		{"send-only reads", "sendonly@example.test", right, IMAP, "denied account-send-only"},
		{"send-only fetches", "sendonly@example.test", right, POP3, "denied account-send-only"},
		{"send-only filters", "sendonly@example.test", right, Sieve, "denied account-send-only"},
		{"send-only reads, wrong password", "sendonly@example.test", "wrong", IMAP, "refused"},
		{"send-only sends", "sendonly@example.test", right, SMTP, "ok sendonly@example.test"},
		{"send-only, administrator's test", "sendonly@example.test", right, Doveadm, "ok sendonly@example.test"},
		{"send-only and local-only sends", "localsend@example.test", right, SMTP, "ok localsend@example.test"},
		{"receive-only sends", "receiveonly@example.test", right, SMTP, "denied no-submission"},
		{"receive-only reads", "receiveonly@example.test", right, IMAP, "ok receiveonly@example.test"},
		{"local-only sends", "localonly@example.test", right, SMTP, "ok localonly@example.test"},
		{"full reads", "full@example.test", right, IMAP, "ok full@example.test"},

		{"unknown service", "alice@example.test", right, UnknownService, "denied service-unknown"},
		{"unknown service, wrong password", "alice@example.test", "wrong", UnknownService, "refused"},
	}
	r := newRig(t, Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := r.check(tt.service, tt.user, tt.secret)
			if got := said(o); got != tt.want {
				t.Errorf("Check(%v, %q) = %v (%v), want %v", tt.service, tt.user, got, o.Err, tt.want)
			}
		})
	}
}

// A service that is off is another matter than an account that only sends.
func TestServiceSwitches(t *testing.T) {
	tests := []struct {
		name     string
		services directory.Services
		service  Service
		want     string
	}{
		{"imap off", directory.POP3 | directory.SMTP, IMAP, "denied service-disabled"},
		{"imap on", directory.IMAP, IMAP, "ok bob@example.test"},
		{"smtp off", directory.IMAP, SMTP, "denied service-disabled"},
		{"sieve off", directory.IMAP | directory.SMTP, Sieve, "denied service-disabled"},
		{"all off", directory.NoServices, IMAP, "denied service-disabled"},
		{"only smtp", directory.SMTP, POP3, "denied account-send-only"},
	}
	r := newRig(t, Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r.change(t, "bob", func(u *directory.UserFields) { u.Switches.Services = tt.services })
			if got := said(r.check(tt.service, "bob@example.test", right)); got != tt.want {
				t.Errorf("Check(%v) with services %v = %v, want %v", tt.service, tt.services, got, tt.want)
			}
		})
	}
}

func TestParseService(t *testing.T) {
	for name, want := range map[string]Service{
		"imap": IMAP, "pop3": POP3, "smtp": SMTP, "submission": SMTP, "sieve": Sieve, "managesieve": Sieve, "doveadm": Doveadm,
		"lmtp": UnknownService, "": UnknownService, "IMAP": UnknownService,
	} {
		if got := ParseService([]byte(name)); got != want {
			t.Errorf("ParseService(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestAuthorizationIdentity(t *testing.T) {
	tests := []struct{ name, user, authzid, secret, want string }{
		{"the same", "alice@example.test", "alice@example.test", right, "ok alice@example.test"},
		{"the same in other letters", "alice@example.test", "ALICE@example.test", right, "ok alice@example.test"},
		{"another name of the same user", "alice", "al@example.test", right, "ok alice@example.test"},
		{"somebody else", "bob@example.test", "alice@example.test", right, "denied authorization-identity"},
		{"somebody else, wrong password", "bob@example.test", "alice@example.test", "wrong", "refused"},
		{"nobody", "bob@example.test", "nobody@example.test", right, "denied authorization-identity"},
		{"nonsense", "bob@example.test", "\x01", right, "denied authorization-identity"},
	}
	r := newRig(t, Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := attempt(IMAP, tt.user, tt.secret)
			a.Authzid = []byte(tt.authzid)
			if got := said(r.Check(context.Background(), a)); got != tt.want {
				t.Errorf("Check(%q as %q) = %v, want %v", tt.user, tt.authzid, got, tt.want)
			}
		})
	}
}

func TestRecheck(t *testing.T) {
	r := newRig(t, Options{})
	o := r.check(IMAP, "listed@example.test", right)
	if o.Result != OK {
		t.Fatal(said(o))
	}
	recheck := func() string {
		switch u, rule := r.Recheck(r.directory.View(), o.Grant); {
		case !u.Exists():
			return "gone"
		case rule != nil:
			return rule.Name
		}
		return "ok"
	}
	if got := recheck(); got != "ok" {
		t.Errorf("at once: %v", got)
	}
	r.change(t, "listed", func(u *directory.UserFields) { u.Switches.Services = directory.SMTP })
	if got := recheck(); got != "account-send-only" {
		t.Errorf("made send-only: %v", got)
	}
	r.change(t, "listed", func(u *directory.UserFields) {
		u.Switches.Services, u.State = directory.AllServices, directory.Disabled
	})
	if got := recheck(); got != "account-disabled" {
		t.Errorf("disabled: %v", got)
	}
	owner := testkit.Addr("listed@example.test")
	testkit.Update(t, r.directory, func(tx *directory.Tx) error { return tx.DeleteUser(owner, directory.AnyRevision) })
	if got := recheck(); got != "gone" {
		t.Errorf("deleted: %v", got)
	}
	testkit.Update(t, r.directory, func(tx *directory.Tx) error {
		return tx.CreateUser(directory.UserFields{Address: owner, Switches: directory.DefaultSwitches(), Quota: directory.InheritLimit})
	})
	if got := recheck(); got != "gone" {
		t.Errorf("another user of the same address: %v", got)
	}
}
