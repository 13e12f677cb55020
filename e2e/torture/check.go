package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/gatepost/gatepost/internal/directory"
)

// dead is what is known of processes that died.
type dead struct {
	answers []answer
	certain int             // of the answers, how many were given before the end for sure; what the rest promised may be there or not
	waiting map[string]bool // the names of the commands that had no answer yet
}

// wait adds the commands that a process had begun when it died, one for each
// writer: the next after its last answer, or else its first.
func (d *dead) wait(first []uint64, answers []answer) {
	next := slices.Clone(first)
	for _, a := range answers {
		next[a.writer] = max(next[a.writer], a.k+1)
	}
	for w, k := range next {
		d.waiting[name(w, k)] = true
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
	before := m.done
	m.done = map[int]uint64{}
	maps.Copy(m.done, before)
	names, err := m.replay(ctx, s)
	if err != nil {
		return 0, err
	}
	lost, err = d.promised(names)
	return lost, errors.Join(err, d.beyond(names), m.compare(ctx, s))
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
		answered[name(a.writer, a.k)] = a.kind
	}
	for revision, command := range names {
		kind, known := answered[command]
		if known && kind != 'a' && kind != 'u' || !known && !d.waiting[command] {
			return fmt.Errorf("change %d is command %s, which nobody was waiting for (answer %q)", revision, command, kind)
		}
	}
	return nil
}
