package login

import (
	"testing"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
)

// recall recalls a simple attempt, and says what came of it.
func (r *rig) recall(s Service, name, secret string) string {
	o, known := r.Recall(attempt(s, name, secret))
	if !known {
		return "unknown"
	}
	return said(o)
}

// Whoever was verified is known, as long as nothing that matters has changed.
func TestRecall(t *testing.T) {
	const alice = "alice@example.test"
	nothing := func(*directory.UserFields) {}
	for _, tt := range []struct {
		name, user, secret string
		service            Service
		change             func(*directory.UserFields) // of alice, after she logged in
		want               string
	}{
		{"verified", alice, right, IMAP, nothing, "ok " + alice},
		{"by another name", "Alice", right, SMTP, nothing, "ok " + alice},
		{"wrong password", alice, "wrong", IMAP, nothing, "unknown"},
		{"unknown user", "nobody@example.test", right, IMAP, nothing, "unknown"},
		{"no name that can exist", "a\tb", right, IMAP, nothing, "unknown"},
		{"unknown service", alice, right, UnknownService, nothing, "unknown"},
		{"disabled", alice, right, IMAP, func(u *directory.UserFields) { u.State = directory.Disabled }, "unknown"},
		{"service taken away", alice, right, IMAP, func(u *directory.UserFields) { u.Switches.Services &^= directory.IMAP }, "unknown"},
		{"new password", alice, right, IMAP, func(u *directory.UserFields) { u.Credentials[0].Hash = "{SHA512-CRYPT}$6$other$other" }, "unknown"},
		{"password expired", alice, right, IMAP, func(u *directory.UserFields) { u.Credentials[0].Expires = time.Unix(1, 0) }, "unknown"},
		{"another name of the user", alice, right, IMAP, func(u *directory.UserFields) { u.DisplayName = "A" }, "ok " + alice},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, Options{})
			if o := r.check(IMAP, alice, right); o.Result != OK {
				t.Fatalf("Check = %s, want ok", said(o))
			}
			before := r.computed.Load()
			r.change(t, "alice", tt.change)
			if got := r.recall(tt.service, tt.user, tt.secret); got != tt.want {
				t.Errorf("Recall = %s, want %s", got, tt.want)
			}
			if r.computed.Load() != before {
				t.Error("Recall verified a password")
			}
		})
	}
}

// An attempt that is recalled is told once, and its secret is wiped; one that is
// not is left for Check as it was.
func TestRecallTells(t *testing.T) {
	var told int
	r := newRig(t, Options{Hooks: Hooks{Login: func(Service, Mechanism, Result, time.Duration) { told++ }}})
	a := attempt(IMAP, "alice@example.test", right)
	if _, known := r.Recall(a); known || told != 0 || string(a.Secret) != right {
		t.Errorf("before: known %v, told %d times, secret wiped %v", known, told, string(a.Secret) != right)
	}
	r.check(IMAP, "alice@example.test", right)
	if _, known := r.Recall(a); !known || told != 2 || string(a.Secret) == right {
		t.Errorf("after: known %v, told %d times, secret wiped %v", known, told, string(a.Secret) != right)
	}
	r.FlushCache()
	if got := r.recall(IMAP, "alice@example.test", right); got != "unknown" {
		t.Errorf("Recall = %s after the cache was flushed", got)
	}
}

func BenchmarkRecall(b *testing.B) {
	r := newRig(b, Options{})
	r = &rig{Checker: New(Options{Directory: r.directory, Verifier: r.verifier})}
	r.check(IMAP, "alice@example.test", right)
	a, secret := attempt(IMAP, "alice@example.test", right), []byte(right)
	b.ReportAllocs()
	for b.Loop() {
		copy(a.Secret, secret)
		if _, known := r.Recall(a); !known {
			b.Fatal("not known")
		}
	}
}
