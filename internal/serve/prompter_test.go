package serve

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// As long as it is not full there is room for one more read, which lies apart
// from what was read before. What is cleared is gone.
func TestTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var came together
		sizes := rapid.OneOf(rapid.IntRange(1, promptSize-1), rapid.IntRange(1, 3), rapid.IntRange(promptSize-3, promptSize-1))
		for range 3 {
			var want [][]byte
			for !came.full() {
				room := came.room()
				if len(room) != promptSize {
					t.Fatalf("room for %d bytes, want %d", len(room), promptSize)
				}
				for i := range room { // a read may write all of it
					room[i] = 0
				}
				request := bytes.Repeat([]byte{byte(len(want) + 1)}, sizes.Draw(t, "size"))
				came.add(len(want), room[:copy(room, request)])
				want = append(want, request)
			}
			if len(want) == 0 || len(came.exchanges()) != len(want) {
				t.Fatalf("%d are held of %d", len(came.exchanges()), len(want))
			}
			for i, x := range came.exchanges() {
				if came.fds[i] != i || !bytes.Equal(x.Request, want[i]) || x.Reply != nil || x.Err != nil {
					t.Fatalf("exchange %d of %d is another's, or was used", i, len(want))
				}
				came.all[i].Reply = x.Request
			}
			if came.clear(); len(came.exchanges()) != 0 || came.all[0].Reply != nil {
				t.Fatal("something is left")
			}
		}
	})
}
