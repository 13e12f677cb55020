package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/quota"
)

// steps steps the clock a day, forwards and back, between commands and between
// starts, and looks at what is counted by time.
func steps(ctx context.Context, t *torture) *result {
	r := &result{name: "clock stepped a day, both ways"}
	v := &victim{t: t, dir: filepath.Join(t.Dir, "clock")}
	var clock atomic.Int64
	clock.Store(epoch.Unix())
	now := func() time.Time { return time.Unix(clock.Load(), 0).UTC() }
	step := func() { clock.Add(int64(day/time.Second) * (rand.Int64N(3) - 1)) }
	for r.rounds < t.Steps && ctx.Err() == nil && r.failure == "" {
		r.rounds++
		if err := v.begin(ctx); err != nil {
			r.fail("%v", err)
			break
		}
		step()
		answers, err := v.commands(ctx, now, step)
		if err != nil {
			r.fail("%v", err)
			break
		}
		step()
		d := &dead{waiting: map[string]bool{}}
		d.take(v.next, answers, len(answers))
		advance(v.next, answers)
		v.check(ctx, r, d)
	}
	v.end(ctx, r)
	if err := reservations(); err != nil {
		r.fail("%v", err)
	}
	return r
}

// commands opens the directory and gives commands with steps in between.
func (v *victim) commands(ctx context.Context, now func() time.Time, step func()) (answers []answer, err error) {
	s, err := openState(ctx, v.dir, silent(), now)
	if err != nil {
		return nil, err
	}
	for i := range 60 {
		w := writer{v.t.Seed, i % writers}
		a := answer{kind: 'a', writer: w.number, k: v.next[w.number] + uint64(i/writers)}
		a.revision, err = s.directory.Update(ctx, directory.Cause{Request: name(a.writer, a.k)}, w.command(a.k))
		if err != nil && !refused(err) {
			return answers, err
		}
		if err != nil {
			a.kind = 'r'
		}
		answers = append(answers, a)
		step()
	}
	return answers, s.close()
}

// reservations checks that mail in flight counts while it is young, and that a
// step never makes a mailbox emptier than empty or keeps mail in flight that
// Dovecot has reported.
func reservations() error {
	const limit, size = 1000, 600
	for _, step := range []time.Duration{-day, 0, day} {
		var l quota.Ledger
		m := l.Open()
		l.Report(m, 100, 1, epoch)
		if _, fit := l.Reserve(m, size, limit, epoch); fit != quota.Fits {
			return fmt.Errorf("%d bytes of %d do not fit beside 100: %v", size, limit, fit)
		}
		now := epoch.Add(step)
		if flight := l.Flight(m, now); flight < 0 || flight > size || step == 0 && flight != size {
			return fmt.Errorf("%d bytes in flight after a step of %v, want at most %d", flight, step, size)
		}
		second, fit := l.Reserve(m, size, limit, now)
		if fit == quota.Full {
			return fmt.Errorf("mail in flight counts as stored after a step of %v", step)
		}
		second.Release()
		if step >= 0 && !l.Report(m, 100+size, 2, now) {
			return fmt.Errorf("a report is dropped after a step of %v", step)
		}
		if flight := l.Flight(m, now); step >= 0 && flight != 0 {
			return fmt.Errorf("%d bytes are in flight after they were reported and a step of %v", flight, step)
		}
	}
	return nil
}
