package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/store"
)

// specimens makes three: one of a daemon that was stopped, one of a daemon that
// was killed, and one of a daemon that was killed and had pruned its journal.
func specimens(ctx context.Context, t *torture) ([]*specimen, error) {
	stopped := &specimen{name: "stopped", dir: filepath.Join(t.Dir, "stopped")}
	killed := &specimen{name: "killed", dir: filepath.Join(t.Dir, "killed")}
	pruned := &specimen{name: "killed, and had pruned", dir: filepath.Join(t.Dir, "pruned")}
	work := filepath.Join(t.Dir, "specimen")
	young := &history{t: t, dir: work, step: 0}
	if err := young.lives(ctx, 3, killed); err != nil { // more than one table, more than one snapshot
		return nil, err
	}
	if err := young.keep(stopped); err != nil {
		return nil, err
	}
	stopped.want = killed.want
	old := &history{t: t, dir: work, step: 2 * retention}
	if err := old.lives(ctx, 5, pruned); err != nil { // the first two of them are pruned
		return nil, err
	}
	all := []*specimen{stopped, killed, pruned}
	for _, sp := range all {
		if err := sp.foresee(ctx, work); err != nil {
			return nil, fmt.Errorf("of a daemon that was %s, and not damaged: %w", sp.name, err)
		}
	}
	if had, later := pruned.want[0].First, pruned.want[1].First; had < 2 || later <= had {
		return nil, fmt.Errorf("nothing was pruned: the journal began with %d, and then with %d", had, later)
	}
	return all, nil
}

// history is how a specimen comes about.
type history struct {
	t    *torture
	dir  string
	step time.Duration // of the clock, from one life to the next
	k    [3]uint64     // of each writer, its last command; not the one who makes crowds
	now  time.Time
}

// lives lets a directory be opened and closed so often, and keeps of the last time
// what a kill leaves.
func (h *history) lives(ctx context.Context, n int, last *specimen) error {
	if err := os.RemoveAll(h.dir); err != nil { // another's
		return err
	}
	for h.now = epoch; n > 0; n-- {
		if err := h.live(ctx, last); err != nil {
			return err
		}
		h.now = h.now.Add(h.step)
	}
	return nil
}

// live opens the state directory, gives commands, does what a daemon does every
// hour, keeps it as it stands, and closes it.
func (h *history) live(ctx context.Context, sp *specimen) error {
	s, err := openState(ctx, h.dir, silent(), func() time.Time { return h.now })
	if err != nil {
		return err
	}
	if err := h.commands(ctx, s); err != nil {
		return err
	}
	if err := errors.Join(s.store.SaveUsage(usage(50)), s.store.Snapshot(ctx)); err != nil { // waits for the database
		return err
	}
	if _, err := s.store.Prune(ctx, retention, h.now); err != nil {
		return err
	}
	if err := sp.expect(ctx, s); err != nil {
		return err
	}
	return errors.Join(h.keep(sp), s.close())
}

func (h *history) commands(ctx context.Context, s *state) error {
	for range 60 {
		for i := range h.k {
			h.k[i]++
			w := writer{h.t.Seed, i + 1}
			_, err := s.directory.Update(ctx, directory.Cause{Request: name(w.number, h.k[i])}, w.command(h.k[i]))
			if err != nil && !refused(err) {
				return err
			}
		}
	}
	return nil
}

// keep makes the specimen of what is there now.
func (h *history) keep(sp *specimen) error {
	sp.now = h.now.Add(2 * retention)
	return copyState(sp.dir, h.dir)
}

// expect notes what has to be seen.
func (sp *specimen) expect(ctx context.Context, s *state) error {
	records, err := s.records(ctx)
	if err != nil {
		return err
	}
	want := sight{Fingerprint: fingerprint(records), Records: len(records), Revision: s.directory.Revision(), Usage: map[string]int64{}}
	left, err := s.store.Verify(ctx)
	if err != nil {
		return err
	}
	want.First = left.First
	sp.want = []sight{want}
	return s.store.LoadUsage(ctx, func(u store.Usage) { want.Usage[u.Address] = u.Usage.Bytes })
}
