package delegation

import "math/bits"

// index finds messages by their hash: open addressing without tombstones. A slot
// holds the high bits of a hash and the number of a message; 0: empty. It is
// small, at most 4/5 of its slots are used, so that the indexes of all shards
// together stay near to the processor. Two messages never have the same hash.
type index []uint32

const (
	minIndex   = 16
	numberBits = 12 // of a slot: number of the message
)

// A shard has fewer messages than a slot can number, and an index fewer places
// than the rest of a slot can tell.
const (
	_ = uint(1<<numberBits - 1 - shardMessages)
	_ = uint(32 - 2*numberBits)
)

func slotOf(hash uint64, e uint32) uint32 {
	return uint32(hash>>32)&^(1<<numberBits-1) | e
}

// home is where the search for a slot's hash begins.
func (x index) home(slot uint32) int { return int(slot >> numberBits & uint32(len(x)-1)) }

// find returns the message with a hash, or none.
func (x index) find(hash uint64, messages []message) uint32 {
	if len(x) == 0 {
		return none
	}
	for i := x.home(slotOf(hash, 0)); x[i] != 0; i = (i + 1) & (len(x) - 1) {
		if e := x[i] & (1<<numberBits - 1); x[i] == slotOf(hash, e) && messages[e].hash == hash {
			return e
		}
	}
	return none
}

// add adds a message; held is how many there are with it.
func (x *index) add(hash uint64, e uint32, held int) {
	if held*5 > len(*x)*4 {
		x.grow(held)
	}
	x.put(slotOf(hash, e))
}

func (x index) put(slot uint32) {
	i := x.home(slot)
	for x[i] != 0 {
		i = (i + 1) & (len(x) - 1)
	}
	x[i] = slot
}

func (x *index) grow(held int) {
	larger := make(index, max(minIndex, 1<<bits.Len(uint(held*5/4))))
	for _, slot := range *x {
		if slot != 0 {
			larger.put(slot)
		}
	}
	*x = larger
}

// remove takes a message out and moves what was displaced by it.
func (x index) remove(hash uint64, e uint32) {
	slot := slotOf(hash, e)
	i := x.home(slot)
	for x[i] != slot {
		i = (i + 1) & (len(x) - 1)
	}
	mask := len(x) - 1
	for next := (i + 1) & mask; x[next] != 0; next = (next + 1) & mask {
		if (next-x.home(x[next]))&mask >= (next-i)&mask {
			x[i] = x[next]
			i = next
		}
	}
	x[i] = 0
}
