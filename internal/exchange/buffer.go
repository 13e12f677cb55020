package exchange

import (
	"io"

	"github.com/gatepost/gatepost/internal/serve"
)

// smallBuffer is what a connection keeps: a policy request has about 600 bytes.
const smallBuffer = 2 << 10

// buffer is what has been read and not answered.
type buffer struct {
	conn       Conn
	b          []byte
	start, end int // of what is unread
	limit      int // most bytes it holds
}

func (b *buffer) unread() []byte { return b.b[b.start:b.end] }

// discard drops the first n unread bytes. An empty buffer that has grown large
// is given back.
func (b *buffer) discard(n int) {
	b.start += n
	if b.start < b.end {
		return
	}
	b.start, b.end = 0, 0
	if len(b.b) > smallBuffer {
		b.b = nil
		b.conn.Hold(0)
	}
}

// fill reads once and keeps what came with an error, too: the error comes again
// with the next read.
func (b *buffer) fill() error {
	if b.end == len(b.b) {
		if err := b.makeRoom(); err != nil {
			return err
		}
	}
	n, err := b.conn.Read(b.b[b.end:])
	b.end += n
	if n > 0 {
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// makeRoom moves what is unread to the front or to a larger buffer.
func (b *buffer) makeRoom() error {
	unread := b.unread()
	if len(unread) >= b.limit {
		return ErrTooLarge
	}
	to := b.b
	if b.start < len(b.b)/2 || len(b.b) == 0 {
		size := min(max(2*len(b.b), smallBuffer), max(b.limit, smallBuffer))
		if !b.conn.Hold(size) {
			return serve.ErrNoRoom
		}
		to = make([]byte, size)
	}
	b.end = copy(to, unread)
	b.b, b.start = to, 0
	return nil
}
