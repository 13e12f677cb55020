package tabline

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/gatepost/gatepost/internal/serve"
)

// Errors of [Reader.Next] beside those of the connection.
var (
	ErrTooLong  = errors.New("line is too long")
	ErrDraining = errors.New("draining")
)

const (
	restingBuffer = 1 << 10 // while nothing is being received
	growth        = 4
)

// Source is what a Reader needs of a connection; [*serve.Conn] is one.
type Source interface {
	io.Reader
	Idle() bool            // a request is awaited; false: the server drains
	Busy() (draining bool) // a part of a request was read
	Hold(size int) bool    // tells how large the buffer is; false: there is no room
}

// Reader cuts what a peer sends into lines.
type Reader struct {
	src   Source
	limit int    // longest line, without its end
	buf   []byte // the unread bytes are buf[start:end]
	start int
	end   int
	taken int  // the line handed out last is buf[taken:start]
	begun bool // the source knows that a line was begun
}

// NewReader returns a reader of lines of at most limit bytes.
func NewReader(src Source, limit int) *Reader { return &Reader{src: src, limit: limit} }

// Next returns the next line without its end. It is valid until the next call,
// which wipes it; an error wipes everything. While the server drains, lines
// that have come are still returned, then [ErrDraining]. A line that has begun
// must be complete within the source's request timeout. What it returns when a
// read misses a deadline is [ErrTimeout], and [ErrTruncated] when the peer
// leaves in the middle of a line. [serve.ErrNoRoom] says that a line needs more
// memory than the unfinished lines of all connections leave.
func (r *Reader) Next() ([]byte, error) {
	line, err := r.next()
	if err != nil {
		clear(r.buf)
		r.start, r.end, r.taken = 0, 0, 0
	}
	return line, err
}

func (r *Reader) next() ([]byte, error) {
	clear(r.buf[r.taken:r.start])
	r.taken = r.start
	r.begun = false
	for searched := r.start; ; {
		if i := bytes.IndexByte(r.buf[searched:r.end], '\n'); i >= 0 {
			return r.take(searched + i)
		}
		if r.end-r.start > r.limit+1 { // room for the CR
			return nil, ErrTooLong
		}
		unread := r.end - r.start
		if err := r.read(); err != nil {
			return nil, err
		}
		searched = r.start + unread
	}
}

// take hands out the line that ends before the LF at lf.
func (r *Reader) take(lf int) ([]byte, error) {
	line := r.buf[r.start:lf]
	r.start = lf + 1
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if len(line) > r.limit {
		return nil, ErrTooLong
	}
	return line, nil
}

// read waits for more bytes.
func (r *Reader) read() error {
	switch {
	case r.start == r.end:
		r.rest()
		if !r.src.Idle() {
			return ErrDraining
		}
	case !r.begun:
		r.begun = true
		r.src.Idle() // ends the request before; this one is finished also while draining
		r.src.Busy()
	}
	if err := r.room(); err != nil {
		return err
	}
	n, err := r.src.Read(r.buf[r.end:])
	r.end += n
	switch {
	case n > 0:
		return nil
	case err == nil:
		return io.ErrNoProgress
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ErrTimeout
	case r.start < r.end:
		return ErrTruncated
	}
	return err
}

// rest gives a large buffer back. Everything in it was wiped.
func (r *Reader) rest() {
	r.start, r.end, r.taken = 0, 0, 0
	if len(r.buf) > restingBuffer || r.buf == nil {
		r.buf = make([]byte, restingBuffer)
		r.src.Hold(restingBuffer)
	}
}

// room makes space behind the unread bytes: by moving them to the front, else
// by growing. It leaves no copy behind.
func (r *Reader) room() error {
	if r.end < len(r.buf) {
		return nil
	}
	old, unread := r.buf, r.buf[r.start:r.end]
	if r.start < len(old)/2 {
		size := min(growth*len(old), r.limit+2+restingBuffer)
		if !r.src.Hold(size) {
			return serve.ErrNoRoom
		}
		r.buf = make([]byte, size)
	}
	n := copy(r.buf, unread)
	if r.start >= len(old)/2 {
		clear(old[n:])
	} else {
		clear(old)
	}
	r.start, r.end, r.taken = 0, n, 0
	return nil
}
