package password

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// cheapHash is one of the least cost that is allowed, about 1 ms.
func cheapHash(t testing.TB, s string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(s), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return braced(BLFCrypt, string(hash))
}

// counted returns a verifier with one slot, and how many hashes it computed.
func counted(o Options) (*Verifier, *atomic.Int32) {
	var n atomic.Int32
	o.Slots = 1
	o.Hooks.Took = func(Scheme, time.Duration) { n.Add(1) }
	return NewVerifier(o), &n
}

// result is what a call to Verify gave.
type result struct {
	ok  bool
	err error
}

// verifyAsync starts a call that is waiting, or done, when it returns. The
// result may be read after a synctest.Wait.
func verifyAsync(ctx context.Context, v *Verifier, hash, s string) *result {
	r := &result{err: errors.New("still waits")}
	go func() { r.ok, r.err = v.Verify(ctx, hash, Secret(s)) }()
	synctest.Wait()
	return r
}

func TestVerify(t *testing.T) {
	v := NewVerifier(Options{})
	hash, err := v.Hash(t.Context(), SHA512Crypt, Secret("secret"))
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[string]bool{"secret": true, "Secret": false, "": false, "secret\x00": false} {
		if ok, err := v.Verify(t.Context(), hash, Secret(s)); ok != want || err != nil {
			t.Errorf("Verify(%q) = %v, %v, want %v", s, ok, err, want)
		}
	}
}

func TestVerifierHashRefusesWeakSecrets(t *testing.T) {
	hash, err := NewVerifier(Options{}).Hash(t.Context(), Argon2ID, nil)
	if weak := new(WeakError); hash != "" || !errors.As(err, &weak) {
		t.Errorf("Hash of nothing = %q, %v, want a *WeakError", hash, err)
	}
}

func TestEqualVerificationsAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, computed := counted(Options{})
		hold(t, v)
		hash := cheapHash(t, "secret")
		var right, wrong []*result
		for range 50 {
			right = append(right, verifyAsync(t.Context(), v, hash, "secret"))
			wrong = append(wrong, verifyAsync(t.Context(), v, hash, "wrong"))
		}
		v.slots.release()
		synctest.Wait()
		for i := range right {
			if *right[i] != (result{ok: true}) || *wrong[i] != (result{}) {
				t.Errorf("call %d: right %+v, wrong %+v, want true and false", i, *right[i], *wrong[i])
			}
		}
		if n := computed.Load(); n != 2 {
			t.Errorf("%d computations for 100 calls with 2 secrets, want 2", n)
		}
		verifyAsync(t.Context(), v, hash, "secret")
		if n := computed.Load(); n != 3 || len(v.flights) != 0 {
			t.Errorf("a later call: %d computations, %d remembered, want 3 and 0", n, len(v.flights))
		}
	})
}

func TestFirstOfEqualVerificationsIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, computed := counted(Options{})
		hold(t, v)
		hash := cheapHash(t, "secret")
		ctx, cancel := context.WithCancel(t.Context())
		first := verifyAsync(ctx, v, hash, "secret")
		second := verifyAsync(t.Context(), v, hash, "secret")
		third := verifyAsync(t.Context(), v, hash, "secret")
		cancel()
		synctest.Wait()
		if !errors.Is(first.err, context.Canceled) || second.err.Error() != "still waits" {
			t.Errorf("after the cancel the first got %v, the second %v", first.err, second.err)
		}
		v.slots.release()
		synctest.Wait()
		if *second != (result{ok: true}) || *third != (result{ok: true}) || computed.Load() != 1 {
			t.Errorf("the others got %+v and %+v by %d computations, want true by 1", *second, *third, computed.Load())
		}
	})
}

func TestOtherOfEqualVerificationsIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, computed := counted(Options{})
		hold(t, v)
		hash := cheapHash(t, "secret")
		first := verifyAsync(t.Context(), v, hash, "secret")
		ctx, cancel := context.WithCancel(t.Context())
		second := verifyAsync(ctx, v, hash, "secret")
		cancel()
		synctest.Wait()
		if !errors.Is(second.err, context.Canceled) {
			t.Errorf("who was cancelled got %v", second.err)
		}
		v.slots.release()
		synctest.Wait()
		if *first != (result{ok: true}) || computed.Load() != 1 {
			t.Errorf("who stayed got %+v by %d computations, want true by 1", *first, computed.Load())
		}
	})
}

func TestOverloadIsSharedAndBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, computed := counted(Options{MaxWaiting: 3})
		hold(t, v)
		hash := cheapHash(t, "secret")
		var waiting []*result
		for range 4 { // one that waits for the slot, three that wait for it
			waiting = append(waiting, verifyAsync(t.Context(), v, hash, "secret"))
		}
		if fifth := verifyAsync(t.Context(), v, hash, "secret"); !errors.Is(fifth.err, ErrOverloaded) {
			t.Errorf("the fifth got %v, want ErrOverloaded", fifth.err)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		for i, r := range waiting {
			if r.ok || !errors.Is(r.err, ErrOverloaded) {
				t.Errorf("caller %d got %+v, want ErrOverloaded", i, *r)
			}
		}
		v.slots.release()
		if r := verifyAsync(t.Context(), v, hash, "secret"); *r != (result{ok: true}) || computed.Load() != 1 {
			t.Errorf("afterwards %+v by %d computations, want true by 1", *r, computed.Load())
		}
	})
}

