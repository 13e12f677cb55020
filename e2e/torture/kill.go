package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/gatepost/gatepost/e2e/volume"
)

const (
	writers = 6
	// lifetime is how many rounds a state directory goes through; then a new one
	// begins, since each round verifies the whole journal.
	lifetime = 10
)

// kills kills writing processes at random moments.
func kills(ctx context.Context, t *torture) *result {
	r := &result{name: "kill -9 under writers"}
	var pruned pruning
	var found finding
	for r.rounds < t.Rounds && ctx.Err() == nil && r.failure == "" {
		v := &victim{t: t, dir: filepath.Join(t.Dir, fmt.Sprint("kill", r.rounds))}
		v.prunes(r.rounds)
		for range min(lifetime, t.Rounds-r.rounds) {
			if ctx.Err() != nil || !v.round(ctx, r, 1, killed) {
				break
			}
		}
		v.end(ctx, r)
		pruned.add(v.pruning)
		found.add(v.finding)
	}
	r.note("%d at the start, before the directory was open", found.early)
	pruned.tell(r)
	return r
}

// killed ends a process by kill -9: all that it said is certain.
func killed(p *process) (certain int, err error) { return len(p.kill()), nil }

// victim is a state directory whose processes die.
type victim struct {
	t     *torture
	dir   string
	disk  *volume.Volume // of its own, or nil
	model *model
	next  []uint64  // for each writer, its next command
	now   time.Time // where the next process's clock begins; zero: nothing gets old
	early bool      // the last process died at its start

	pruning pruning
	finding finding
}

// round lets some processes write, one after the other, each until a random
// moment. All but the last are killed; end takes down the last, and returns how
// many of its answers are certain. Then it checks what is left.
func (v *victim) round(ctx context.Context, r *result, lives int, end func(*process) (certain int, err error)) bool {
	r.rounds++
	if err := v.begin(ctx); err != nil {
		return r.fail("%v", err)
	}
	d := &dead{waiting: map[string]bool{}}
	var err error
	for life := 1; life < lives && err == nil; life++ {
		err = v.live(ctx, d, v.orders(life > 1, true), killed)
		v.finding.killed(v.dir)
	}
	o := v.orders(lives > 1, false)
	if err == nil && lives > 1 {
		o.Full, err = v.full()
	}
	if err == nil {
		err = v.live(ctx, d, o, end)
	}
	if err != nil {
		return ctx.Err() == nil && r.fail("round %d in %s: %v", r.rounds, v.dir, err)
	}
	v.rest()
	return v.check(ctx, r, d)
}

func (v *victim) begin(ctx context.Context) (err error) {
	if v.model == nil {
		v.next = make([]uint64, writers)
		for i := range v.next {
			v.next[i] = 1
		}
		v.model, err = newModel(ctx, v.t.Seed)
	}
	return err
}

// orders are those of the next process. Of those that are killed before others some
// cannot sync any more; of those that follow some only serve, so that no change of
// theirs syncs what they found.
func (v *victim) orders(follows, precedes bool) orders {
	o := orders{Mode: "write", Dir: v.dir, Seed: v.t.Seed, Writers: v.next, Now: v.now}
	switch {
	case precedes && rand.IntN(2) == 0:
		o.Hold = 1 + rand.N(200*time.Millisecond)
	case follows && rand.IntN(2) == 0:
		o.Quiet = longest
	}
	return o
}

// full takes the room of the disk now and then, if there is one to be taken, and
// reports whether it has: then the next process only serves, without its database.
func (v *victim) full() (bool, error) {
	if v.disk == nil || rand.IntN(3) > 0 {
		return false, nil
	}
	return true, v.disk.Take()
}

// live is the life of one process until end takes it down.
func (v *victim) live(ctx context.Context, d *dead, o orders, end func(*process) (int, error)) error {
	p, err := start(ctx, o)
	if err != nil {
		return err
	}
	v.moment(p, o)
	alone := p.hasEnded()
	certain, err := end(p)
	answers := p.kill()
	if alone && err == nil {
		err = fmt.Errorf("a process ended by itself: %.4000s", p.stderr.String())
	}
	v.finding.lived(o, answers[:certain])
	d.take(v.next, answers, certain)
	advance(v.next, answers[:certain])
	v.later()
	return err
}

// longest is for how long a process may live.
const longest = 400 * time.Millisecond

// moment waits for a random moment: in the life of an open directory mostly, now
// and then in its start. A process that cannot sync any more has a moment to
// write what it would sync. Not two in a row die at their start: the store would
// think that it is its database they die of.
func (v *victim) moment(p *process, o orders) {
	v.early = o.Hold == 0 && !v.early && rand.IntN(8) == 0
	if v.early {
		select {
		case <-time.After(rand.N(60 * time.Millisecond)):
			v.finding.early++
		case <-p.opened:
		}
		return
	}
	began, least, most := p.opened, time.Duration(0), longest
	if o.Hold > 0 {
		began, least, most = p.held, 5*time.Millisecond, 20*time.Millisecond
	}
	<-began
	select {
	case <-time.After(least + rand.N(most-least)):
	case <-p.ended:
	}
}

func (v *victim) check(ctx context.Context, r *result, d *dead) bool {
	certain := d.answers[:d.certain]
	r.acknowledged += countAcknowledged(certain)
	for _, a := range certain {
		if a.kind == 't' {
			return r.fail("round %d in %s: %s", r.rounds, v.dir, a.reason)
		}
	}
	lost, err := survivor(ctx, v.dir, v.model, d)
	r.lost += lost
	if err != nil && ctx.Err() == nil {
		return r.fail("round %d in %s: %v", r.rounds, v.dir, err)
	}
	for w, k := range v.model.done {
		v.next[w] = max(v.next[w], k+1)
	}
	v.pruning.see(d.trail)
	v.finding.checked(v.model.directory.Revision())
	return true
}

// end looks at a pruned journal as an administrator does, and removes the state
// directory, unless there is something to see in it.
func (v *victim) end(ctx context.Context, r *result) {
	if r.failure == "" && ctx.Err() == nil && v.pruning.rounds > 0 {
		if err := auditVerify(ctx, v.t, v.dir, v.model.directory.Revision()); err != nil && ctx.Err() == nil {
			r.fail("after round %d in %s: %v", r.rounds, v.dir, err)
		}
	}
	if v.model != nil {
		v.model.close()
	}
	if r.failure == "" {
		_ = os.RemoveAll(v.dir)
	}
}
