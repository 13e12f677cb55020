package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/journal"
)

// dead is what is known of processes that died.
type dead struct {
	answers []answer
	certain int              // of the answers, how many were given before the end for sure; what the rest promised may be there or not
	waiting map[string]bool  // the names of the commands that had no answer yet
	trail   journal.Verified // what is left of the journal
}

// take adds a process to those that died: the first command of each writer, its
// answers, and how many of these were given before the end for sure.
func (d *dead) take(first []uint64, answers []answer, certain int) {
	d.wait(first, answers)
	d.certain = len(d.answers) + certain
	d.answers = append(d.answers, answers...)
}

// wait adds the commands that a process had begun when it died, one for each
// writer: the next after its last answer, or else its first.
func (d *dead) wait(first []uint64, answers []answer) {
	next := slices.Clone(first)
	advance(next, answers)
	for w, k := range next {
		d.waiting[name(w, k)] = true
	}
}

// advance moves each writer's next command behind those that are settled.
func advance(next []uint64, answers []answer) {
	for _, a := range answers {
		if a.settled() {
			next[a.writer] = max(next[a.writer], a.k+1)
		}
	}
}

// survivor checks a state directory after its processes died. It returns how many
// of the acknowledged changes are lost.
func survivor(ctx context.Context, dir string, m *model, d *dead) (lost int, err error) {
	s, err := openState(ctx, dir, silent(), noon)
	if err != nil {
		return countAcknowledged(d.answers[:d.certain]), fmt.Errorf("open: %w", err)
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if reason := s.store.Rebuilt(); reason != "" {
		return 0, fmt.Errorf("the database had to be rebuilt: %s", reason)
	}
	shown, err := newServed(d.answers[:d.certain])
	if err != nil {
		return 0, err
	}
	names, err := m.replay(ctx, s, shown)
	if err != nil {
		return 0, err
	}
	lost, err = d.promised(names)
	err = errors.Join(err, d.beyond(names), shown.gone(m.directory.Revision(), m.done), m.compare(ctx, s))
	if err == nil {
		d.trail, err = s.store.Verify(ctx)
	}
	return lost, err
}

func countAcknowledged(answers []answer) (n int) {
	for _, a := range answers {
		if a.kind == 'a' {
			n++
		}
	}
	return n
}

// promised compares what the writers were told with the journal.
func (d *dead) promised(names map[directory.Revision]string) (lost int, err error) {
	for i, a := range d.answers {
		found, there := names[a.revision]
		switch {
		case a.kind != 'a' || !there && i >= d.certain:
		case !there:
			lost++
			err = fmt.Errorf("command %s was acknowledged as change %d and is lost", name(a.writer, a.k), a.revision)
		case found != name(a.writer, a.k):
			lost++
			err = fmt.Errorf("change %d is command %s; it was acknowledged to %s", a.revision, found, name(a.writer, a.k))
		}
	}
	return lost, err
}

// beyond checks what is in the journal without an acknowledgement: for each
// writer at most the command that it was waiting for or whose outcome is unknown,
// and nothing that was refused.
func (d *dead) beyond(names map[directory.Revision]string) error {
	answered := map[string]byte{}
	for _, a := range d.answers {
		if a.settled() && a.kind != 's' {
			answered[name(a.writer, a.k)] = a.kind
		}
	}
	for revision, command := range names {
		kind, known := answered[command]
		if known && kind != 'a' && kind != 'u' || !known && !d.waiting[command] {
			return fmt.Errorf("change %d is command %s, which nobody was waiting for (answer %q)", revision, command, kind)
		}
	}
	return nil
}
