package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/journal"
)

// Every second state directory has a clock that goes fast. A process lives for
// some days, in which its journal gets a new segment each day; so does the next
// one. Between rounds a retention passes. So changes of earlier rounds are pruned
// while this one's are made, and never one of this round: the model has yet to see
// it.
const (
	day       = 24 * time.Hour
	daily     = 40 * time.Millisecond // how long a day takes
	lifespan  = 3 * day               // how far a process's clock goes
	retention = 10 * day              // as audit.retention says it: more than all lives of a round
)

// prunes gives every second state directory a clock.
func (v *victim) prunes(rounds int) {
	if rounds/lifetime%2 == 0 {
		v.now = epoch
	}
}

// later is when the next process begins.
func (v *victim) later() {
	if !v.now.IsZero() {
		v.now = v.now.Add(lifespan)
	}
}

// rest lets what there is get old.
func (v *victim) rest() {
	if !v.now.IsZero() {
		v.now = v.now.Add(retention)
	}
}

// pruning is what became of the oldest changes.
type pruning struct {
	first   uint64 // the first change that is left
	rounds  int    // in which some were pruned
	changes uint64 // how many were
	halves  int    // rounds that ended while segments were removed
}

// see looks at what a round has left.
func (p *pruning) see(left journal.Verified) {
	if left.First > max(p.first, 1) {
		p.rounds++
		p.changes += left.First - max(p.first, 1)
		p.first = left.First
	}
	if left.Anchor.First > left.First {
		p.halves++
	}
}

func (p *pruning) add(q pruning) {
	p.rounds, p.changes, p.halves = p.rounds+q.rounds, p.changes+q.changes, p.halves+q.halves
}

func (p *pruning) tell(r *result) {
	r.note("%d changes were pruned in %d rounds; %d rounds ended in the middle of it", p.changes, p.rounds, p.halves)
}

// auditVerify starts the real gatepostd over a state directory whose journal was
// pruned, and asks for gatepostctl audit verify.
func auditVerify(ctx context.Context, t *torture, state string, last directory.Revision) error {
	p := &programs{dir: filepath.Join(t.Dir, "verify"), state: state}
	if err := p.build(ctx); err != nil {
		return err
	}
	if err := p.start(ctx); err != nil {
		return err
	}
	said, err := p.run(ctx, "--json", "audit", "verify")
	if stopErr := p.server.Stop(); err == nil {
		err = stopErr
	}
	if err != nil {
		return err
	}
	var v struct {
		First, Last uint64
		Begins      string
	}
	if err := json.Unmarshal([]byte(said), &v); err != nil {
		return fmt.Errorf("%s: %w", said, err)
	}
	if v.First < 2 || v.Last != uint64(last) || v.Begins != "pruned" {
		return fmt.Errorf("audit verify says %s of a journal that was pruned and ends at %d", said, last)
	}
	return nil
}
