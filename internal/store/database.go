package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"github.com/gatepost/gatepost/internal/directory"
)

const (
	memTable       = 16 << 20 // Badger takes 15 % of it in one transaction
	valueThreshold = 1 << 20
	valueLogFile   = 1 << 20

	// A part of a large batch: safely below what a transaction takes, also when
	// its last value is as large as values may be.
	partBytes   = 1 << 20
	partChanges = 5000
)

// database is the Badger database and its head.
type database struct {
	db *badger.DB

	mu   sync.Mutex // held while a batch is taken in, so that a view is between batches
	head head
}

// openDatabase opens the database in dir, or makes it.
func openDatabase(dir string, log *slog.Logger) (*database, error) {
	err := makeDir(dir)
	if err != nil {
		return nil, fmt.Errorf("make the database's directory: %w", err)
	}
	d := &database{}
	err = protect(func() (err error) {
		d.db, err = badger.Open(badgerOptions(dir).WithLogger(badgerLog{log}))
		return err
	})
	if err != nil {
		return nil, openError(dir, err)
	}
	err = errors.Join(syncDir(dir), protect(d.readHead))
	if err != nil {
		return nil, errors.Join(err, d.db.Close())
	}
	return d, nil
}

// badgerOptions are what the database in dir is opened with.
func badgerOptions(dir string) badger.Options {
	return badger.DefaultOptions(dir).
		WithSyncWrites(true).
		WithMemTableSize(memTable).
		WithValueThreshold(valueThreshold).
		WithValueLogFileSize(valueLogFile).
		WithNumMemtables(2).WithNumCompactors(2).
		WithCompression(options.None).WithBlockCacheSize(0).
		WithDetectConflicts(true).WithMetricsEnabled(false).WithCompactL0OnClose(false).
		WithChecksumVerificationMode(options.OnBlockRead)
}

// readHead reads the head that the last commit left.
func (d *database) readHead() error {
	return d.db.View(func(txn *badger.Txn) (err error) {
		d.head, err = readHead(txn)
		return err
	})
}

// openError tells trouble around the database from damage in it: only what is
// damaged is worth rebuilding.
func openError(dir string, err error) error {
	switch {
	case strings.Contains(err.Error(), "Cannot acquire directory lock"):
		return fmt.Errorf("open the database in %s: another gatepostd is using it: %w", dir, err)
	case isFileTrouble(err), errors.Is(err, errDamaged):
		return fmt.Errorf("open the database in %s: %w", dir, err)
	}
	return fmt.Errorf("open the database in %s: %w: %w", dir, errDamaged, err)
}

// makeDir makes a directory for the owner only, durably.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// syncDir makes the names of new files durable; Badger does not.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// apply takes batches in, several small ones at once and large ones in parts, and
// returns how many it has taken in whole. What is there already, from a start that
// was interrupted, is skipped. may is asked before each part; what it fails with
// ends apply, and a later one goes on from there.
func (d *database) apply(batches []*directory.Batch, may func() error) (done int, err error) {
	err = protect(func() (err error) {
		done, err = d.applyAll(batches, may)
		return err
	})
	return done, err
}

func (d *database) applyAll(batches []*directory.Batch, may func() error) (done int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for done < len(batches) {
		if batches[done].Revision() <= d.head.revision {
			done++
			continue
		}
		group := batches[done : done+1] // the rest of it, when a part is there
		if d.head.progress == 0 {
			group = groupOf(batches[done:])
		}
		if err := d.parts(group, may); err != nil {
			return done, err
		}
		done += len(group)
	}
	return done, nil
}

// parts takes in a group, in as many parts as it needs.
func (d *database) parts(group []*directory.Batch, may func() error) error {
	changes := changesOf(group)
	for {
		if err := may(); err != nil {
			return err
		}
		n, err := d.part(changes, group[len(group)-1].Revision())
		if err != nil || n == changes.Len() {
			return err
		}
	}
}

// changes are some changes in their order.
type changes interface {
	Len() int
	At(i int) directory.Change
}

