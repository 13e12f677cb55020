package directory

import (
	"encoding/binary"
	"fmt"
	"testing"
)

// What is prepared for a name is the record that a lookup finds, also in an index
// whose end is full; and nothing for a name that nobody has.
func TestPrefetchTagged(t *testing.T) {
	m := newMemory()
	key := func(i int) []byte { return fmt.Appendf(nil, "u%d@example.test", i) }
	const users = 5000
	for i := range users {
		m.put(key(i), userValue(1, i%100), box(1))
	}
	wrong := 0 // by a tag that two have: one in 65 536 of those that a search meets
	for i := range 2 * users {
		s, tag, start := m.hash(key(i))
		var got Record
		if b := s.gen.Load().tagged(tag, start); b != nil {
			n, size := binary.Uvarint(b)
			got = Record{b[size : size+int(n)]}
		}
		if want := m.get(key(i)); string(got.b) != string(want.b) {
			wrong++
		}
	}
	if wrong > 20 {
		t.Errorf("for %d of %d names another record was found than theirs", wrong, 2*users)
	}
}

// A deleted slot has a tag like any other, and leads nowhere.
func TestPrefetchDeleted(t *testing.T) {
	g := newGeneration(minSlots)
	g.slots[3].Store(slotDeleted)
	for i := range uint64(minSlots) {
		if b := g.tagged(slotDeleted>>48, i<<32/minSlots); b != nil {
			t.Errorf("from slot %d it leads to %d bytes", i, len(b))
		}
	}
}

// Nothing behind a record is read: it may be the end of the chunk, or the
// committer may be writing there.
func TestPrefetchTouch(t *testing.T) {
	for n := range 3 * cacheLine {
		record := binary.AppendUvarint(nil, uint64(n))
		for i := range n {
			record = append(record, byte(i+1))
		}
		want := byte(0)
		if len(record) > cacheLine {
			want = record[cacheLine]
		}
		if got := touch([][]byte{nil, record[:len(record):len(record)]}); got != want {
			t.Errorf("record of %d bytes: %d was read behind its first line, want %d", len(record), got, want)
		}
	}
}
