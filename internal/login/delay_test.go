package login

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/password"
	"github.com/gatepost/gatepost/internal/testkit"
)

// What changes while the secret is verified counts, and a record that never
// stays the same is not waited for.
func TestRecordMoves(t *testing.T) {
	tests := []struct {
		name     string
		times    int32 // how many verifications see a change
		change   func(*directory.UserFields)
		want     string
		computed int32
	}{
		{"disabled meanwhile", 1, func(u *directory.UserFields) { u.State = directory.Disabled }, "denied account-disabled", 1},
		{"password gone meanwhile", 1, func(u *directory.UserFields) { u.Credentials = nil }, "refused", 2},
		{"something else meanwhile", 1, func(u *directory.UserFields) { u.Roles ^= directory.RoleAdmin }, "ok bob@example.test", 1},
		{"always", 9, func(u *directory.UserFields) { u.Roles ^= directory.RoleAdmin }, "temporary", 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, Options{CacheSize: map[bool]int{true: -1, false: 0}[tt.times > 1]})
			r.during = func() {
				if r.computed.Load() <= tt.times {
					r.change(t, "bob", tt.change)
				}
			}
			if got := said(r.check(IMAP, "bob@example.test", right)); got != tt.want {
				t.Errorf("Check = %v, want %v", got, tt.want)
			}
			if got := r.computed.Load(); got != tt.computed {
				t.Errorf("%d slow verifications, want %d", got, tt.computed)
			}
		})
	}
}

func TestFailureDelay(t *testing.T) {
	tests := []struct {
		name, user, secret string
		waited             time.Duration // before the attempt reached the checker
		took               time.Duration // the verification
		want               time.Duration
	}{
		{"refused", "alice@example.test", "wrong", 0, 0, 2 * time.Second},
		{"unknown", "nobody@example.test", right, 0, 0, 2 * time.Second},
		{"denied", "disabled@example.test", right, 0, 0, 2 * time.Second},
		{"received before", "alice@example.test", "wrong", 500 * time.Millisecond, 0, 1500 * time.Millisecond},
		{"slow verification is part of it", "alice@example.test", "wrong", 0, 700 * time.Millisecond, 2 * time.Second},
		{"slower verification", "alice@example.test", "wrong", 0, 3 * time.Second, 3 * time.Second},
		{"right", "alice@example.test", right, 0, 0, 0},
		{"right, slowly", "alice@example.test", right, 0, time.Second, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, Options{FailureDelay: DefaultFailureDelay})
				r.during = func() { time.Sleep(tt.took) }
				a := attempt(IMAP, tt.user, tt.secret)
				a.Received = time.Now()
				time.Sleep(tt.waited)
				start := time.Now()
				r.Check(context.Background(), a)
				if got := time.Since(start); got != tt.want {
					t.Errorf("Check took %v, want %v", got, tt.want)
				}
			})
		})
	}
}

// A refusal that is called off says nothing, and holds nobody.
func TestFailureDelayEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{FailureDelay: DefaultFailureDelay})
		why := errors.New("shutting down")
		ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, why)
		defer cancel()
		start := time.Now()
		o := r.Check(ctx, attempt(IMAP, "alice@example.test", "wrong"))
		if o.Result != Temporary || !errors.Is(o.Err, why) || time.Since(start) != time.Second {
			t.Errorf("Check = %v, %v after %v", o.Result, o.Err, time.Since(start))
		}
	})
}

// Too many verifications are nobody's wrong password.
func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := testkit.Standard(t)
		hold := make(chan struct{})
		c := New(Options{Directory: d, FailureDelay: -1, Verifier: password.NewVerifier(password.Options{
			Slots: 1, Scheme: password.SHA512Crypt,
			Hooks: password.Hooks{Took: func(password.Scheme, time.Duration) { <-hold }},
		})})
		var wg sync.WaitGroup
		wg.Go(func() { c.Check(context.Background(), attempt(IMAP, "alice@example.test", right)) })
		synctest.Wait()
		start := time.Now()
		o := c.Check(context.Background(), attempt(IMAP, "bob@example.test", right))
		if o.Result != Temporary || !errors.Is(o.Err, password.ErrOverloaded) {
			t.Errorf("Check = %v, %v after %v, want overload", o.Result, o.Err, time.Since(start))
		}
		close(hold)
		wg.Wait()
	})
}
