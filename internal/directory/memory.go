package directory

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"sync/atomic"
)

// memory is the table: an open-addressing index of integers over chunks of
// bytes, in shards. A shard is an atomic pointer to a generation; growing and
// compacting build a new one and swap it in. Readers take no lock: the bytes of
// a record are written before the slot that leads to it, and a chunk is never
// overwritten, so a record that a reader holds stays what it was. Only the
// committer writes (memory_write.go). A restore makes another memory (replace.go).
type memory struct {
	seed   maphash.Seed
	shards [domainShard + 1]shard
	counts [kindEnd]atomic.Int64 // records by kind
}

const (
	shardBits = 6
	// domainShard holds what begins with "@": there are few domains, each
	// question asks about two of them, and together they stay near to the
	// processor.
	domainShard = 1 << shardBits

	minSlots   = 8
	minChunk   = 1 << 10
	maxChunk   = 1 << 20
	offsetBits = 28 // of a slot: offset in the chunk
	chunkBits  = 20 // of a slot: number of the chunk, counted from 1
)

// Values of a slot: none, one whose record was deleted, or a hash tag of 16
// bits, the chunk and the offset of a record.
const (
	slotEmpty   = 0
	slotDeleted = 1
)

type shard struct {
	gen atomic.Pointer[generation]

	// The committer's own.
	used  int // slots that are not empty
	live  int // records
	fill  int // bytes used of the last chunk
	bytes int // bytes in all chunks' used parts
	dead  int // bytes of records that were replaced or deleted
}

type generation struct {
	slots  []atomic.Uint64          // at most 4/5 of them used
	chunks atomic.Pointer[[][]byte] // of full length; filled from the front
}

func newGeneration(slots int) *generation {
	g := &generation{slots: make([]atomic.Uint64, slots)}
	g.chunks.Store(new([][]byte))
	return g
}

func newMemory() *memory {
	m := &memory{seed: maphash.MakeSeed()}
	for i := range m.shards {
		m.shards[i].gen.Store(newGeneration(minSlots))
	}
	return m
}

// hash returns the shard of key, its tag, and where its search starts as a
// fraction of 2^32 of the slots.
func (m *memory) hash(key []byte) (s *shard, tag, start uint64) {
	h := maphash.Bytes(m.seed, key)
	return &m.shards[shardOf(key, h)], h << shardBits >> 48, h & (1<<32 - 1)
}

// number returns which of the shards a key belongs to.
func (m *memory) number(key []byte) uint64 { return shardOf(key, maphash.Bytes(m.seed, key)) }

func shardOf(key []byte, hash uint64) uint64 {
	if len(key) > 0 && key[0] == '@' {
		return domainShard
	}
	return hash >> (64 - shardBits)
}

// get returns the record under key.
func (m *memory) get(key []byte) Record {
	s, tag, start := m.hash(key)
	_, r := s.gen.Load().find(key, tag, start)
	return r
}

// find returns the record under key and its slot, or else the zero Record and
// the empty slot where it would be put.
func (g *generation) find(key []byte, tag, start uint64) (int, Record) {
	for i := g.home(start); ; i++ {
		if i == len(g.slots) {
			i = 0
		}
		slot := g.slots[i].Load()
		if slot == slotEmpty {
			return i, Record{}
		}
		if slot>>48 != tag || slot == slotDeleted {
			continue
		}
		if r := g.record(slot); bytes.Equal(r.Key(), key) {
			return i, r
		}
	}
}

// home is where the search for a record begins.
func (g *generation) home(start uint64) int { return int(start * uint64(len(g.slots)) >> 32) }

// at returns the bytes where the record begins that a slot leads to. The chunks are
// loaded after the slot, so the chunk is among them.
func (g *generation) at(slot uint64) []byte {
	chunks := *g.chunks.Load()
	return chunks[slot>>offsetBits&(1<<chunkBits-1)-1][slot&(1<<offsetBits-1):]
}

// record returns the record that a slot leads to.
func (g *generation) record(slot uint64) Record {
	b := g.at(slot)
	n, size := binary.Uvarint(b)
	end := size + int(n)
	return Record{b[size:end:end]}
}

// all yields every record, in no order. One that is written meanwhile may or
// may not be seen.
func (m *memory) all() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for i := range m.shards {
			for r := range m.shards[i].records() {
				if !yield(r) {
					return
				}
			}
		}
	}
}

func (s *shard) records() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		g := s.gen.Load()
		for i := range g.slots {
			slot := g.slots[i].Load()
			if slot != slotEmpty && slot != slotDeleted && !yield(g.record(slot)) {
				return
			}
		}
	}
}
