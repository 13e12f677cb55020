package password

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// gauges keeps what the hooks said last.
type gauges struct{ running, waiting int }

func (g *gauges) hooks() Hooks {
	return Hooks{Running: func(n int) { g.running = n }, Waiting: func(n int) { g.waiting = n }}
}

func TestSlotsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gauges
		s := &slots{free: 1, maxWaiting: 10, hooks: g.hooks()}
		if err := s.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		var order []int
		for i := range 5 {
			go func() {
				if err := s.acquire(t.Context()); err != nil {
					t.Errorf("caller %d: %v", i, err)
					return
				}
				order = append(order, i) // alone: it has the only slot
				s.release()
			}()
			synctest.Wait()
		}
		if g != (gauges{1, 5}) {
			t.Errorf("gauges say %+v, want 1 running and 5 waiting", g)
		}
		s.release()
		synctest.Wait()
		if want := []int{0, 1, 2, 3, 4}; !slices.Equal(order, want) {
			t.Errorf("slots were given in the order %v, want %v", order, want)
		}
		if g != (gauges{}) || s.free != 1 {
			t.Errorf("at the end %+v and %d free, want nobody and 1", g, s.free)
		}
	})
}

func TestSlotsRefuseWhenTooManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slots{maxWaiting: 2}
		for range 2 {
			go func() { _ = s.acquire(t.Context()) }()
		}
		synctest.Wait()
		if err := s.acquire(t.Context()); !errors.Is(err, ErrOverloaded) {
			t.Errorf("the third got %v, want ErrOverloaded", err)
		}
		s.release()
		s.release()
	})
}

func TestSlotsOfCallersWhoLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gauges
		s := &slots{maxWaiting: 10, hooks: g.hooks()}
		ctx, cancel := context.WithCancel(t.Context())
		var left, stayed error = nil, errors.New("waits")
		go func() { left = s.acquire(ctx) }()
		synctest.Wait()
		go func() { stayed = s.acquire(t.Context()) }()
		synctest.Wait()
		cancel()
		synctest.Wait()
		if !errors.Is(left, context.Canceled) || g.waiting != 1 {
			t.Errorf("who left got %v and %d wait, want context.Canceled and 1", left, g.waiting)
		}
		s.release()
		synctest.Wait()
		if stayed != nil {
			t.Errorf("who stayed got %v, want the slot", stayed)
		}
	})
}

func TestSlotGrantedToACallerWhoLeaves(t *testing.T) {
	s := &slots{maxWaiting: 10}
	turn, err := s.enter()
	if turn == nil || err != nil {
		t.Fatalf("enter = %v, %v, want a place in the queue", turn, err)
	}
	s.release() // granted now
	s.leave(turn)
	if s.free != 1 || s.queue.Len() != 0 {
		t.Errorf("%d free and %d in the queue, want the slot back and nobody", s.free, s.queue.Len())
	}
}

func TestSlotNotTakenForACallerWhoLeftBefore(t *testing.T) {
	s := &slots{free: 1, maxWaiting: 10}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("drained"))
	if err := s.acquire(ctx); message(err) != "drained" || s.free != 1 {
		t.Errorf("acquire = %v with %d free, want the cause and 1", err, s.free)
	}
}

func TestVerifierWaitsNoLongerThanItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := NewVerifier(Options{Slots: 1})
		hold(t, v)
		hash := cheapHash(t, "secret")
		for name, call := range map[string]func(context.Context) error{
			"Verify": func(ctx context.Context) error { _, err := v.Verify(ctx, hash, Secret("secret")); return err },
			"Hash":   func(ctx context.Context) error { _, err := v.Hash(ctx, Argon2ID, Secret("secret")); return err },
			"Dummy":  func(ctx context.Context) error { return v.Dummy(ctx, Secret("secret")) },
		} {
			start := time.Now()
			if err := call(t.Context()); !errors.Is(err, ErrOverloaded) || time.Since(start) != 5*time.Second {
				t.Errorf("%s gave %v after %v, want ErrOverloaded after 5s", name, err, time.Since(start))
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s with a deadline gave %v, want context.DeadlineExceeded", name, err)
			}
			cancel()
		}
		v.slots.release()
	})
}

// hold takes one of the verifier's slots, so that others must wait.
func hold(t *testing.T, v *Verifier) {
	t.Helper()
	if err := v.slots.acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
}
