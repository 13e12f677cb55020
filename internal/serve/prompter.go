package serve

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	promptSize = 16 << 10 // most bytes that an event loop reads from a connection at once; what has more is the handler's

	// Together is how many requests an event loop has answered together at most:
	// enough for the processor to wait for memory once for all of them, and few
	// enough that the first does not wait long for the last.
	Together = 32
)

// Prompter answers requests that came whole and alone. An event loop has one,
// for all of its connections, and asks it about those that have come.
type Prompter interface {
	// Prompt sets the replies to at most Together requests of different
	// connections, which came together.
	Prompt([]Exchange)
}

// Exchange is one request and what becomes of it.
type Exchange struct {
	Request []byte // what one read gave; the loop's again after Prompt
	// Reply is not changed before the next Prompt. It stays empty when Request is
	// anything but one whole request, or one that the handler must see: the
	// connection is the handler's from then on, and Request is read again.
	Reply []byte
	Err   error // ends the connection after the reply
}

// together is what an event loop has read and not answered.
type together struct {
	n      int
	fds    [Together]int
	all    [Together]Exchange
	filled int
	buf    [3 * promptSize]byte
}

// room is where the next request is read to.
func (t *together) room() []byte { return t.buf[t.filled:][:promptSize] }

// add takes a request that was read to the room.
func (t *together) add(fd int, request []byte) {
	t.fds[t.n], t.all[t.n] = fd, Exchange{Request: request}
	t.n++
	t.filled += len(request)
}

func (t *together) full() bool { return t.n == Together || len(t.buf)-t.filled < promptSize }

func (t *together) exchanges() []Exchange { return t.all[:t.n] }

func (t *together) clear() {
	clear(t.exchanges())
	t.n, t.filled = 0, 0
}

// read and write call the kernel without telling the Go scheduler, which would
// cost more than the call keeps it waiting: the descriptors do not block.

func read(fd int, b []byte) (int, error)  { return raw(unix.SYS_READ, fd, b) }
func write(fd int, b []byte) (int, error) { return raw(unix.SYS_WRITE, fd, b) }

func raw(call uintptr, fd int, b []byte) (int, error) {
	for {
		n, _, errno := unix.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}
