package delegation

import (
	"testing"

	"pgregory.net/rapid"
)

// Whatever is added and removed, however many hashes begin at the same places and
// wherever the index ends, it finds what a plain map holds.
func TestIndexAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, model := &index{}, map[uint64]uint32{}
		messages := make([]message, shardMessages+1)
		var free []uint32
		for e := range messages[1:] {
			free = append(free, uint32(e+1))
		}
		homes := rapid.SampledFrom([]uint64{1, 3, 40, indexSlots}).Draw(t, "homes")
		for range rapid.IntRange(1, 3000).Draw(t, "steps") {
			// The last places and the first, many times over, and hashes with the same slot bits.
			place := (indexSlots - homes/2 + rapid.Uint64Range(0, homes-1).Draw(t, "place")) % indexSlots
			hash := rapid.Uint64Range(0, 3).Draw(t, "round")<<(32+numberBits+11) | place<<(32+numberBits) | rapid.Uint64Range(0, 7).Draw(t, "low")
			e, held := model[hash]
			switch {
			case held && rapid.Bool().Draw(t, "remove"):
				x.remove(hash, e)
				delete(model, hash)
				free = append(free, e)
			case !held && len(free) > 0:
				e, free = free[len(free)-1], free[:len(free)-1]
				messages[e].hash = hash
				x.add(hash, e)
				model[hash] = e
			}
			if got := x.find(hash, messages); got != model[hash] {
				t.Fatalf("find(%x) = %d, want %d", hash, got, model[hash])
			}
		}
		for hash, want := range model {
			if got := x.find(hash, messages); got != want {
				t.Fatalf("find(%x) = %d, want %d", hash, got, want)
			}
		}
		held := 0
		for i := range x {
			if x[i].Load() != 0 {
				held++
			}
		}
		if held != len(model) {
			t.Fatalf("%d slots are used for %d messages", held, len(model))
		}
	})
}
