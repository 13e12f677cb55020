package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/journal"
)

const (
	// retryEvery is how often a store looks at its disk, and one that cannot
	// write whether it can again.
	retryEvery = 250 * time.Millisecond

	// reopenEvery bounds the time between two attempts to open a database, each
	// of which reads all of it.
	reopenEvery = 5 * time.Second
)

// image is the directory without the database: read from the newest snapshot
// that verifies and the journal behind it, when the database cannot be opened
// because of the disk. It is complete, and it does not change.
type image struct {
	reason   atomic.Pointer[error] // why there is no database
	journal  *journal.Journal      // read-only: it needs no closing
	values   map[string][]byte
	revision directory.Revision
}

// degrade makes the image, or fails with the reason when there is nothing to
// make it from.
func (s *Store) degrade(reason error) error {
	im := &image{values: map[string][]byte{}}
	im.setReason(reason)
	if err := s.imagine(im); err != nil {
		return fmt.Errorf("%w; and what snapshots and journal hold cannot be served instead: %w", reason, err)
	}
	s.durable.Store(uint64(im.revision))
	s.image.Store(im)
	s.log.Error("the database is not opened: what snapshots and journal hold is served, and changes are refused", "revision", im.revision, "err", reason)
	return nil
}

// setReason says why there is no database, now.
func (im *image) setReason(err error) { im.reason.Store(&err) }

// why returns why there is no database.
func (im *image) why() error { return *im.reason.Load() }

// imagine fills an image.
func (s *Store) imagine(im *image) (err error) {
	w, err := s.witnessed()
	if err != nil {
		return err
	}
	im.journal, err = journal.Open(journal.Options{Dir: s.path("journal"), ReadOnly: true, Known: w.known(), Unsure: w.unsure(), Sync: s.sync, Log: s.log})
	if err != nil {
		return err
	}
	if err := s.fill(im.journal, im.apply); err != nil {
		return err
	}
	if last := im.journal.Next() - 1; last == 0 || uint64(im.revision) != last {
		return fmt.Errorf("the snapshot has changes up to %d, and the journal up to %d", im.revision, last)
	}
	return nil
}

// apply takes a batch in.
func (im *image) apply(b *directory.Batch) error {
	for _, e := range b.Entries {
		for _, c := range e.Changes {
			if c.Value == nil {
				delete(im.values, string(c.Key))
			} else {
				im.values[string(c.Key)] = bytes.Clone(c.Value)
			}
		}
	}
	im.revision = b.Revision()
	return nil
}

// read returns the value of key, or directory.ErrNotFound.
func (im *image) read(key []byte) ([]byte, error) {
	if value, ok := im.values[string(key)]; ok {
		return value, nil
	}
	return nil, directory.ErrNotFound
}

// records calls apply for every record.
func (im *image) records(ctx context.Context, apply func(key, value []byte) error) error {
	for key, value := range im.values {
		if err := errors.Join(ctx.Err(), apply([]byte(key), value)); err != nil {
			return err
		}
	}
	return nil
}

// head returns the head that a database with these records has.
func (im *image) head() head {
	h := head{revision: im.revision, records: uint64(len(im.values))}
	for key, value := range im.values {
		h.digest += sum([]byte(recordPrefix+key), value)
	}
	return h
}

// heal opens the database as soon as the disk allows. It reports false when the
// store is closed before.
func (s *Store) heal() bool {
	said, wait := "", retryEvery
	for s.sleep(wait) {
		if err := s.makeRoom(); err != nil {
			s.image.Load().setReason(err)
			continue
		}
		err := s.reopen()
		if err != nil {
			err = s.disk.explain(err)
		}
		if err == nil {
			s.log.Info("the database is open again: changes are taken", "revision", s.database.head.revision)
			return true
		}
		s.image.Load().setReason(err)
		wait = min(2*wait, reopenEvery)
		if err.Error() != said {
			said = err.Error()
			s.log.Error("the database still cannot be opened", "err", err)
		}
	}
	return false
}

// makeRoom looks whether the disk allows to open the database, without what may
// lie there unfinished.
func (s *Store) makeRoom() error {
	if err := s.sweep(); err != nil {
		return s.disk.explain(err)
	}
	return s.disk.room(0)
}

// reopen opens database and journal, and goes over to them when they hold what
// is served.
func (s *Store) reopen() error {
	im := s.image.Load()
	err := s.openFiles()
	if err == nil {
		txn, h := s.database.view()
		err = records(context.Background(), txn, h, func(_, _ []byte) error { return nil })
		txn.Discard()
		if want := im.head(); err == nil && h != want {
			err = fmt.Errorf("it is at revision %d with %d records; revision %d with %d records is served: restart gatepost", h.revision, h.records, want.revision, want.records)
		}
	}
	if err != nil {
		return errors.Join(err, s.closeFiles())
	}
	s.deaths.loaded()
	s.image.Store(nil)
	return nil
}

// sleep waits. It reports false when the store is being closed.
func (s *Store) sleep(long time.Duration) bool {
	select {
	case <-s.stop:
		return false
	case <-time.After(long):
		return true
	}
}
