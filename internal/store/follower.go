package store

import (
	"errors"
	"fmt"

	"github.com/gatepost/gatepost/internal/directory"
)

// room waits until the database is not too far behind the journal. It returns
// why a change that takes so many bytes of the journal is refused, if it is.
func (s *Store) room(bytes int) error {
	if im := s.image.Load(); im != nil {
		return im.reason
	}
	if err := s.disk.room(bytes); err != nil {
		return err
	}
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
	for {
		b := s.next()
		if b == nil {
			return
		}
		err := s.database.apply(b, s.disk.half)
		switch {
		case err == nil:
			s.applied(b)
		case !errors.Is(err, errDiskFull):
			s.giveUp(b, err)
			return
		case !s.waitForRoom(err):
			return // what is not taken in is in the journal
		}
	}
}

// waitForRoom waits until there is room on the disk. It reports false when the
// store is closed before.
func (s *Store) waitForRoom(err error) bool {
	s.log.Error("the disk is full: changes are refused until there is room", "err", err)
	s.fail(err)
	for s.disk.room(0) != nil {
		if !s.sleep() {
			return false
		}
	}
	s.log.Info("there is room on the disk: changes are taken")
	s.fail(nil)
	return true
}

// fail says why changes are refused, or, with nil, that they are not any more.
func (s *Store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err
	s.changed.Broadcast()
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
	s.fail(fmt.Errorf("the database cannot be written until gatepost is restarted: %w", err))
}

// Failure returns why changes are refused, or nil.
func (s *Store) Failure() error {
	if im := s.image.Load(); im != nil {
		return im.reason
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure != nil {
		return s.failure
	}
	return s.disk.room(0)
}

func sizeOf(b *directory.Batch) (n int) {
	for _, e := range b.Entries {
		for _, c := range e.Changes {
			n += len(c.Key) + len(c.Value)
		}
	}
	return n
}
