package directory

import (
	"bytes"
	"fmt"
)

// Restore makes the directory what records, whole values by name, say: names
// that are not among them are deleted. It is for a backup that was verified
// whole; the records are taken as they are.
func (tx *Tx) Restore(records map[string][]byte) error {
	for r := range tx.all() {
		key := string(r.Key())
		if _, kept := records[key]; kept {
			continue
		}
		if err := tx.put(key, nil); err != nil {
			return err
		}
	}
	for key, value := range records {
		if err := tx.restoreOne(key, value); err != nil {
			return fmt.Errorf("restore %.80q: %w", key, err)
		}
	}
	return nil
}

// restoreOne writes a record unless it stands there already.
func (tx *Tx) restoreOne(key string, value []byte) error {
	if tx.lookup(key).Exists() {
		have, err := tx.full(key)
		if err == nil && bytes.Equal(have, value) {
			return nil
		}
	}
	return tx.put(key, value)
}
