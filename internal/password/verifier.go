package password

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

const (
	defaultMaxWait    = 5 * time.Second // half of what Postfix waits for a SASL answer
	waitingForOneSlot = 256             // Argon2id does 200 in that time
)

// Options are what a [Verifier] may use. The zero Options are good.
type Options struct {
	Slots      int           // hashes computed at a time; 0: GOMAXPROCS
	MaxWaiting int           // callers waiting for a slot, and for one verification; 0: 256 a slot
	MaxWait    time.Duration // how long they wait; 0: 5 s
	Scheme     Scheme        // of new passwords, which Dummy costs as much as; "": ARGON2ID
	Hooks      Hooks
}

// Hooks are called as the verifier works. A nil field is skipped. Running and
// Waiting are called under a lock: they set a gauge and return.
type Hooks struct {
	Running func(now int)                           // hashes being computed
	Waiting func(now int)                           // callers waiting for a slot
	Took    func(scheme Scheme, took time.Duration) // after each computation, without the wait
}

// Verifier computes password hashes, a bounded number at a time: 32 at once on
// two processors are slower than 2 (26 a second against 41) and take a gigabyte.
//
// Calls that ask for the same secret and hash at the same time share one
// computation: a mail client opens several connections at once.
type Verifier struct {
	slots   slots
	maxWait time.Duration
	took    func(Scheme, time.Duration)
	seals   *sealer
	decoys  decoys

	mu      sync.Mutex       // guards flights and what flight says it does
	flights map[seal]*flight // verifications that run or wait for a slot
}

// flight is one verification that several callers wait for.
type flight struct {
	followers int           // callers besides the one that runs it; guarded by Verifier.mu
	done      chan struct{} // closed when the fields below are set
	abandoned bool          // its caller went away before it had a slot: somebody else begins anew
	match     bool
	err       error
}

// NewVerifier returns a verifier with these limits.
func NewVerifier(o Options) *Verifier {
	if o.Slots <= 0 {
		o.Slots = runtime.GOMAXPROCS(0)
	}
	if o.MaxWaiting <= 0 {
		o.MaxWaiting = waitingForOneSlot * o.Slots
	}
	if o.MaxWait <= 0 {
		o.MaxWait = defaultMaxWait
	}
	return &Verifier{
		slots:   slots{free: o.Slots, maxWaiting: o.MaxWaiting, hooks: o.Hooks},
		maxWait: o.MaxWait,
		took:    o.Hooks.Took,
		seals:   newSealer(),
		decoys:  newDecoys(o.Scheme),
		flights: map[seal]*flight{},
	}
}

// Verify reports whether hash, as [Hash] or [ParseHash] returned it, was made
// from s. It waits for a slot, first come, first served, until ctx is done or
// the verifier's own limit is reached: then the error is the cause of ctx or
// [ErrOverloaded]. Once a computation has begun it is finished. Every error is
// a temporary failure; it does not say that the password is wrong.
func (v *Verifier) Verify(ctx context.Context, hash string, s Secret) (bool, error) {
	scheme, d, err := parse(hash)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, v.maxWait, ErrOverloaded)
	defer cancel()
	id := v.seals.of([]byte(hash), s)
	for {
		f, mine, err := v.board(id)
		switch {
		case err != nil:
			return false, err
		case mine:
			return v.fly(ctx, id, f, func() (bool, error) { return v.compute(scheme, d, s) })
		}
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-f.done:
		}
		if !f.abandoned {
			return f.match, f.err
		}
	}
}

// board joins the flight for id, or begins one, which is then the caller's.
func (v *Verifier) board(id seal) (f *flight, mine bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f = v.flights[id]
	if f == nil {
		f = &flight{done: make(chan struct{})}
		v.flights[id] = f
		return f, true, nil
	}
	if f.followers >= v.slots.maxWaiting {
		return nil, false, ErrOverloaded
	}
	f.followers++
	return f, false, nil
}

// fly runs a flight and tells its followers. It runs in the goroutine of the
// caller that began it: nothing outlives a call, and no copy of the secret.
func (v *Verifier) fly(ctx context.Context, id seal, f *flight, compute func() (bool, error)) (bool, error) {
	defer func() {
		v.mu.Lock()
		delete(v.flights, id)
		v.mu.Unlock()
		close(f.done)
	}()
	if f.err = v.slots.acquire(ctx); f.err != nil {
		f.abandoned = !errors.Is(f.err, ErrOverloaded) // overload is the followers' too
		return false, f.err
	}
	defer v.slots.release()
	f.match, f.err = compute()
	return f.match, f.err
}

// compute does the work, in a slot. A panic becomes an error.
func (v *Verifier) compute(scheme Scheme, d digest, s Secret) (match bool, err error) {
	defer recovered(&match, &err)
	defer v.clock(scheme)()
	return verify(d, s)
}

// recovered turns a panic into an error and a refusal to say "right".
func recovered[T any](result *T, err *error) {
	if r := recover(); r != nil {
		var zero T
		*result, *err = zero, fmt.Errorf("password hashing panicked: %v\n%s", r, debug.Stack())
	}
}

// clock starts to measure; the function it returns reports.
func (v *Verifier) clock(scheme Scheme) func() {
	if v.took == nil {
		return func() {}
	}
	start := time.Now()
	return func() { v.took(scheme, time.Since(start)) }
}

// Decoy returns the stored hash that a name without an account seems to have:
// always the same for a name, of the scheme of new passwords, and matched by
// no secret. A login that verifies against it does for unknown names what it
// does for wrong passwords, also when several come at once.
func (v *Verifier) Decoy(name []byte) string { return v.decoys.of(name) }

// Dummy does what a verification costs and tells nothing: for unknown users
// when the name is not at hand. Its error is a temporary failure.
func (v *Verifier) Dummy(ctx context.Context, s Secret) error {
	var name [16]byte
	_, _ = rand.Read(name[:])
	_, err := v.Verify(ctx, v.Decoy(name[:]), s)
	return err
}

// Hash is [Hash] in a slot, with the errors of [Verifier.Verify].
func (v *Verifier) Hash(ctx context.Context, scheme Scheme, s Secret) (hash string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, v.maxWait, ErrOverloaded)
	defer cancel()
	if err := v.slots.acquire(ctx); err != nil {
		return "", err
	}
	defer v.slots.release()
	defer recovered(&hash, &err)
	defer v.clock(scheme)()
	return Hash(scheme, s)
}
