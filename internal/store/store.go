// Package store keeps the directory durably in an embedded Badger database,
// behind [directory.Store].
//
// A batch is one Badger transaction, synced before Commit returns: all of it is
// there after a crash, or nothing. With every commit goes a head: the revision
// and the number of records. Every value ends with a CRC-32C over its key and
// its bytes.
//
// Badger was measured to skip keys without an error when a table is damaged, so
// nothing that its iterator says is believed: [Store.Load] checks each value,
// counts them and compares with the head. What does not fit stops the start,
// with words; a partial directory would bounce somebody's mail.
//
// Keys: "d/" and a name for the directory's records, "u/" and an address for
// usage (telemetry: not part of the directory, its revision or its count),
// "m/head" for the head.
//
// Every value stays below Badger's value threshold, so nothing lives in its
// value log, whose sync errors are only logged. All methods may be called from
// any goroutine; Commit from one at a time.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"github.com/gatepost/gatepost/internal/directory"
)

const (
	recordPrefix = "d/"
	usagePrefix  = "u/"
	headKey      = "m/head"

	// memTable bounds a transaction: Badger takes 15 % of it in bytes.
	memTable       = 64 << 20
	valueThreshold = 1 << 20
	valueLogFile   = 1 << 20
)

// Options say where a store is.
type Options struct {
	Dir string       // the state directory; the database is in its subdirectory "badger"
	Log *slog.Logger // nil: slog.Default()
}

// Store is an open database.
type Store struct {
	db  *badger.DB
	log *slog.Logger
}

// Open opens the database in o.Dir, or makes it. Only one process can have it
// open.
func Open(o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	dir := filepath.Join(o.Dir, "badger")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the database's directory: %w", err)
	}
	log := o.Log.With("component", "store")
	db, err := badger.Open(badger.DefaultOptions(dir).
		WithSyncWrites(true).
		WithMemTableSize(memTable).
		WithValueThreshold(valueThreshold).
		WithValueLogFileSize(valueLogFile).
		WithNumMemtables(2).WithNumCompactors(2).
		WithCompression(options.None).WithBlockCacheSize(0).
		WithDetectConflicts(true).WithMetricsEnabled(false).WithCompactL0OnClose(false).
		WithChecksumVerificationMode(options.OnBlockRead).
		WithLogger(badgerLog{log}))
	if err != nil {
		return nil, openError(dir, err)
	}
	if err := syncDir(dir); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Store{db: db, log: log}, nil
}

func openError(dir string, err error) error {
	if strings.Contains(err.Error(), "Cannot acquire directory lock") {
		return fmt.Errorf("open the database in %s: another gatepostd is using it: %w", dir, err)
	}
	return fmt.Errorf("open the database in %s: %w", dir, err)
}

// syncDir makes the names of new files durable; Badger does not.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// Load calls apply for every record and returns the revision. It fails when a
// value is damaged, when apply fails, and when there are not as many records as
// the last commit left.
func (s *Store) Load(ctx context.Context, apply func(key, value []byte) error) (directory.Revision, error) {
	var h head
	err := s.db.View(func(txn *badger.Txn) (err error) {
		if h, err = readHead(txn); err != nil {
			return err
		}
		n, err := each(ctx, txn, recordPrefix, apply)
		if err == nil && n != h.records {
			err = fmt.Errorf("the database holds %d records, but the last commit (revision %d) left %d: it is damaged; "+
				"restore it from a backup, do not go on with what is left", n, h.revision, h.records)
		}
		return err
	})
	return h.revision, err
}

// each calls apply for the values under a prefix and returns how many there are.
func each(ctx context.Context, txn *badger.Txn, prefix string, apply func(key, value []byte) error) (uint64, error) {
	o := badger.DefaultIteratorOptions
	o.Prefix = []byte(prefix)
	it := txn.NewIterator(o)
	defer it.Close()
	var n uint64
	for it.Rewind(); it.Valid(); it.Next() {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		key := it.Item().Key()
		err := it.Item().Value(func(sealed []byte) error {
			value, err := unseal(key, sealed)
			if err != nil {
				return err
			}
			return apply(key[len(prefix):], value)
		})
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// Commit writes the batch in one synced transaction. ErrUnknown says that it
// may have become durable: Badger failed while it wrote.
func (s *Store) Commit(_ context.Context, b *directory.Batch) error {
	txn := s.db.NewTransaction(true)
	defer txn.Discard()
	for _, entry := range b.Entries {
		for _, c := range entry.Changes {
			if err := write(txn, c); err != nil {
				return refusal(err)
			}
		}
	}
	h := head{revision: b.Revision(), records: b.Records}
	if err := txn.Set([]byte(headKey), seal([]byte(headKey), h.encode())); err != nil {
		return refusal(err)
	}
	if err := txn.Commit(); err != nil {
		return &directory.Error{Code: directory.CodeUnknown, Detail: "the change may or may not be stored", Err: err}
	}
	return nil
}

func write(txn *badger.Txn, c directory.Change) error {
	key := append([]byte(recordPrefix), c.Key...)
	if c.Value == nil {
		return txn.Delete(key)
	}
	return txn.Set(key, seal(key, c.Value))
}

// refusal turns an error from before the commit into the answer: nothing was
// stored.
func refusal(err error) error {
	if errors.Is(err, badger.ErrTxnTooBig) {
		return &directory.Error{Code: directory.CodeInvalid, Detail: "too many changes at once; do them in several parts", Err: err}
	}
	return &directory.Error{Code: directory.CodeReadOnly, Detail: "the change was not stored", Err: err}
}

// Read returns the value of key, or directory.ErrNotFound. Badger is never
// behind a commit, so atLeast is met always.
func (s *Store) Read(_ context.Context, key []byte, _ directory.Revision) ([]byte, error) {
	full := append([]byte(recordPrefix), key...)
	var value []byte
	err := s.db.View(func(txn *badger.Txn) error {
		v, err := get(txn, full)
		value = v
		return err
	})
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, directory.ErrNotFound
	}
	return value, err
}

// get returns a copy of the checked value of key.
func get(txn *badger.Txn, key []byte) ([]byte, error) {
	item, err := txn.Get(key)
	if err != nil {
		return nil, err
	}
	sealed, err := item.ValueCopy(nil)
	if err != nil {
		return nil, err
	}
	return unseal(key, sealed)
}

// Follow returns at once: only this process writes the database.
func (s *Store) Follow(context.Context, directory.Revision, func(*directory.Batch) error) error {
	return nil
}
