package delegation

import "math/bits"

// index finds messages by their hash: open addressing without tombstones. A slot
// holds the high half of a hash and the number of a message; 0: empty. Two
// messages never have the same hash.
type index []uint64

const minIndex = 16

func slotOf(hash uint64, e uint32) uint64 { return hash&^(1<<32-1) | uint64(e) }

// home is where the search for a slot's hash begins.
func (x index) home(slot uint64) int { return int(slot >> 32 & uint64(len(x)-1)) }

// find returns the message with a hash, or none.
func (x index) find(hash uint64, messages []message) uint32 {
	if len(x) == 0 {
		return none
	}
	for i := x.home(hash); x[i] != 0; i = (i + 1) & (len(x) - 1) {
		if e := uint32(x[i]); x[i] == slotOf(hash, e) && messages[e].hash == hash {
			return e
		}
	}
	return none
}

// add adds a message; held is how many there are with it.
func (x *index) add(hash uint64, e uint32, held int) {
	if held*2 > len(*x) {
		x.grow(held)
	}
	x.put(slotOf(hash, e))
}

func (x index) put(slot uint64) {
	i := x.home(slot)
	for x[i] != 0 {
		i = (i + 1) & (len(x) - 1)
	}
	x[i] = slot
}

func (x *index) grow(held int) {
	larger := make(index, max(minIndex, 1<<bits.Len(uint(2*held))))
	for _, slot := range *x {
		if slot != 0 {
			larger.put(slot)
		}
	}
	*x = larger
}

// remove takes a message out and moves what was displaced by it.
func (x index) remove(hash uint64, e uint32) {
	i := x.home(hash)
	for x[i] != slotOf(hash, e) {
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
