package directory

import (
	"bytes"
	"fmt"
)

// Restored says what a restore has changed.
type Restored struct {
	Before                    Revision // what it was done over
	Created, Changed, Deleted int      // names
}

// Restore makes the directory what c says: names that are not in it are deleted.
// Addresses that were given out once in a domain whose addresses are permanent
// stay taken. Readers go over to what it made all at once.
func (tx *Tx) Restore(c *Contents) (Restored, error) {
	tx.restores = true
	done := Restored{Before: tx.revision - 1}
	for r := range tx.all() {
		if _, stays := c.records[string(r.Key())]; stays || r.Kind() == KindTombstone {
			continue
		}
		if err := tx.put(string(r.Key()), tx.remains(c, r)); err != nil {
			return done, err
		}
		done.Deleted++
	}
	for key, value := range c.records {
		if err := tx.restoreOne(key, value, &done); err != nil {
			return done, fmt.Errorf("restore %.80q: %w", key, err)
		}
	}
	return done, nil
}

// remains returns what stays of a name that is not in c: a tombstone when its
// domain's addresses are permanent, as it was or as it becomes.
func (tx *Tx) remains(c *Contents, r Record) []byte {
	if k := r.Kind(); k == KindDomain || k == KindLogin {
		return nil
	}
	domain := domainPart(r.Key())
	for _, d := range []Domain{tx.found(domain).Domain(), c.get(string(domain)).Domain()} {
		if d.Exists() && d.Permanent() {
			return encodeTombstone(tx.revision)
		}
	}
	return nil
}

// restoreOne writes a record unless it stands there already.
func (tx *Tx) restoreOne(key string, value []byte, done *Restored) error {
	value, later := tx.dated(value)
	if !tx.lookup(key).Exists() {
		done.Created++
		return tx.put(key, value)
	}
	have, err := tx.full(key)
	if err == nil && (bytes.Equal(have, value) || later && bytes.Equal(undated(have), undated(value))) {
		return nil
	}
	done.Changed++
	return tx.put(key, value)
}

// dated returns a record that is no newer than this change, and whether it said
// that it was not older: that of a directory that has had more changes than this
// one, such as a lost one whose backup is restored. Their numbers are given out
// here, to others.
func (tx *Tx) dated(value []byte) (dated []byte, later bool) {
	revision, created := getRevision(value[6:]), getRevision(value[12:])
	if max(revision, created) < tx.revision {
		return value, false
	}
	value = bytes.Clone(value)
	putRevision(value[6:], min(revision, tx.revision))
	putRevision(value[12:], min(created, tx.revision))
	return value, true
}

// undated returns a record without its revisions.
func undated(value []byte) []byte {
	value = bytes.Clone(value)
	clear(value[6:18])
	return value
}
