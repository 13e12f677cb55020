package directory

import "encoding/binary"

// prefetched is how many names are waited for together. A processor keeps some
// dozens of reads from main memory under way.
const prefetched = 64

// prefetch reads what leads to the records of names and the beginnings of the
// records, so that the lookups that follow find them near to the processor. Each
// loop reads in places that do not depend on one another: the processor does not
// wait for one of them before it asks for the next, as it does between two whole
// lookups.
func (m *memory) prefetch(names [][]byte) {
	var ahead [prefetched]struct {
		gen        *generation
		tag, start uint64
	}
	var records [prefetched][]byte
	for len(names) > 0 {
		n := min(len(names), prefetched)
		for i, name := range names[:n] {
			s, tag, start := m.hash(name)
			a := &ahead[i]
			a.gen, a.tag, a.start = s.gen.Load(), tag, start
		}
		for _, a := range ahead[:n] {
			a.gen.slots[a.gen.home(a.start)].Load()
		}
		for i, a := range ahead[:n] {
			records[i] = a.gen.tagged(a.tag, a.start)
		}
		touch(records[:n])
		names = names[n:]
	}
}

// cacheLine is how much memory a processor reads at once, in bytes.
const cacheLine = 64

// touch reads a byte of the first two cache lines of each record; behind a record
// the committer may be writing. What it returns is of no use, but no compiler can
// leave the reading out.
//
//go:noinline
func touch(records [][]byte) (sum byte) {
	for _, b := range records {
		if n, size := binary.Uvarint(b); size+int(n) > cacheLine {
			sum += b[cacheLine]
		}
	}
	return sum
}

// tagged returns the bytes where the first record with a tag begins, or nil.
func (g *generation) tagged(tag, start uint64) []byte {
	for i := g.home(start); ; i++ {
		if i == len(g.slots) {
			i = 0
		}
		slot := g.slots[i].Load()
		if slot == slotEmpty {
			return nil
		}
		if slot>>48 == tag && slot != slotDeleted {
			return g.at(slot)
		}
	}
}
