package login

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

func TestHooks(t *testing.T) {
	type call struct {
		s Service
		m Mechanism
		r Result
	}
	var got []call
	r := newRig(t, Options{Hooks: Hooks{Login: func(s Service, m Mechanism, r Result, _ time.Duration) { got = append(got, call{s, m, r}) }}})
	r.check(IMAP, "alice@example.test", right)
	a := attempt(SMTP, "alice@example.test", "wrong")
	a.Mechanism = Login
	r.Check(context.Background(), a)
	if want := []call{{IMAP, Plain, OK}, {SMTP, Login, Refused}}; len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("hook calls %v, want %v", got, want)
	}
	for _, s := range Services() {
		for _, m := range Mechanisms() {
			for _, r := range Results() {
				if s.String() == "" || m.String() == "" || r.String() == "" {
					t.Errorf("%d %d %d has no name", s, m, r)
				}
			}
		}
	}
}

// A secret is gone after the check, and nothing that a client said reaches the
// log unless it is the name of a user.
func TestSecretsStay(t *testing.T) {
	r := newRig(t, Options{})
	a := attempt(IMAP, "alice@example.test", right)
	r.Check(context.Background(), a)
	if !bytes.Equal(a.Secret, make([]byte, len(right))) {
		t.Error("the secret is not wiped")
	}
	r.check(IMAP, "alice@example.test", "Wrong-Secret-77")
	r.check(IMAP, "Typed-In-Wrong-Field-1", "Wrong-Secret-77")
	r.check(IMAP, "disabled@example.test", right)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r.Check(ctx, attempt(IMAP, "bob@example.test", "Wrong-Secret-77"))
	logged := r.log.String()
	for _, secret := range []string{right, "Wrong-Secret-77", "Typed-In"} {
		if strings.Contains(logged, secret) {
			t.Errorf("%q was logged:\n%s", secret, logged)
		}
	}
	for _, want := range []string{"result=ok", "result=refused", "user=alice@example.test", "rule=account-disabled", "remote_ip=192.0.2.7", "result=temporary", "canceled"} {
		if !strings.Contains(logged, want) {
			t.Errorf("%q was not logged:\n%s", want, logged)
		}
	}
}

func TestRulesAreNamed(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		if r.Name == "" || r.Text == "" || seen[r.Name] || strings.ContainsAny(r.Text, "@\t\r\n") {
			t.Errorf("rule %+v", r)
		}
		seen[r.Name] = true
	}
}
