package serve

import (
	"errors"
	"sync/atomic"
)

const (
	freeRoom = 2 << 10  // bytes that a connection may hold without asking
	maxRoom  = 32 << 20 // bytes that all connections of a Server may hold beyond that
)

// ErrNoRoom says that the requests which have begun, on all connections of a
// Server, take all the memory they may.
var ErrNoRoom = errors.New("incomplete requests take too much memory")

// room is the memory that half requests and replies that are not taken need, of
// all connections together: without a bound, peers that send slowly would take as
// much as there is.
type room struct{ taken atomic.Int64 }

// take takes bytes, or gives them back when n is negative; false: there is no
// room.
func (r *room) take(n int) bool {
	if r.taken.Add(int64(n)) <= maxRoom || n <= 0 {
		return true
	}
	r.taken.Add(int64(-n))
	return false
}

// Hold tells how large the buffer is in which the handler keeps requests, before
// it grows and after it shrank. 2 KiB are the connection's own; the rest is part
// of 32 MiB that all connections of the Server share. It reports false when that
// is not to be had: the connection must end with [ErrNoRoom]. It is for the
// goroutine that reads.
func (c *Conn) Hold(n int) bool {
	more := max(0, n-freeRoom) - c.held
	if !c.server.room.take(more) {
		return false
	}
	c.held += more
	return true
}

// lend makes what an event loop leaves to the handler part of the room, until the
// handler took it.
func (c *Conn) lend(n int) bool {
	n = max(0, n-freeRoom)
	if !c.server.room.take(n) {
		return false
	}
	c.lent += n
	return true
}

func (c *Conn) lendBack() {
	c.server.room.take(-c.lent)
	c.lent = 0
}
