package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/gatepost/gatepost/internal/directory"
)

// filling writes into an empty database what another one becomes by a batch of
// one entry: its records in the order of their keys, merged with the changes.
type filling struct {
	from, to *database // to: the one that is being filled
	batch    *directory.Batch
	may      func() error // asked before each part

	next  int        // of the changes
	want  head       // of the old database, with the changes so far
	part  changeList // what is to be written next
	bytes int        // of it
	usage uint64     // what usage is there, as Badger counts time
}

// fill fills a database and compares what is there then with what must be.
func (f *filling) fill(d *database) error {
	f.to = d
	txn, h := f.from.view()
	defer txn.Discard()
	f.want = h
	f.want.revision = f.batch.Revision()
	if err := records(context.Background(), txn, h, f.record); err != nil {
		return err
	}
	if err := f.changesBefore(nil); err != nil {
		return err
	}
	if err := f.flush(f.want.revision); err != nil {
		return err
	}
	if f.to.head != f.want {
		return fmt.Errorf("what was written is at %+v, and %+v was to be written", f.to.head, f.want)
	}
	if err := f.readBack(); err != nil {
		return err
	}
	return f.copyUsage()
}

// record writes a record of the old database, or what it becomes, and the new
// ones before it.
func (f *filling) record(key, value []byte) error {
	if err := f.changesBefore(key); err != nil {
		return err
	}
	if f.next < f.entry().Len() {
		if c := f.entry().At(f.next); bytes.Equal(c.Key, key) {
			f.next++
			f.want.records--
			f.want.digest -= sum(append([]byte(recordPrefix), key...), value)
			return f.change(c)
		}
	}
	return f.add(directory.Change{Key: bytes.Clone(key), Value: bytes.Clone(value)})
}

func (f *filling) entry() *directory.Entry { return &f.batch.Entries[0] }

// changesBefore writes the changes of names before key; nil: of all that are left.
func (f *filling) changesBefore(key []byte) error {
	for ; f.next < f.entry().Len(); f.next++ {
		c := f.entry().At(f.next)
		if key != nil && bytes.Compare(c.Key, key) >= 0 {
			return nil
		}
		if err := f.change(c); err != nil {
			return err
		}
	}
	return nil
}

// change writes a change, which is nothing when it deletes.
func (f *filling) change(c directory.Change) error {
	if c.Value == nil {
		return nil
	}
	f.want.records++
	f.want.digest += sum(append([]byte(recordPrefix), c.Key...), c.Value)
	return f.add(c)
}

// add adds a record to the next part, and writes that when it is large enough.
func (f *filling) add(c directory.Change) error {
	f.part = append(f.part, c)
	f.bytes += len(c.Key) + len(c.Value)
	if len(f.part) < partChanges && f.bytes < partBytes {
		return nil
	}
	return f.flush(0)
}

// flush writes the next part. With the last one goes the revision: until then the
// head says that something is missing.
func (f *filling) flush(last directory.Revision) error {
	if err := f.may(); err != nil {
		return err
	}
	h := f.to.head
	h.progress += uint64(len(f.part))
	if last > 0 {
		h.revision, h.progress = last, 0
	}
	err := protect(func() error { return f.to.commit(h, f.part) })
	f.part, f.bytes = f.part[:0], 0
	return err
}

// readBack reads all that was written.
func (f *filling) readBack() error {
	txn, h := f.to.view()
	defer txn.Discard()
	n := 0
	err := records(context.Background(), txn, h, func(_, _ []byte) error {
		if n++; n%partChanges == 0 {
			return f.may()
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("what was written is not what is there: %w", err)
	}
	return nil
}

// copyUsage takes over the usage that is stored: it is no part of a restore.
func (f *filling) copyUsage() (err error) {
	var part []*badger.Entry
	keep := keepUsage(&part)
	f.usage, err = f.from.usage(0, func(key, sealed []byte, unread error) error {
		if err := keep(key, sealed, unread); err != nil || len(part) < partChanges {
			return err
		}
		err := errors.Join(f.may(), f.to.setAll(part))
		part = nil
		return err
	})
	if err == nil {
		err = f.to.setAll(part)
	}
	return err
}

// keepUsage appends the usage that can be read to a list.
func keepUsage(list *[]*badger.Entry) func(key, sealed []byte, err error) error {
	return func(key, sealed []byte, err error) error {
		if err == nil {
			*list = append(*list, badger.NewEntry(key, sealed))
		}
		return nil
	}
}

// setAll writes what is neither record nor head.
func (d *database) setAll(list []*badger.Entry) error {
	return protect(func() error {
		w := d.db.NewWriteBatch()
		defer w.Cancel()
		for _, e := range list {
			if err := w.SetEntry(e); err != nil {
				return err
			}
		}
		return w.Flush()
	})
}
