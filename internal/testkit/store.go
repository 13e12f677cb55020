// Package testkit is what tests of several rooms share: a store in memory and
// the standard directory, with a user for each state. Only _test.go files
// import it.
package testkit

import (
	"bytes"
	"context"
	"sync"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/quota"
)

// Store is a directory.Store in memory. The zero Store is empty and ready.
type Store struct {
	// Fail, when set, is asked before each commit; what it returns is the
	// commit's error and nothing is stored.
	Fail func(*directory.Batch) error

	mu       sync.Mutex // guards the fields below
	revision directory.Revision
	values   map[string][]byte // whole records by name
	batches  []*directory.Batch
}

// Load calls apply for every record.
func (s *Store) Load(_ context.Context, apply func(key, value []byte) error) (directory.Revision, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, value := range s.values {
		if err := apply([]byte(key), value); err != nil {
			return 0, err
		}
	}
	return s.revision, nil
}

// Commit keeps the batch.
func (s *Store) Commit(_ context.Context, b *directory.Batch) error {
	if s.Fail != nil {
		if err := s.Fail(b); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		s.values = map[string][]byte{}
	}
	for _, e := range b.Entries {
		for c := range e.All() {
			if c.Value == nil {
				delete(s.values, string(c.Key))
			} else {
				s.values[string(c.Key)] = bytes.Clone(c.Value)
			}
		}
	}
	s.revision = b.Revision()
	s.batches = append(s.batches, b)
	return nil
}

// Read returns the value of key.
func (s *Store) Read(_ context.Context, key []byte, _ directory.Revision) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok := s.values[string(key)]
	if !ok {
		return nil, directory.ErrNotFound
	}
	return bytes.Clone(value), nil
}

// Follow returns at once: nobody else writes a Store.
func (s *Store) Follow(context.Context, directory.Revision, func(*directory.Batch) error) error {
	return nil
}

// Batches returns what was committed.
func (s *Store) Batches() []*directory.Batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*directory.Batch(nil), s.batches...)
}

func newLedger() *quota.Ledger { return &quota.Ledger{} }
