package store

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
)

// room waits until the database is not too far behind the journal: at most by
// maxBacklog beyond the batch that it is taking in. It returns why a change that
// takes so many bytes of the journal is refused, if it is.
func (s *Store) room(bytes int) error {
	if im := s.image.Load(); im != nil {
		return im.why()
	}
	if err := s.disk.room(bytes); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.backlog-s.front > maxBacklog && s.failure == nil {
		s.hasten()
		s.changed.Wait()
	}
	return s.failure
}

// enqueue hands a durable batch to the follower.
func (s *Store) enqueue(b *directory.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, b)
	size := sizeOf(b)
	s.backlog += size
	if len(s.queue) == 1 {
		s.front = size
	}
	if isLarge(b) && isSorted(b) {
		s.large = append(s.large, b)
	} else {
		s.note(b)
	}
	s.changed.Broadcast()
}

// note notes what waits for the database.
func (s *Store) note(b *directory.Batch) {
	for _, e := range b.Entries {
		for c := range e.All() {
			s.pending[string(c.Key)] = pending{c.Value, e.Revision}
		}
	}
}

// forget undoes note.
func (s *Store) forget(b *directory.Batch) {
	for _, e := range b.Entries {
		for c := range e.All() {
			if s.pending[string(c.Key)].revision == e.Revision {
				delete(s.pending, string(c.Key))
			}
		}
	}
}

// followEvery is for how long the follower gathers batches. Badger syncs each of
// its transactions, and its syncs delay those of the journal: taking in every
// batch for itself, 64 administrators had half the rate (measured).
const followEvery = 50 * time.Millisecond

// follow is the follower: it takes batches into the database until the store is
// closed and nothing waits, or until that fails. When the store is closed the
// rest of a large batch is left in the journal: it would take too long.
func (s *Store) follow() {
	for {
		batches := s.next()
		if len(batches) == 0 {
			return
		}
		n, err := s.take(batches)
		s.disk.prepare(s.path("badger"))
		s.applied(batches[:n])
		switch {
		case err == nil:
		case errors.Is(err, errClosing):
			return
		case !errors.As(err, new(notYet)):
			s.giveUp(batches[n], err)
			return
		case !s.waitForDisk(err):
			return // what is not taken in is in the journal
		}
	}
}

// take takes batches into the database, a large one behind those who ask and in
// no hurry, a restore into a database of its own, if that can be.
func (s *Store) take(batches []*directory.Batch) (n int, err error) {
	switch i := slices.IndexFunc(batches, replaces); {
	case i > 0:
		batches = batches[:i]
	case i == 0:
		batches = batches[:1]
		switch err := s.takeAnew(batches[0]); {
		case err == nil:
			return 1, nil
		case errors.Is(err, errClosing), s.database == nil:
			return 0, err
		}
	}
	if !slices.ContainsFunc(batches, isLarge) {
		return s.database.apply(batches, s.disk.finish)
	}
	p := &pacer{store: s}
	s.lane.Run(func() { n, err = s.database.apply(batches, p.next) })
	return n, err
}

// errClosing leaves the rest of a large batch to the next start.
var errClosing = errors.New("the store is being closed")

// restFor is how many times as long as a part of a large batch took the follower
// rests after it. What Badger does with the part it does in goroutines of its
// own, in the way of those who answer (measured with a million users at once:
// nine seconds in which p90 was sixty times that of a quiet time).
const restFor = 3

// pacer is asked before each part of a large batch.
type pacer struct {
	store   *Store
	began   time.Time // the part before
	hurried bool      // somebody waits for the database
}

func (p *pacer) next() error {
	if !p.began.IsZero() && !p.hurried {
		select {
		case <-p.store.stop:
		case <-p.store.hurry:
			p.hurried = true
		case <-time.After(restFor * time.Since(p.began)):
		}
	}
	select {
	case <-p.store.stop:
		return errClosing
	default:
	}
	p.began = time.Now()
	return p.store.disk.finish()
}

// waitForDisk waits until the disk takes changes again. It reports false when
// the store is closed before.
func (s *Store) waitForDisk(err error) bool {
	s.log.Error("the disk does not take what is committed: changes are refused until it does", "err", err)
	for ; err != nil; err = s.disk.room(0) {
		s.fail(err)
		if !s.sleep(retryEvery) {
			return false
		}
	}
	s.log.Info("the disk takes changes again")
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

// next waits for batches and a little longer. There are none when the store is
// closed.
func (s *Store) next() []*directory.Batch {
	s.mu.Lock()
	for len(s.queue) == 0 && !s.closing {
		s.changed.Wait()
	}
	s.mu.Unlock()
	select {
	case <-s.hurry:
	case <-s.stop:
	case <-time.After(followEvery):
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return nil
	}
	return slices.Clone(s.queue)
}

// hasten ends the follower's gathering: somebody waits for it.
func (s *Store) hasten() {
	select {
	case s.hurry <- struct{}{}:
	default:
	}
}

// applied forgets the first batches of the queue: the database has them.
func (s *Store) applied(batches []*directory.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range batches {
		s.backlog -= sizeOf(b)
		if i := slices.Index(s.large, b); i >= 0 {
			s.large = slices.Delete(s.large, i, i+1)
		} else {
			s.forget(b)
		}
	}
	s.queue = slices.Delete(s.queue, 0, len(batches))
	s.front = 0
	if len(s.queue) > 0 {
		s.front = sizeOf(s.queue[0])
	}
	s.changed.Broadcast()
}

// giveUp ends following. Nothing is lost: the journal has it, and the next start
// takes it in. Until then changes are refused.
func (s *Store) giveUp(b *directory.Batch, err error) {
	s.log.Error("the database cannot be written: changes are refused until a restart; nothing that was acknowledged is lost",
		"revision", b.Revision(), "err", err)
	s.fail(fmt.Errorf("the database could not be written: check the disk (dmesg) and restart gatepost; nothing that was acknowledged is lost: %w", err))
}

// Failure returns why changes are refused, or nil.
func (s *Store) Failure() error {
	if im := s.image.Load(); im != nil {
		return im.why()
	}
	s.mu.Lock()
	failure := s.failure
	s.mu.Unlock()
	if failure != nil {
		return failure
	}
	return cmp.Or(s.disk.room(0), s.refused.Load().why()) // a disk that hangs must not hold up those who read
}

// refusal is a change that the journal could not take, though the disk takes a byte
// where it has one already: a file must not grow, or none must be made.
type refusal struct {
	err error
	at  time.Time
}

// shownFor is for how long that is said when nobody tries again.
const shownFor = time.Minute

// why returns the reason while it is news; nil: there is none.
func (r *refusal) why() error {
	if r == nil || time.Since(r.at) > shownFor {
		return nil
	}
	return r.err
}

// mayWrite returns why the database is not to be written now, or nil.
func (s *Store) mayWrite() error {
	if err := s.Failure(); err != nil {
		return err
	}
	return s.disk.finish()
}

func sizeOf(b *directory.Batch) (n int) {
	for _, e := range b.Entries {
		for c := range e.All() {
			n += len(c.Key) + len(c.Value)
		}
	}
	return n
}
