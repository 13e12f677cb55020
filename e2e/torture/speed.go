package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
)

const (
	samples        = 1000
	administrators = 64
	turns          = 6
	turn           = 500 * time.Millisecond
	attempts       = 3 // before a promise counts as broken

	// The promises.
	maxSingle     = 2.0 // a durable change, in raw appends with fdatasync
	minConcurrent = 8.0 // the rate of 64 administrators, in synced writes
)

// speeds measures what durability costs.
func speeds(ctx context.Context, t *torture) *result {
	r := &result{name: "speed"}
	b := &bench{t: t, r: r, dir: filepath.Join(t.Dir, "speed")}
	if err := b.run(ctx); err != nil && ctx.Err() == nil {
		r.fail("%v", err)
	}
	if r.failure == "" {
		_ = os.RemoveAll(b.dir)
	}
	return r
}

type bench struct {
	t   *torture
	r   *result
	dir string
	s   *state
	raw *os.File
	at  int64 // end of raw
}

func (b *bench) run(ctx context.Context) (err error) {
	if b.s, err = openState(ctx, b.dir, silent(), time.Now); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.s.close()) }()
	if b.raw, err = os.OpenFile(filepath.Join(b.dir, "raw"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	}
	defer b.raw.Close()
	if err := b.prepare(ctx); err != nil {
		return err
	}
	promises := errors.Join(b.single(ctx), b.concurrent(ctx))
	for _, n := range slices.Compact([]int{100_000, b.t.Batch}) {
		if n > b.t.Batch || n == 0 {
			continue
		}
		if err := b.batch(ctx, n); err != nil {
			return errors.Join(promises, err)
		}
	}
	return promises
}

