package delegation

import "sync/atomic"

// index finds messages by their hash: open addressing without tombstones. A slot
// holds the high bits of a hash and the number of a message; 0: empty. At most
// 4/5 of the slots are used. Two messages never have the same hash. Slots are
// atomic for prefetch alone, which holds no lock.
type index [indexSlots]atomic.Uint32

const (
	indexSlots = 2048
	numberBits = 12 // of a slot: number of the message
)

// A shard has fewer messages than a slot can number, an index has more slots than
// that, and fewer than the rest of a slot can tell.
const (
	_ = uint(1<<numberBits - 1 - shardMessages)
	_ = uint(indexSlots*4/5 - shardMessages)
	_ = uint(1<<(32-numberBits) - indexSlots)
)

func slotOf(hash uint64, e uint32) uint32 {
	return uint32(hash>>32)&^(1<<numberBits-1) | e
}

// home is where the search for a slot's hash begins.
func home(slot uint32) int { return int(slot >> numberBits % indexSlots) }

// after is the place behind a place.
func after(i int) int { return (i + 1) % indexSlots }

// find returns the message with a hash, or none.
func (x *index) find(hash uint64, messages []message) uint32 {
	for i := home(slotOf(hash, 0)); ; i = after(i) {
		slot := x[i].Load()
		if slot == 0 {
			return none
		}
		if e := slot & (1<<numberBits - 1); slot == slotOf(hash, e) && messages[e].hash == hash {
			return e
		}
	}
}

// add adds a message.
func (x *index) add(hash uint64, e uint32) {
	slot := slotOf(hash, e)
	i := home(slot)
	for x[i].Load() != 0 {
		i = after(i)
	}
	x[i].Store(slot)
}

// remove takes a message out and moves what was displaced by it.
func (x *index) remove(hash uint64, e uint32) {
	slot := slotOf(hash, e)
	i := home(slot)
	for x[i].Load() != slot {
		i = after(i)
	}
	for next := after(i); ; next = after(next) {
		displaced := x[next].Load()
		if displaced == 0 {
			break
		}
		if (next-home(displaced))&(indexSlots-1) >= (next-i)&(indexSlots-1) {
			x[i].Store(displaced)
			i = next
		}
	}
	x[i].Store(0)
}
