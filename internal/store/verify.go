package store

import (
	"context"
	"fmt"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/journal"
)

// Verified is what Verify has found to be intact.
type Verified struct {
	First, Last directory.Revision // the changes; 0: none was ever made
	Chain       journal.Chain      // the hash that stands for all of them
}

// Verify reads the whole journal, up to what is durable when it is called, and
// compares every byte with the hash chain, and that every change can be read. A
// *journal.DamageError names the segment and the byte where it is not what was
// written. Changes go on meanwhile.
func (s *Store) Verify(ctx context.Context) (Verified, error) {
	v, err := s.written().Verify(s.durable.Load(), func(first, last uint64, payload []byte) error {
		b, err := decodeBatch(payload)
		if err == nil && uint64(b.Revision()) != last {
			err = errBatch
		}
		if err != nil {
			return fmt.Errorf("journal entry %d: %w", first, err)
		}
		return ctx.Err()
	})
	if err != nil {
		return Verified{}, fmt.Errorf("verify the audit trail: %w", err)
	}
	return Verified{directory.Revision(v.First), directory.Revision(v.Last), v.Chain}, nil
}
