package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
)

// watching is the pause of who looks what is served.
const watching = 2 * time.Millisecond

// tellServed tells what a directory serves that was just opened: "f revision
// fingerprint" for all of it, and for each writer "s writer command", the last
// command that can be seen. It returns the latter.
func (s *state) tellServed(ctx context.Context, writers int, answers io.Writer) ([]uint64, error) {
	records, err := s.records(ctx)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(answers, "f %d %s\n", s.directory.Revision(), fingerprint(records))
	seen := make([]uint64, writers)
	for w := range seen {
		if seen[w], err = s.seen(ctx, writer{number: w}); err != nil {
			return nil, err
		}
		if seen[w] > 0 {
			fmt.Fprintf(answers, "s %d %d\n", w, seen[w])
		}
	}
	return seen, nil
}

// watch tells, while commands are given, what others see of them: "v writer
// command" for each that has become visible.
func watch(ctx context.Context, s *state, seen []uint64, answers io.Writer) {
	for ; ctx.Err() == nil; pause(ctx, watching) {
		for w, before := range seen {
			k, err := s.seen(ctx, writer{number: w})
			switch {
			case err != nil && ctx.Err() == nil:
				fmt.Fprintf(answers, "t %.300q\n", err)
			case k > before:
				seen[w] = k
				fmt.Fprintf(answers, "v %d %d\n", w, k)
			}
		}
	}
}

// seen returns a writer's last command as others see it: the policy door whether
// there is the user who counts, an administrator what it shows. 0: none yet.
func (s *state) seen(ctx context.Context, w writer) (k uint64, err error) {
	counter := w.user("counter")
	if !s.directory.View().User(mailaddr.KeyOf(counter)).Exists() {
		return 0, nil
	}
	u, err := s.directory.ReadUser(ctx, counter)
	if err != nil {
		return 0, fmt.Errorf("%s is in memory, and cannot be read: %w", counter.Unicode(), err)
	}
	if _, err := fmt.Sscanf(u.DisplayName, counted, &k); err != nil {
		return 1, nil // as the first command made it
	}
	return k, nil
}

// served is what processes have shown that died: the fingerprint of the records
// at a revision, and the newest command of each writer.
type served struct {
	records  map[directory.Revision]string
	commands map[int]uint64
}

func newServed(answers []answer) (*served, error) {
	s := &served{map[directory.Revision]string{}, map[int]uint64{}}
	for _, a := range answers {
		switch a.kind {
		case 'f':
			if other, again := s.records[a.revision]; again && other != a.reason {
				return nil, fmt.Errorf("two processes served different records at revision %d", a.revision)
			}
			s.records[a.revision] = a.reason
		case 's', 'v':
			s.commands[a.writer] = max(s.commands[a.writer], a.k)
		}
	}
	return s, nil
}

// compare compares what was served at a revision with what was right.
func (s *served) compare(revision directory.Revision, right *table) error {
	shown, was := s.records[revision]
	if was && shown != fingerprint(right.values) {
		return fmt.Errorf("what was served at revision %d is not what the journal makes", revision)
	}
	delete(s.records, revision)
	return nil
}

// gone returns what was served and is not there any more: last is the end of the
// journal, and done what it has of each writer.
func (s *served) gone(last directory.Revision, done map[int]uint64) error {
	for revision := range s.records {
		return fmt.Errorf("revision %d was served, and the journal ends at %d", revision, last)
	}
	for w, k := range s.commands {
		if done[w] < k {
			return fmt.Errorf("command %s was visible, and the journal has only %s", name(w, k), name(w, done[w]))
		}
	}
	return nil
}
