package store

import "github.com/gatepost/gatepost/internal/directory"

// room waits until the database is not too far behind the journal. It returns
// why it will never be, if the follower gave up.
func (s *Store) room() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.backlog > maxBacklog && s.failure == nil {
		s.changed.Wait()
	}
	return s.failure
}

// enqueue hands a durable batch to the follower.
func (s *Store) enqueue(b *directory.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, b)
	s.backlog += sizeOf(b)
	for _, e := range b.Entries {
		for _, c := range e.Changes {
			s.pending[string(c.Key)] = pending{c.Value, e.Revision}
		}
	}
	s.changed.Broadcast()
}

// follow is the follower: it takes batches into the database until the store is
// closed and nothing waits, or until that fails.
func (s *Store) follow() {
	defer close(s.done)
	for {
		b := s.next()
		if b == nil {
			return
		}
		if err := s.database.apply(b); err != nil {
			s.giveUp(b, err)
			return
		}
		s.applied(b)
	}
}

// next waits for a batch; nil: the store is closed.
func (s *Store) next() *directory.Batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) == 0 && !s.closing {
		s.changed.Wait()
	}
	if len(s.queue) == 0 {
		return nil
	}
	return s.queue[0]
}

// applied forgets a batch that the database has.
func (s *Store) applied(b *directory.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue[0] = nil
	s.queue = s.queue[1:]
	s.backlog -= sizeOf(b)
	for _, e := range b.Entries {
		for _, c := range e.Changes {
			if s.pending[string(c.Key)].revision == e.Revision {
				delete(s.pending, string(c.Key))
			}
		}
	}
	s.changed.Broadcast()
}

// giveUp ends following. Nothing is lost: the journal has it, and the next start
// takes it in. Until then changes are refused.
func (s *Store) giveUp(b *directory.Batch, err error) {
	s.log.Error("the database cannot be written: changes are refused until a restart; nothing that was acknowledged is lost",
		"revision", b.Revision(), "err", err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err
	s.changed.Broadcast()
}

// Failure returns why changes are refused, or nil.
func (s *Store) Failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}

func sizeOf(b *directory.Batch) (n int) {
	for _, e := range b.Entries {
		for _, c := range e.Changes {
			n += len(c.Key) + len(c.Value)
		}
	}
	return n
}
