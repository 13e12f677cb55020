package directory

import "github.com/gatepost/gatepost/internal/quota"

// replace publishes a durable batch with a restore in it: it fills a fresh table
// with everything that the directory is from now on, and swaps it in, so that
// nobody who reads sees a part of it. The table that readers have goes on as it
// was until then, and is garbage when the last View of it is gone.
func (d *Directory) replace(b *Batch, l *layer) {
	next := &replacement{d: d, old: d.memory.Load(), memory: newMemory(), tally: tally{}}
	next.adopt(l)
	for i := range b.Entries {
		for c := range b.Entries[i].All() {
			next.write(c.Key, c.Value)
		}
	}
	next.memory.settle()
	d.tallyMu.Lock()
	d.tally = next.tally
	d.tallyMu.Unlock()
	d.memory.Store(next.memory)
	d.revision.Store(uint64(b.Revision()))
}

// replacement is a table that nobody reads yet.
type replacement struct {
	d      *Directory
	old    *memory
	memory *memory
	tally  tally
}

// adopt takes over every record that the batch has not written, as it is: users
// keep their mailboxes.
func (n *replacement) adopt(l *layer) {
	for r := range n.old.all() {
		if _, written := l.get(r.Key()); !written {
			n.memory.adopt(r)
			n.tally.add(r, 1)
		}
	}
}

// write writes a record, or takes it out when value is nil. A user that stays the
// same one keeps the mailbox of the old table.
func (n *replacement) write(key, value []byte) {
	before, after := n.memory.write(key, value, func(before Record) quota.Mailbox {
		if !before.Exists() {
			before = n.old.get(key)
		}
		return n.d.mailbox(before, value)
	})
	n.tally.add(before, -1)
	n.tally.add(after, 1)
}
