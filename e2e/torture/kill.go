package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
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
	for r.rounds < t.Rounds && ctx.Err() == nil && r.failure == "" {
		victim := &victim{t: t, dir: filepath.Join(t.Dir, fmt.Sprint("kill", r.rounds))}
		for range min(lifetime, t.Rounds-r.rounds) {
			if ctx.Err() != nil || !victim.round(ctx, r, nil) {
				break
			}
		}
		victim.end(r)
	}
	r.note("%d at the start, before the directory was open", r.early)
	return r
}

// victim is a state directory whose processes die.
type victim struct {
	t     *torture
	dir   string
	model *model
	next  []uint64 // for each writer, its next command
}

// round lets a process write until a random moment, takes it down, and checks
// what is left. cut, if there is one, is called at that moment, and returns how
// many answers are certain.
func (v *victim) round(ctx context.Context, r *result, cut func(*process) (int, error)) bool {
	r.rounds++
	if err := v.begin(ctx); err != nil {
		return r.fail("%v", err)
	}
	p, err := start(ctx, orders{Mode: "write", Dir: v.dir, Seed: v.t.Seed, Writers: v.next})
	if err != nil {
		return r.fail("%v", err)
	}
	v.moment(p, r)
	certain := -1
	if cut != nil {
		certain, err = cut(p)
	}
	answers := p.kill()
	if cut == nil {
		certain = len(answers)
	}
	if err != nil {
		return r.fail("%v", err)
	}
	return v.check(ctx, r, p, answers, certain)
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

// moment waits for a random moment: in the life of an open directory mostly, now
// and then in its start.
func (v *victim) moment(p *process, r *result) {
	if rand.IntN(8) == 0 {
		select {
		case <-time.After(time.Duration(rand.IntN(60)) * time.Millisecond):
			r.early++
		case <-p.opened:
		}
		return
	}
	<-p.opened
	select {
	case <-time.After(time.Duration(rand.IntN(400)) * time.Millisecond):
	case <-p.ended:
	}
}

func (v *victim) check(ctx context.Context, r *result, p *process, answers []answer, certain int) bool {
	r.acknowledged += countAcknowledged(answers[:certain])
	d := &dead{answers: answers, certain: certain, waiting: map[string]bool{}}
	d.wait(v.next, answers)
	lost, err := survivor(ctx, v.dir, v.model, d)
	r.lost += lost
	if err != nil && ctx.Err() == nil {
		return r.fail("round %d in %s: %v\nthe process said:\n%.4000s", r.rounds, v.dir, err, p.stderr.String())
	}
	for _, a := range answers {
		v.next[a.writer] = max(v.next[a.writer], a.k+1)
	}
	for w, k := range v.model.done {
		v.next[w] = max(v.next[w], k+1)
	}
	return true
}

// end removes the state directory, unless there is something to see in it.
func (v *victim) end(r *result) {
	if v.model != nil {
		v.model.close()
	}
	if r.failure == "" {
		_ = os.RemoveAll(v.dir)
	}
}
