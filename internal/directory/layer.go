package directory

import (
	"bytes"
	"errors"
	"iter"
	"maps"
	"slices"
)

// layer is what commands have changed and nobody else sees yet: over the
// published memory, for one command or for the earlier commands of a batch.
type layer struct {
	records map[string]pending // by name
	users   []*Users           // made together; of a name that is in records too, that counts
	tally   tally              // what the changes add to the published tally
	added   int                // records more than published
}

// pending is a record that was written in a layer.
type pending struct {
	value  []byte // the whole record; nil: deleted
	record Record // its hot part; zero: deleted
}

func newLayer() *layer { return &layer{records: map[string]pending{}, tally: tally{}} }

// set replaces before, the record that was there, by p.
func (l *layer) set(key string, before Record, p pending) {
	l.tally.add(before, -1)
	l.tally.add(p.record, 1)
	switch {
	case before.Exists() && p.value == nil:
		l.added--
	case !before.Exists() && p.value != nil:
		l.added++
	}
	l.records[key] = p
}

// add takes in users that were counted already, none of whose names is held.
func (l *layer) add(u *Users) {
	l.users = append(l.users, u)
	l.added += u.Len()
}

// get returns what the layer holds under key, if anything.
func (l *layer) get(key []byte) (p pending, ok bool) {
	if p, ok = l.records[string(key)]; ok {
		return p, true
	}
	for _, u := range l.users {
		if i, ok := u.find(key); ok {
			_, value := u.user(i)
			return pending{value, u.record(i)}, true
		}
	}
	return pending{}, false
}

// merge puts the changes of a command that succeeded on top.
func (l *layer) merge(own *layer) {
	maps.Copy(l.records, own.records)
	l.users = append(l.users, own.users...)
	l.tally.merge(own.tally)
	l.added += own.added
}

// changes lists what the layer changed against what the command found, sorted
// by name, beside the users that were made together.
func (l *layer) changes(tx *Tx) []Change {
	changes := make([]Change, 0, len(l.records))
	for key, p := range l.records {
		found := tx.found([]byte(key))
		if p.value == nil && !found.Exists() {
			continue // made and deleted again
		}
		c := Change{Key: []byte(key), Value: p.value}
		if found.Exists() {
			c.Previous = found.Revision()
		}
		changes = append(changes, c)
	}
	slices.SortFunc(changes, func(a, b Change) int { return bytes.Compare(a.Key, b.Key) })
	return changes
}

// crowd returns the users that were made together, without those that are among
// the changes.
func (l *layer) crowd() []*Users {
	for _, u := range l.users {
		if len(l.records) > 0 {
			u.order = slices.DeleteFunc(u.order, func(i uint32) bool { _, elsewhere := l.records[string(u.key(i))]; return elsewhere })
		}
	}
	return l.users
}

// lookup returns the record under key as this command sees it.
func (tx *Tx) lookup(key string) Record { return tx.lookupBytes([]byte(key)) }

func (tx *Tx) lookupBytes(key []byte) Record {
	if p, ok := tx.own.get(key); ok {
		return p.record
	}
	return tx.found(key)
}

// found returns the record under key as this command found it.
func (tx *Tx) found(key []byte) Record {
	if p, ok := tx.below.get(key); ok {
		return p.record
	}
	return tx.d.memory.Load().get(key)
}

// full returns the whole value under key, cold fields too.
func (tx *Tx) full(key string) ([]byte, error) {
	for _, l := range []*layer{tx.own, tx.below} {
		if p, ok := l.get([]byte(key)); ok {
			return p.value, nil
		}
	}
	value, err := tx.d.store.Read(tx.ctx, []byte(key), tx.d.Revision())
	value, err = current(tx.d.memory.Load().get([]byte(key)), value, err)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, &Error{Code: CodeReadOnly, Detail: "what is to be changed cannot be read", Err: err}
	}
	return value, err
}

// all yields every record as this command sees it.
func (tx *Tx) all() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for _, l := range []*layer{tx.own, tx.below} {
			if !tx.written(l, yield) {
				return
			}
		}
		for r := range tx.d.memory.Load().all() {
			if !tx.overwrites(r.Key()) && !yield(r) {
				return
			}
		}
	}
}

// written yields the records of a layer. It reports false when no more are
// wanted.
func (tx *Tx) written(l *layer, yield func(Record) bool) bool {
	for key, p := range l.records {
		if _, over := tx.own.records[key]; over && l == tx.below || p.value == nil {
			continue
		}
		if !yield(p.record) {
			return false
		}
	}
	for _, u := range l.users {
		for i := range u.at {
			key, _ := u.user(i)
			if !tx.overwrites(key) && !yield(u.record(i)) {
				return false
			}
		}
	}
	return true
}

// overwrites reports whether a name was written by itself, by this command or an
// earlier one of the batch.
func (tx *Tx) overwrites(key []byte) bool {
	_, own := tx.own.records[string(key)]
	_, below := tx.below.records[string(key)]
	return own || below
}

// put writes a record; nil deletes it.
func (tx *Tx) put(key string, value []byte) error {
	before := tx.lookup(key)
	p := pending{value: value}
	if value != nil {
		if err := checkRecord([]byte(key), value); err != nil {
			return &Error{Code: CodeInvalid, Detail: "this cannot be stored", Err: err}
		}
		p.record = Record{appendRecord(nil, 0, []byte(key), value)}
	}
	tx.own.set(key, before, p)
	delete(tx.domains, key)
	return nil
}

// tallyOf returns how much of a domain's limits is used as this command sees it.
func (tx *Tx) tallyOf(domain string) Tally {
	tx.d.tallyMu.RLock()
	defer tx.d.tallyMu.RUnlock()
	return tx.d.tally.of(domain).plus(tx.below.tally.of(domain)).plus(tx.own.tally.of(domain))
}
