package serve

import (
	"bytes"
	"io"
	"strconv"
	"strings"
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

// Requests that come while the loop is busy are answered together: each gets its
// own reply, whatever the others are.
func TestEventLoopTogether(t *testing.T) {
	d, c, free := gated(t, (*door).dial)
	clients := []*client{c}
	for len(clients) < 3*Together {
		clients = append(clients, d.dial())
	}
	what := []string{"%d\n", "decline\n", "panic\n", strings.Repeat("x", 3<<10) + "%d\n", "%d", "%d\n%d\n"}
	sent := make([]string, len(clients))
	for i, c := range clients {
		sent[i] = strings.ReplaceAll(what[i%len(what)], "%d", strconv.Itoa(i))
		c.send(sent[i])
	}
	free()
	for i, c := range clients {
		if !strings.HasSuffix(sent[i], "\n") {
			c.send("\n")
			sent[i] += "\n"
		}
		for line := range strings.Lines(sent[i]) {
			c.wants(line)
		}
	}
}

// Requests of any size are answered, together as far as there is room: none of
// their bytes is lost, and none is another's.
func TestEventLoopSizes(t *testing.T) {
	d, c, free := gated(t, (*door).dial)
	sizes := []int{2, promptSize / 2, promptSize - 1, 2, promptSize, promptSize + 1, promptSize - 2, promptSize - 1, 3, promptSize - 3, 2 * promptSize}
	var clients []*client
	for range 3 {
		for range sizes {
			clients = append(clients, d.dial())
		}
	}
	line := func(i int) string {
		return strings.Repeat(string(rune('a'+i%26)), sizes[i%len(sizes)]-1) + "\n"
	}
	for i, c := range clients {
		c.send(line(i))
	}
	free()
	for i, c := range clients {
		c.wants(line(i))
	}
	c.send("b\n")
	c.wants("b\n")
}

// What is left of a reply that a peer does not take is its own, whatever the
// Prompter says next.
func TestEventLoopReplyIsKept(t *testing.T) {
	d, _ := looped(t, &Server{Prompter: func() Prompter { return &reuser{} }})
	late, other := d.dial(), d.dial()
	late.send("x\n")
	if _, err := late.r.Peek(1); err != nil {
		t.Fatal(err)
	}
	other.send("y\n")
	if _, err := io.CopyN(io.Discard, other.r, flood); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, flood)
	if _, err := io.ReadFull(late.r, reply); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(reply, []byte("x")); n != flood {
		t.Errorf("%d bytes of the reply are another's", flood-n)
	}
}

// reuser floods with what it was asked, from one buffer.
type reuser struct{ reply [flood]byte }

func (r *reuser) Prompt(together []Exchange) {
	for i := range r.reply {
		r.reply[i] = together[0].Request[0]
	}
	together[0].Reply = r.reply[:]
}
