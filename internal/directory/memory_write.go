package directory

import (
	"encoding/binary"

	"github.com/gatepost/gatepost/internal/quota"
)

// put writes a record under key and returns it and the one it replaces. number
// draws its mailbox number.
func (m *memory) put(key, value []byte, number func(before Record) quota.Mailbox) (before, after Record) {
	s, tag, start := m.hash(key)
	switch {
	case s.wasteful():
		s.compact(m)
	case (s.used+1)*5 > len(s.gen.Load().slots)*4:
		s.grow(m)
	}
	g := s.gen.Load()
	i, before := g.find(key, tag, start)
	if before.Exists() {
		s.bury(before)
		m.counts[before.Kind()].Add(-1)
	} else {
		s.live++
		s.used++
	}
	room, at := s.room(g, recordSize(key, value))
	after = Record{appendRecord(room, number(before), key, value)}
	g.slots[i].Store(at | tag<<48)
	m.counts[after.Kind()].Add(1)
	return before, after
}

// write is put, or delete when value is nil.
func (m *memory) write(key, value []byte, number func(before Record) quota.Mailbox) (before, after Record) {
	if value == nil {
		return m.delete(key), Record{}
	}
	return m.put(key, value, number)
}

// adopt copies a record of another table, under whose name there is none.
func (m *memory) adopt(r Record) {
	s, tag, start := m.hash(r.Key())
	if (s.used+1)*5 > len(s.gen.Load().slots)*4 {
		s.grow(m)
	}
	s.copy(s.gen.Load(), r, tag, start)
	s.live++
	s.used++
	m.counts[r.Kind()].Add(1)
}

// copy copies a record into a generation of the shard that has room for it in its
// index.
func (s *shard) copy(g *generation, r Record, tag, start uint64) {
	room, at := s.room(g, len(r.b))
	_ = append(room, r.b...)
	g.slots[g.free(start)].Store(at | tag<<48)
}

// delete removes the record under key and returns it.
func (m *memory) delete(key []byte) (before Record) {
	s, tag, start := m.hash(key)
	g := s.gen.Load()
	i, before := g.find(key, tag, start)
	if !before.Exists() {
		return before
	}
	g.slots[i].Store(slotDeleted)
	s.bury(before)
	s.live--
	m.counts[before.Kind()].Add(-1)
	if s.wasteful() {
		s.compact(m)
	}
	return before
}

// room returns n bytes for a record, none of them used, behind the frame that
// tells n, and their place as a slot without tag. A chunk that must be added is
// published before any slot leads there.
func (s *shard) room(g *generation, n int) (room []byte, slot uint64) {
	var size [binary.MaxVarintLen32]byte
	frame := size[:binary.PutUvarint(size[:], uint64(n))]
	need := len(frame) + n
	chunks := *g.chunks.Load()
	last := len(chunks) - 1
	if last < 0 || s.fill+need > len(chunks[last]) {
		more := append(chunks[:last+1:last+1], make([]byte, s.chunkSize(need)))
		g.chunks.Store(&more)
		chunks, last, s.fill = more, last+1, 0
	}
	at := s.fill
	copy(chunks[last][at:], frame)
	s.fill += need
	s.bytes += need
	first := at + len(frame)
	return chunks[last][first:first:s.fill], uint64(last+1)<<offsetBits | uint64(at)
}

// chunkSize grows chunks with the shard, so that a small directory stays small
// and a large one has few chunks.
func (s *shard) chunkSize(need int) int {
	return max(need, min(max(minChunk, s.bytes/16), maxChunk))
}

func (s *shard) bury(r Record) { s.dead += len(r.b) + uvarintSize(len(r.b)) }

func uvarintSize(n int) int {
	var b [binary.MaxVarintLen64]byte
	return binary.PutUvarint(b[:], uint64(n))
}

// wasteful reports whether more than half of the bytes are dead.
func (s *shard) wasteful() bool { return s.dead > s.bytes/2 && s.bytes > minChunk }

// slotsFor is how many slots an index begins with, two thirds of them used.
func slotsFor(records int) int { return max(minSlots, records*3/2) }

// grow makes a generation with room in its index over the same chunks, and swaps
// it in. Readers of the old one are not disturbed; its index is garbage when the
// last of them is done.
func (s *shard) grow(m *memory) { s.reindex(m, max(minSlots, 2*s.live)) }

// settle gives back what grow took in advance: after a load few records come.
func (m *memory) settle() {
	for i := range m.shards {
		if s := &m.shards[i]; len(s.gen.Load().slots) > slotsFor(s.live)+minSlots {
			s.reindex(m, slotsFor(s.live))
		}
	}
}

func (s *shard) reindex(m *memory, slots int) {
	old := s.gen.Load()
	g := newGeneration(slots)
	g.chunks.Store(old.chunks.Load())
	for i := range old.slots {
		slot := old.slots[i].Load()
		if slot == slotEmpty || slot == slotDeleted {
			continue
		}
		_, tag, start := m.hash(old.record(slot).Key())
		g.slots[g.free(start)].Store(slot&(1<<48-1) | tag<<48)
	}
	s.used = s.live
	s.gen.Store(g)
}

// free returns the slot where a key that is not there would be put.
func (g *generation) free(start uint64) int {
	for i := g.home(start); ; i++ {
		if i == len(g.slots) {
			i = 0
		}
		if g.slots[i].Load() == slotEmpty {
			return i
		}
	}
}

// compact makes a generation without dead bytes, and swaps it in, as grow does.
func (s *shard) compact(m *memory) {
	g := newGeneration(slotsFor(s.live))
	next := shard{live: s.live, used: s.live}
	for r := range s.records() {
		_, tag, start := m.hash(r.Key())
		next.copy(g, r, tag, start)
	}
	s.gen.Store(g)
	s.used, s.fill, s.bytes, s.dead = next.used, next.fill, next.bytes, 0
}
