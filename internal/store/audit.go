package store

import (
	"context"
	"errors"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/journal"
)

var errEnough = errors.New("enough")

// Audit calls fn for every change after a revision, in order, up to what is
// durable when it is called. On the way the hash chain is verified: an error
// that is not fn's or the context's names the segment and the byte where the
// journal is not what was written. Entries share memory and must not be kept.
func (s *Store) Audit(ctx context.Context, after directory.Revision, fn func(directory.Entry) error) error {
	until := directory.Revision(s.durable.Load())
	if after >= until {
		return nil
	}
	err := replay(s.written(), uint64(after), func(b *directory.Batch) error {
		for _, e := range b.Entries {
			if e.Revision <= after {
				continue
			}
			if err := errors.Join(ctx.Err(), fn(e)); err != nil {
				return err
			}
		}
		if b.Revision() >= until { // what follows may be half written
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// Revision returns the revision of the last durable change.
func (s *Store) Revision() directory.Revision { return directory.Revision(s.durable.Load()) }

// written returns the journal as it can be read now.
func (s *Store) written() *journal.Journal {
	if im := s.image.Load(); im != nil {
		return im.journal
	}
	return s.journal
}
