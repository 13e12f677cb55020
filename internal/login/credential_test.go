package login

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/password"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/testkit"
)

// credentials gives bob these and returns the secrets of the random ones.
func (r *rig) credentials(t testing.TB, list ...directory.Credential) []string {
	t.Helper()
	secrets := make([]string, len(list))
	for i := range list {
		if list[i].Hash == "" {
			s := password.Random()
			list[i].Hash, secrets[i] = password.HashRandom(s), string(s)
		}
	}
	r.change(t, "bob", func(u *directory.UserFields) { u.Credentials = list })
	return secrets
}

func TestCredentials(t *testing.T) {
	r := newRig(t, Options{})
	s := r.credentials(t,
		directory.Credential{Kind: directory.MainPassword, Hash: testkit.PasswordHash}, // no services: taken everywhere
		directory.Credential{Kind: directory.AppPassword, Label: "phone", Services: directory.IMAP | directory.SMTP},
		directory.Credential{Kind: directory.AppPassword, Label: "expired", Services: directory.AllServices, Expires: testkit.Noon},
		directory.Credential{Kind: directory.AppPassword, Label: "a second left", Services: directory.AllServices, Expires: testkit.Noon.Add(time.Second)},
		directory.Credential{Kind: directory.AppPassword, Label: "slow hash", Services: directory.AllServices, Hash: testkit.PasswordHash},
		directory.Credential{Kind: directory.OneTimePassword, Label: "many", Services: directory.AllServices, Expires: testkit.Noon.Add(time.Minute)},
	)
	tests := []struct {
		name, secret string
		service      Service
		want         string
	}{
		{"main", right, IMAP, "ok bob@example.test"},
		{"app password", s[1], IMAP, "ok bob@example.test"},
		{"app password, another service of it", s[1], SMTP, "ok bob@example.test"},
		{"app password, a service that is not its own", s[1], POP3, "refused"},
		{"app password, administrator's test", s[1], Doveadm, "ok bob@example.test"},
		{"expired this second", s[2], IMAP, "refused"},
		{"expires next second", s[3], IMAP, "ok bob@example.test"},
		{"one-time password that may be used often", s[5], IMAP, "ok bob@example.test"},
		{"the same again", s[5], IMAP, "ok bob@example.test"},
		{"a random one that is nobody's", string(password.Random()), IMAP, "refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := said(r.check(tt.service, "bob@example.test", tt.secret)); got != tt.want {
				t.Errorf("Check(%v) = %v, want %v", tt.service, got, tt.want)
			}
		})
	}
}

// Without a main password, or with one that is random, other secrets are
// refused as for an unknown user: by a slow verification of a decoy.
func TestNoMainPassword(t *testing.T) {
	for name, list := range map[string][]directory.Credential{
		"nothing":            nil,
		"only an app":        {{Kind: directory.AppPassword, Services: directory.AllServices}},
		"random main":        {{Kind: directory.MainPassword, Services: directory.AllServices}},
		"expired main":       {{Kind: directory.MainPassword, Hash: testkit.PasswordHash, Expires: testkit.Noon.Add(-time.Hour)}},
		"app with slow hash": {{Kind: directory.AppPassword, Services: directory.AllServices, Hash: testkit.PasswordHash}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Options{})
			secrets := r.credentials(t, list...)
			if got := said(r.check(IMAP, "bob@example.test", right)); got != "refused" {
				t.Errorf("Check = %v, want refused", got)
			}
			if n := r.computed.Load(); n != 1 {
				t.Errorf("%d slow verifications, want 1", n)
			}
			for _, s := range secrets {
				if s == "" {
					continue
				}
				if got := said(r.check(IMAP, "bob@example.test", s)); got != "ok bob@example.test" {
					t.Errorf("Check with its own secret = %v", got)
				}
			}
		})
	}
}

