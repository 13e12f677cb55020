package directory

import (
	"iter"
	"maps"
	"slices"
	"strings"
)

// layer is what commands have changed and nobody else sees yet: over the
// published memory, for one command or for the earlier commands of a batch.
type layer struct {
	records map[string]pending // by name
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

// merge puts the changes of a command that succeeded on top.
func (l *layer) merge(own *layer) {
	maps.Copy(l.records, own.records)
	l.tally.merge(own.tally)
	l.added += own.added
}

// changes lists what the layer changed against what the command found, sorted
// by name.
func (l *layer) changes(tx *Tx) []Change {
	changes := make([]Change, 0, len(l.records))
	for key, p := range l.records {
		found := tx.found(key)
		if p.value == nil && !found.Exists() {
			continue // made and deleted again
		}
		c := Change{Key: []byte(key), Value: p.value}
		if found.Exists() {
			c.Previous = found.Revision()
		}
		changes = append(changes, c)
	}
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(string(a.Key), string(b.Key)) })
	return changes
}

// lookup returns the record under key as this command sees it.
func (tx *Tx) lookup(key string) Record {
	if p, ok := tx.own.records[key]; ok {
		return p.record
	}
	return tx.found(key)
}

// found returns the record under key as this command found it.
func (tx *Tx) found(key string) Record {
	if p, ok := tx.below.records[key]; ok {
		return p.record
	}
	return tx.d.memory.get([]byte(key))
}

// full returns the whole value under key, cold fields too.
func (tx *Tx) full(key string) ([]byte, error) {
	for _, l := range []*layer{tx.own, tx.below} {
		if p, ok := l.records[key]; ok {
			return p.value, nil
		}
	}
	return tx.d.store.Read(tx.ctx, []byte(key), tx.d.Revision())
}

// all yields every record as this command sees it.
func (tx *Tx) all() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for _, l := range []*layer{tx.own, tx.below} {
			for key, p := range l.records {
				if _, over := tx.own.records[key]; over && l == tx.below || p.value == nil {
					continue
				}
				if !yield(p.record) {
					return
				}
			}
		}
		for r := range tx.d.memory.all() {
			if tx.changed(r.Key()) {
				continue
			}
			if !yield(r) {
				return
			}
		}
	}
}

func (tx *Tx) changed(key []byte) bool {
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
	return nil
}

// tallyOf returns how much of a domain's limits is used as this command sees it.
func (tx *Tx) tallyOf(domain string) Tally {
	tx.d.tallyMu.RLock()
	defer tx.d.tallyMu.RUnlock()
	return tx.d.tally.of(domain).plus(tx.below.tally.of(domain)).plus(tx.own.tally.of(domain))
}
