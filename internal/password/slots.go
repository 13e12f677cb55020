package password

import (
	"container/list"
	"context"
	"errors"
	"sync"
)

// ErrOverloaded says that too many verifications wait, or that one waited too
// long. It is a temporary failure and says nothing about the password.
var ErrOverloaded = errors.New("too many password verifications at a time")

// slots lets a number of callers run at a time; the others queue in order.
type slots struct {
	hooks      Hooks
	maxWaiting int

	mu      sync.Mutex // guards free, running and queue
	free    int
	running int
	queue   list.List // of chan struct{}, closed when its owner has a slot
}

// acquire takes a slot. Whoever gets nil must release.
func (s *slots) acquire(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	turn, err := s.enter()
	if turn == nil {
		return err
	}
	select {
	case <-turn.Value.(chan struct{}):
		return nil
	case <-ctx.Done():
		s.leave(turn)
		return context.Cause(ctx)
	}
}

// enter takes a free slot, or a place in the queue, which it returns.
func (s *slots) enter() (*list.Element, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.free > 0: // then nobody queues
		s.free--
		s.ran(1)
		return nil, nil
	case s.queue.Len() >= s.maxWaiting:
		return nil, ErrOverloaded
	}
	turn := s.queue.PushBack(make(chan struct{}))
	s.waits()
	return turn, nil
}

// leave gives up a place, or the slot that was granted just before.
func (s *slots) leave(turn *list.Element) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-turn.Value.(chan struct{}):
		s.pass()
	default:
		s.queue.Remove(turn)
		s.waits()
	}
}

func (s *slots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pass()
}

// pass hands a slot to the first in the queue, or puts it back.
func (s *slots) pass() {
	first := s.queue.Front()
	if first == nil {
		s.free++
		s.ran(-1)
		return
	}
	close(s.queue.Remove(first).(chan struct{}))
	s.waits()
}

func (s *slots) ran(change int) {
	s.running += change
	if s.hooks.Running != nil {
		s.hooks.Running(s.running)
	}
}

func (s *slots) waits() {
	if s.hooks.Waiting != nil {
		s.hooks.Waiting(s.queue.Len())
	}
}
