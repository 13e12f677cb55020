package store

import (
	"bytes"
	"io"
	"slices"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/journal"
)

// A large batch, such as that of a million users, is never a second time in
// memory: it is encoded into the journal piece by piece, and what the database
// does not have of it yet is found in the batch itself, since a directory sorts
// the changes of an entry.

const (
	largeChanges = 10_000    // so many make a batch a large one
	passOnAt     = 128 << 10 // bytes that an encoder gathers for its writer

	// A frame of the journal has room for the largest command and what says who
	// gave it; it does not compile when it has not.
	_ = uint(journal.MaxPayload - directory.MaxEntry - 1<<16)
)

func isLarge(b *directory.Batch) bool {
	n := 0
	for _, e := range b.Entries {
		n += e.Len()
	}
	return n >= largeChanges
}

func isSorted(b *directory.Batch) bool {
	return !slices.ContainsFunc(b.Entries, func(e directory.Entry) bool {
		return !slices.IsSortedFunc(e.Changes, func(a, b directory.Change) int { return bytes.Compare(a.Key, b.Key) })
	})
}

// encodeOrCount encodes a batch, or counts the bytes of a large one.
func encodeOrCount(b *directory.Batch) (payload []byte, size int) {
	if isLarge(b) {
		var n counter
		_ = encodeTo(&n, b) // it never fails
		return nil, int(n)
	}
	payload = encodeBatch(b)
	return payload, len(payload)
}

// append appends what encodeOrCount returned.
func (s *Store) append(b *directory.Batch, payload []byte, size int) error {
	last := uint64(b.Revision())
	if payload != nil {
		return s.journal.Append(last, payload)
	}
	return s.journal.AppendFrom(last, size, func(w io.Writer) error { return encodeTo(w, b) })
}

// encodeTo writes what encodeBatch returns.
func encodeTo(out io.Writer, b *directory.Batch) error {
	w := encoder{b: make([]byte, 0, 2*passOnAt), out: out}
	w.batch(b)
	w.passOn(0)
	return w.err
}

// passOn gives the writer what was gathered, if it is so much.
func (w *encoder) passOn(most int) {
	if w.out == nil || len(w.b) < most {
		return
	}
	if w.err == nil {
		_, w.err = w.out.Write(w.b)
	}
	w.b = w.b[:0]
}

// counter counts what is written.
type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

// waiting returns the newest change of a name that the database does not have
// yet, if there is one.
func (s *Store) waiting(key []byte) (newest pending, found bool) {
	s.mu.Lock()
	large := slices.Clone(s.large)
	newest, found = s.pending[string(key)]
	s.mu.Unlock()
	for _, b := range large {
		for _, e := range b.Entries {
			c, there := e.Find(key)
			if there && (!found || e.Revision > newest.revision) {
				newest, found = pending{c.Value, e.Revision}, true
			}
		}
	}
	return newest, found
}
