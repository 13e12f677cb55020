package directory

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Store keeps the directory durably. Its methods may be called from several
// goroutines, except Commit, which only the committer calls.
type Store interface {
	// Load calls apply for every record, in any order and from several
	// goroutines at the same time, and returns the revision of the newest. It
	// fails rather than leaving anything out. Key and value are valid only
	// during the call. ErrStartOver says that what it gave was not all right and
	// has been repaired: forget it and load again.
	Load(ctx context.Context, apply func(key, value []byte) error) (Revision, error)

	// Commit makes a batch durable: all of it or nothing. ErrUnknown says that
	// it may or may not be durable; any other error that it is not.
	Commit(ctx context.Context, b *Batch) error

	// Read returns the full value of key as it stands at the revision atLeast
	// or later, or ErrNotFound.
	Read(ctx context.Context, key []byte, atLeast Revision) ([]byte, error)

	// Follow calls apply for batches that others committed after the revision
	// named. A store that only this process writes returns nil at once.
	Follow(ctx context.Context, after Revision, apply func(*Batch) error) error
}

// ErrStartOver is returned by [Store.Load].
var ErrStartOver = errors.New("the store was repaired while it was read")

// Batch is a number of commands that become durable together.
type Batch struct {
	Entries []Entry
	Records uint64 // how many records there are after the batch
}

// Revision returns the revision of the batch's last entry.
func (b *Batch) Revision() Revision { return b.Entries[len(b.Entries)-1].Revision }

// Restores reports whether one of the batch's commands made the directory what a
// backup was.
func (b *Batch) Restores() bool {
	return slices.ContainsFunc(b.Entries, func(e Entry) bool { return e.Restores })
}

// Entry is what one command changed.
type Entry struct {
	Revision Revision
	Time     time.Time
	Cause    Cause
	Changes  []Change
	Users    []*Users // changes too, of very many users that were created; see All
	Restores bool     // by Tx.Restore; said to Commit only, so a store need not keep it
}

// Change is one record's new content.
type Change struct {
	Key      []byte
	Previous Revision // of the record it replaces; 0: there was none
	Value    []byte   // the whole record; nil: deleted
}

// Cause says who changed something, and with what.
type Cause struct {
	UID, PID uint32 // of the peer, by SO_PEERCRED
	Actor    string // its name
	Command  string // from the command table
	Request  string // the request's id in the log
	Reason   string // in the administrator's words; "": none was given
}
