package main

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/gatepost/gatepost/internal/directory"
)

// survivor checks a state directory after its process died. Of the answers the
// first certain ones were given for sure before; what the rest promised may be
// there or not. It returns how many of the acknowledged changes are lost.
func survivor(ctx context.Context, dir string, m *model, answers []answer, certain int) (lost int, err error) {
	s, err := openState(ctx, dir, silent(), noon)
	if err != nil {
		return countAcknowledged(answers[:certain]), fmt.Errorf("open: %w", err)
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
	lost, err = promised(answers, certain, names)
	return lost, errors.Join(err, beyond(answers, before, names), m.compare(ctx, s))
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
func promised(answers []answer, certain int, names map[directory.Revision]string) (lost int, err error) {
	for i, a := range answers {
		found, there := names[a.revision]
		switch {
		case a.kind != 'a' || !there && i >= certain:
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
func beyond(answers []answer, before map[int]uint64, names map[directory.Revision]string) error {
	answered := map[string]byte{}
	last := map[int]uint64{}
	maps.Copy(last, before)
	for _, a := range answers {
		answered[name(a.writer, a.k)] = a.kind
		last[a.writer] = max(last[a.writer], a.k)
	}
	for revision, command := range names {
		var w int
		var k uint64
		_, _ = fmt.Sscanf(command, "%d/%d", &w, &k) // replay has read it
		kind, known := answered[command]
		if known && kind != 'a' && kind != 'u' || !known && k != last[w]+1 {
			return fmt.Errorf("change %d is command %s, which nobody was waiting for (answer %q, last answered %d)", revision, command, kind, last[w])
		}
	}
	return nil
}