// prepare makes a user for each administrator to work on.
func (b *bench) prepare(ctx context.Context) error {
	w := writer{b.t.Seed, 0}
	_, err := b.s.directory.Update(ctx, directory.Cause{}, func(tx *directory.Tx) error {
		if err := w.command(1)(tx); err != nil {
			return err
		}
		r := rand.New(rand.NewPCG(1, 1))
		for i := range administrators {
			if err := tx.CreateUser(w.fields(fmt.Sprint("user", i), r)); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// change sets the password of a user.
func (b *bench) change(ctx context.Context, user int, r *rand.Rand) error {
	w := writer{b.t.Seed, 0}
	_, err := b.s.directory.Update(ctx, directory.Cause{Actor: "root", Command: "user password", Request: "0123456789abcdef"}, func(tx *directory.Tx) error {
		return tx.ChangeUser(w.user(fmt.Sprint("user", user)), directory.AnyRevision, func(u *directory.UserFields) error {
			u.Credentials[0].Hash = hash(r)
			return nil
		})
	})
	return err
}

// appendRaw appends to a file and syncs it: what a durable change costs at least.
func (b *bench) appendRaw(block []byte) error {
	_, err := b.raw.WriteAt(block, b.at)
	b.at += int64(len(block))
	return errors.Join(err, syscall.Fdatasync(int(b.raw.Fd())))
}

// single measures changes one after the other, each beside a raw append of the
// size that it has in the journal.
func (b *bench) single(ctx context.Context) error {
	best := 0.0
	for range attempts {
		size, raw, change, err := b.medians(ctx)
		if err != nil {
			return err
		}
		ratio := float64(change) / float64(raw)
		b.r.rounds++
		b.r.note("one change of %d bytes: median %v, raw append and fdatasync %v, ratio %.2f (at most %g)", size,
			change.Round(time.Microsecond), raw.Round(time.Microsecond), ratio, maxSingle)
		if best == 0 || ratio < best {
			best = ratio
		}
		if best <= maxSingle {
			return nil
		}
	}
	return fmt.Errorf("a single change takes %.2f times a raw append and fdatasync, and may take %g", best, maxSingle)
}

func (b *bench) medians(ctx context.Context) (size int, raw, change time.Duration, err error) {
	r := rand.New(rand.NewPCG(2, 2))
	before := b.journalSize()
	if err := b.change(ctx, 0, r); err != nil {
		return 0, 0, 0, err
	}
	block := make([]byte, b.journalSize()-before)
	var raws, changes []time.Duration
	for range samples {
		began := time.Now()
		if err := b.appendRaw(block); err != nil {
			return 0, 0, 0, err
		}
		raws = append(raws, time.Since(began))
		began = time.Now()
		if err := b.change(ctx, 0, r); err != nil {
			return 0, 0, 0, err
		}
		changes = append(changes, time.Since(began))
		b.r.acknowledged++
	}
	slices.Sort(raws)
	slices.Sort(changes)
	return len(block), raws[samples/2], changes[samples/2], nil
}

func (b *bench) journalSize() (n int64) {
	list, _ := files(filepath.Join(b.dir, "journal"))
	for _, path := range list {
		if info, err := os.Stat(path); err == nil {
			n += info.Size()
		}
	}
	return n
}

// concurrent measures many administrators at once against one synced write each,
// in turns, since other programs may be using the machine.
func (b *bench) concurrent(ctx context.Context) error {
	best := 0.0
	for range attempts {
		raw, changes, err := b.turns(ctx)
		if err != nil {
			return err
		}
		best = max(best, changes/raw)
		b.r.rounds++
		b.r.note("%d administrators: %.0f changes a second, synced writes %.0f, ratio %.1f (at least %g)", administrators, changes, raw, changes/raw, minConcurrent)
		if best >= minConcurrent {
			return nil
		}
	}
	return fmt.Errorf("%d administrators get %.1f times the rate of synced writes, and must get %g", administrators, best, minConcurrent)
}

// turns returns the rates of synced writes and of changes.
func (b *bench) turns(ctx context.Context) (raw, changes float64, err error) {
	block := make([]byte, 400)
	for range turns {
		for began := time.Now(); time.Since(began) < turn; raw++ {
			if err := b.appendRaw(block); err != nil {
				return 0, 0, err
			}
		}
		n, err := b.crowd(ctx)
		if err != nil {
			return 0, 0, err
		}
		changes += float64(n)
		b.r.acknowledged += n
	}
	seconds := (turns * turn).Seconds()
	return raw / seconds, changes / seconds, nil
}

// crowd lets all administrators work for a turn, and returns how many changes
// they made.
func (b *bench) crowd(ctx context.Context) (int, error) {
	var done atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	began := time.Now()
	for i := range administrators {
		all.Go(func() {
			r := rand.New(rand.NewPCG(3, uint64(i)))
			for time.Since(began) < turn && ctx.Err() == nil {
				if err := b.change(ctx, i, r); err != nil {
					failed.Store(&err)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return int(done.Load()), ctx.Err()
}

// batch creates many users in one command and opens the directory again.
func (b *bench) batch(ctx context.Context, n int) error {
	w := writer{b.t.Seed, n}
	began := time.Now()
	_, err := b.s.directory.Update(ctx, directory.Cause{Command: "user add"}, func(tx *directory.Tx) error {
		r := rand.New(rand.NewPCG(4, 4))
		if err := w.command(1)(tx); err != nil {
			return err
		}
		for i := range n {
			if err := tx.CreateUser(w.fields(fmt.Sprint("many", i), r)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	took := time.Since(began)
	if err := b.s.store.Snapshot(ctx); err != nil { // waits for the database
		return err
	}
	followed := time.Since(began)
	if err := b.s.close(); err != nil {
		return err
	}
	began = time.Now()
	if b.s, err = openState(ctx, b.dir, silent(), time.Now); err != nil {
		return err
	}
	b.r.rounds++
	b.r.acknowledged++
	b.r.note("%d users in one command: %v, in the database and a snapshot after %v, next start %v", n,
		took.Round(10*time.Millisecond), followed.Round(10*time.Millisecond), time.Since(began).Round(10*time.Millisecond))
	return nil
}
