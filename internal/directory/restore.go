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

// Restore makes the directory what records, whole values by name, say: names
// that are not among them are deleted. It is for a backup that was verified
// whole; the records are taken as they are.
func (tx *Tx) Restore(records map[string][]byte) (Restored, error) {
	done := Restored{Before: tx.revision - 1}
	for r := range tx.all() {
		key := string(r.Key())
		if _, kept := records[key]; kept {
			continue
		}
		if err := tx.put(key, nil); err != nil {
			return done, err
		}
		done.Deleted++
	}
	for key, value := range records {
		if err := tx.restoreOne(key, value, &done); err != nil {
			return done, fmt.Errorf("restore %.80q: %w", key, err)
		}
	}
	return done, nil
}

// restoreOne writes a record unless it stands there already.
func (tx *Tx) restoreOne(key string, value []byte, done *Restored) error {
	if !tx.lookup(key).Exists() {
		done.Created++
		return tx.put(key, value)
	}
	have, err := tx.full(key)
	if err == nil && bytes.Equal(have, value) {
		return nil
	}
	done.Changed++
	return tx.put(key, value)
}
