package exchange

import (
	"errors"
	"io"
	"os"

	"github.com/gatepost/gatepost/internal/serve"
)

// Reasons for which Run ends a connection, beside those of Decode and Answer.
var (
	ErrTooLarge  = errors.New("request is too large")
	ErrTruncated = errors.New("connection ended in the middle of a request")
	ErrTimeout   = errors.New("rest of the request did not come in time")
)

// Peer is one side of a protocol. Its slices lie in the read buffer: what
// Decode notes about them must be offsets, because the buffer may move while a
// request is incomplete.
type Peer interface {
	// Decode looks at what has been read since the last request, and returns the
	// length of the request at its start, or 0 when there is more to come. It is
	// called again with more bytes. An error ends the connection without a
	// reply.
	Decode(b []byte) (int, error)

	// Answer returns the reply to the request that Decode found. The connection
	// ends after the reply when the error is not nil.
	Answer(request []byte) (reply []byte, err error)
}

// Conn is what Run needs of a connection; [*serve.Conn] is one.
type Conn interface {
	io.ReadWriter
	Idle() bool
	Busy() bool
	Hold(size int) bool // tells how large the buffer is; false: there is no room
	Flush() error       // writes what is left of an earlier reply
}

// Run answers requests until the peer leaves or the server drains, and then
// returns nil; it returns why it ended the connection otherwise. No request is
// larger than limit.
func Run(c Conn, p Peer, limit int) error {
	in := buffer{conn: c, limit: limit}
	if err := c.Flush(); err != nil {
		return err
	}
	for c.Idle() {
		n, err := receive(c, p, &in)
		if n == 0 {
			return err
		}
		reply, failed := p.Answer(in.unread()[:n])
		if _, err := c.Write(reply); err != nil {
			return errors.Join(failed, err)
		}
		if failed != nil {
			return failed
		}
		in.discard(n)
	}
	return nil
}

// receive reads until there is a whole request and returns its length; 0 when
// none comes.
func receive(c Conn, p Peer, in *buffer) (int, error) {
	for {
		if len(in.unread()) > 0 {
			if n, err := p.Decode(in.unread()); n > 0 || err != nil {
				return n, err
			}
			c.Busy()
		}
		if err := in.fill(); err != nil {
			return 0, ended(err, len(in.unread()) > 0)
		}
	}
}

// ended says what a failed read means. Between two requests it is the peer's
// right to leave, and a deadline is the drain's.
func ended(err error, half bool) error {
	switch {
	case errors.Is(err, ErrTooLarge), errors.Is(err, serve.ErrNoRoom):
		return err
	case !half:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ErrTimeout
	}
	return ErrTruncated
}