// panicking is a hash whose library has a bug.
type panicking struct{}

func (panicking) matches([]byte) (bool, error) { panic("index out of range") }

func TestPanicBecomesAnError(t *testing.T) {
	v, _ := counted(Options{})
	for range 2 { // the slot was given back
		f, mine, err := v.board(seal{})
		if !mine || err != nil {
			t.Fatalf("board = %v, %v, want a new flight", mine, err)
		}
		ok, err := v.fly(t.Context(), seal{}, f, func() (bool, error) { return v.compute(Argon2ID, panicking{}, Secret("secret")) })
		if ok || err == nil || !strings.Contains(err.Error(), "index out of range") || strings.Contains(err.Error(), "secret\"") {
			t.Errorf("Verify = %v, %v, want an error that tells of the panic", ok, err)
		}
	}
	if v.slots.free != 1 {
		t.Errorf("%d slots are free, want 1", v.slots.free)
	}
}

func TestNoMoreThanItsSlots(t *testing.T) {
	var most atomic.Int32
	v := NewVerifier(Options{Slots: 2, Hooks: Hooks{Running: func(n int) { most.Store(max(most.Load(), int32(n))) }}})
	hash := cheapHash(t, "secret")
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if ok, err := v.Verify(t.Context(), hash, Secret(numbered(i))); ok || err != nil {
				t.Errorf("Verify = %v, %v, want false", ok, err)
			}
		})
	}
	wg.Wait()
	if n := most.Load(); n < 1 || n > 2 {
		t.Errorf("%d ran at a time, want 1 or 2", n)
	}
	if v.slots.free != 2 || len(v.flights) != 0 {
		t.Errorf("at the end %d slots are free and %d flights remembered, want 2 and 0", v.slots.free, len(v.flights))
	}
}

func TestDecoys(t *testing.T) {
	for _, scheme := range []Scheme{"", Argon2ID, BLFCrypt, SHA512Crypt} {
		t.Run("scheme "+string(scheme), func(t *testing.T) {
			var took []Scheme
			v := NewVerifier(Options{Scheme: scheme, Hooks: Hooks{Took: func(s Scheme, _ time.Duration) { took = append(took, s) }}})
			real, err := v.Hash(t.Context(), orElse(scheme, Argon2ID), Secret("secret"))
			if err != nil {
				t.Fatal(err)
			}
			decoy := v.Decoy([]byte("nobody@example.org"))
			if cost(t, decoy) != cost(t, real) || len(decoy) != len(real) {
				t.Errorf("Decoy = %s, want one that costs what %s does", decoy, real)
			}
			if again := v.Decoy([]byte("nobody@example.org")); again != decoy {
				t.Errorf("a name has two decoys: %s and %s", decoy, again)
			}
			if other := v.Decoy([]byte("someone@example.org")); other == decoy {
				t.Errorf("two names have the decoy %s", decoy)
			}
			if other := NewVerifier(Options{Scheme: scheme}).Decoy([]byte("nobody@example.org")); other == decoy {
				t.Errorf("two processes have the decoy %s", decoy)
			}
			if ok, err := v.Verify(t.Context(), decoy, Secret("secret")); ok || err != nil {
				t.Errorf("Verify with a decoy = %v, %v, want false", ok, err)
			}
			if err := v.Dummy(t.Context(), Secret("secret")); err != nil || len(took) != 3 || took[2] != took[0] {
				t.Errorf("Dummy = %v, computed %v, want the scheme of new passwords thrice", err, took)
			}
		})
	}
}

func orElse(s, otherwise Scheme) Scheme {
	if s == "" {
		return otherwise
	}
	return s
}

// cost is what decides how long a hash takes.
func cost(t *testing.T, hash string) string {
	t.Helper()
	scheme, d, err := parse(hash)
	if err != nil {
		t.Fatal(err)
	}
	switch d := d.(type) {
	case argon2idDigest:
		d.salt, d.key = nil, nil
		return d.encode()
	case bcryptDigest:
		return string(d[4:6])
	}
	return string(scheme) // default rounds are not written
}

func TestDummiesAreNotOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, computed := counted(Options{Scheme: SHA512Crypt})
		hold(t, v)
		for range 3 {
			go func() { _ = v.Dummy(t.Context(), Secret("secret")) }()
		}
		synctest.Wait()
		v.slots.release()
		synctest.Wait()
		if n := computed.Load(); n != 3 {
			t.Errorf("%d computations for 3 unknown users, want 3", n)
		}
	})
}