// Nobody costs more than one slow verification, and everybody who is refused
// costs one: unknown names too.
func TestCost(t *testing.T) {
	r := newRig(t, Options{})
	list := []directory.Credential{{Kind: directory.MainPassword, Hash: testkit.PasswordHash}}
	for i := range 20 {
		list = append(list, directory.Credential{Kind: directory.AppPassword, Label: string(rune('a' + i)), Services: directory.AllServices})
	}
	secrets := r.credentials(t, list...)
	tests := []struct {
		name, user, secret string
		want               int32
	}{
		{"wrong password of many", "bob@example.test", "wrong", 1},
		{"random wrong password of many", "bob@example.test", string(password.Random()), 1},
		{"app password", "bob@example.test", secrets[20], 0},
		{"main password", "bob@example.test", right, 1},
		{"main password again: remembered", "bob@example.test", right, 0},
		{"wrong password again: not remembered", "bob@example.test", "wrong", 1},
		{"unknown user", "nobody@example.test", right, 1},
		{"no user possible", "\x00", right, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r.computed.Store(0)
			r.check(IMAP, tt.user, tt.secret)
			if got := r.computed.Load(); got != tt.want {
				t.Errorf("%d slow verifications, want %d", got, tt.want)
			}
		})
	}
	if n := r.FlushCache(); n != 1 {
		t.Errorf("FlushCache() = %d, want 1", n)
	}
	r.computed.Store(0)
	r.check(IMAP, "bob@example.test", right)
	if n := r.computed.Load(); n != 1 {
		t.Errorf("%d slow verifications after FlushCache, want 1", n)
	}
}

// The cache does not outlive what it stands for.
func TestCacheObeysTheRecord(t *testing.T) {
	r := newRig(t, Options{})
	if got := said(r.check(IMAP, "bob@example.test", right)); got != "ok bob@example.test" {
		t.Fatalf("Check = %v", got)
	}
	r.change(t, "bob", func(u *directory.UserFields) { u.State = directory.Disabled })
	if got := said(r.check(IMAP, "bob@example.test", right)); got != "denied account-disabled" {
		t.Errorf("after disabling: %v", got)
	}
	r.change(t, "bob", func(u *directory.UserFields) { u.State, u.Credentials = directory.Active, nil })
	if got := said(r.check(IMAP, "bob@example.test", right)); got != "refused" {
		t.Errorf("after the password went: %v", got)
	}
}

func TestSingleUse(t *testing.T) {
	store := &testkit.Store{}
	d := testkit.Open(t, store, &quota.Ledger{})
	testkit.Update(t, d, func(tx *directory.Tx) error {
		if err := tx.CreateDomain(directory.DomainFields{Domain: testkit.Domain("example.test"), Quota: directory.InheritLimit}); err != nil {
			return err
		}
		return tx.CreateUser(directory.UserFields{Address: testkit.Addr("bob@example.test"), Switches: directory.DefaultSwitches(), Quota: directory.InheritLimit})
	})
	r := newRig(t, Options{Directory: d})
	once := directory.Credential{Kind: directory.OneTimePassword, Label: "once", Services: directory.AllServices, SingleUse: true}

	t.Run("many at once: one gets in", func(t *testing.T) {
		secret := r.credentials(t, once)[0]
		var in atomic.Int32
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				switch o := r.check(IMAP, "bob@example.test", secret); o.Result {
				case OK:
					in.Add(1)
				case Temporary:
					t.Errorf("temporary: %v", o.Err)
				}
			})
		}
		wg.Wait()
		if n := in.Load(); n != 1 {
			t.Errorf("%d got in, want 1", n)
		}
		for c := range d.View().Login(mailaddr.KeyOf(testkit.Addr("bob@example.test"))).Credentials() {
			t.Errorf("credential %q is still there", c.Label)
		}
	})
	t.Run("not stored: temporary, and still good", func(t *testing.T) {
		secret := r.credentials(t, once)[0]
		store.Fail = func(*directory.Batch) error { return errors.New("disk full") }
		if got := said(r.check(IMAP, "bob@example.test", secret)); got != "temporary" {
			t.Errorf("Check = %v, want temporary", got)
		}
		store.Fail = nil
		if got := said(r.check(IMAP, "bob@example.test", secret)); got != "ok bob@example.test" {
			t.Errorf("Check = %v, want ok", got)
		}
	})
	t.Run("denied: not used up", func(t *testing.T) {
		secret := r.credentials(t, once)[0]
		r.change(t, "bob", func(u *directory.UserFields) { u.State = directory.Disabled })
		if got := said(r.check(IMAP, "bob@example.test", secret)); got != "denied account-disabled" {
			t.Errorf("Check = %v, want denied", got)
		}
		r.change(t, "bob", func(u *directory.UserFields) { u.State = directory.Active })
		if got := said(r.check(IMAP, "bob@example.test", secret)); got != "ok bob@example.test" {
			t.Errorf("Check = %v, want ok", got)
		}
	})
}

// password keeps the prefix to itself; this notices when it changes.
func TestRandomPrefix(t *testing.T) {
	if h := password.HashRandom(password.Random()); !strings.HasPrefix(h, randomPrefix) {
		t.Errorf("HashRandom makes %.20q…", h)
	}
}