type changeList []directory.Change

func (l changeList) Len() int                  { return len(l) }
func (l changeList) At(i int) directory.Change { return l[i] }

func changesOf(group []*directory.Batch) changes {
	if len(group) == 1 && len(group[0].Entries) == 1 {
		return &group[0].Entries[0] // perhaps a million
	}
	var all changeList
	for _, b := range group {
		for _, e := range b.Entries {
			all = slices.AppendSeq(all, e.All())
		}
	}
	return all
}

// intake gathers the journal's batches for a database, so that many small ones
// cost few syncs.
type intake struct {
	d       *database
	may     func() error
	waiting []*directory.Batch
	size    int
}

func (in *intake) add(b *directory.Batch) error {
	in.waiting = append(in.waiting, b)
	in.size += sizeOf(b)
	if in.size < partBytes {
		return nil
	}
	return in.flush()
}

// flush takes in what waits.
func (in *intake) flush() error {
	_, err := in.d.apply(in.waiting, in.may)
	in.waiting, in.size = nil, 0
	return err
}

// groupOf returns as many of the first batches as one part takes, at least one.
func groupOf(batches []*directory.Batch) []*directory.Batch {
	size, changes := 0, 0
	for i, b := range batches {
		size += sizeOf(b)
		for _, e := range b.Entries {
			changes += e.Len()
		}
		if i > 0 && (size > partBytes || changes > partChanges) {
			return batches[:i]
		}
	}
	return batches
}

// part takes in what fits into one transaction, from the head's progress on, and
// returns how many of the changes are there then.
func (d *database) part(changes changes, last directory.Revision) (int, error) {
	h, size, i := d.head, 0, int(d.head.progress)
	var part changeList
	for i < changes.Len() && size < partBytes && len(part) < partChanges {
		c := changes.At(i)
		part = append(part, c)
		size += len(c.Key) + len(c.Value)
		i++
	}
	h.progress = uint64(i)
	if i == changes.Len() {
		h.revision, h.progress = last, 0
	}
	return i, d.commit(h, part)
}

// commit writes changes in one transaction, and with them the head that is to be:
// its number of records and its digest are still those from before.
func (d *database) commit(h head, part changeList) error {
	txn := d.db.NewTransaction(true)
	defer txn.Discard()
	for _, c := range part {
		if err := h.write(txn, c); err != nil {
			return err
		}
	}
	if err := txn.Set([]byte(headKey), seal([]byte(headKey), h.encode())); err != nil {
		return err
	}
	if err := txn.Commit(); err != nil {
		return err
	}
	d.head = h
	return nil
}

// write writes one change and counts it.
func (h *head) write(txn *badger.Txn, c directory.Change) error {
	key := append([]byte(recordPrefix), c.Key...)
	item, err := txn.Get(key)
	switch {
	case err == nil:
		err = item.Value(func(sealed []byte) error {
			if len(sealed) < sumSize {
				return fmt.Errorf("%w: the value of %.80q is cut", errDamaged, key)
			}
			h.records--
			h.digest -= sealSum(sealed)
			return nil
		})
	case errors.Is(err, badger.ErrKeyNotFound):
		err = nil
	}
	if err != nil {
		return err
	}
	if c.Value == nil {
		return txn.Delete(key)
	}
	sealed := seal(key, c.Value)
	h.records++
	h.digest += sealSum(sealed)
	return txn.Set(key, sealed)
}

// view returns a reading of the database between two batches, and its head.
func (d *database) view() (*badger.Txn, head) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.db.NewTransaction(false), d.head
}

// revision returns up to which change the database has everything.
func (d *database) revision() directory.Revision {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.head.revision
}

// records calls apply for every record of a view, in the order of their keys,
// and compares what it saw with the head. errDamaged: it is not all there.
func records(ctx context.Context, txn *badger.Txn, h head, apply func(key, value []byte) error) error {
	seen, err := keyRange{from: []byte(recordPrefix)}.scan(ctx, txn, apply)
	if err != nil {
		return err
	}
	return seen.compare(h)
}
