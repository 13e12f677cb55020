package store

import (
	"context"
	"fmt"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/journal"
)

// Verify reads the whole journal, up to what is durable when it is called, and
// compares every byte with the hash chain, and that every change can be read. A
// *journal.DamageError names the segment and the byte where it is not what was
// written. Its zero value is the answer when there was never a change. Changes
// go on meanwhile.
func (s *Store) Verify(ctx context.Context) (journal.Verified, error) {
	return s.VerifyTo(ctx, s.Revision())
}

// VerifyTo is Verify up to the change that made a revision, which must be
// durable: the chain value that it returns is what an earlier Verify returned
// when that was the last one. journal.ErrPruned: it is not there any more.
func (s *Store) VerifyTo(ctx context.Context, r directory.Revision) (journal.Verified, error) {
	v, err := s.written().Verify(uint64(r), func(first, last uint64, payload []byte) error {
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
		return journal.Verified{}, fmt.Errorf("verify the audit trail: %w", err)
	}
	return v, nil
}
