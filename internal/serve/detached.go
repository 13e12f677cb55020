package serve

import (
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// detached is a connection that the Go runtime does not watch, so that an event
// loop can: a socket that both watch would wake both. attach gives it to the
// runtime; before that only the loop uses it, and closing it or setting
// deadlines does nothing.
type detached struct {
	fd            int
	local, remote net.Addr
	file          atomic.Pointer[os.File] // nil: not attached
}

// detach takes a connection away from the runtime. It returns nil, and leaves
// the connection as it is, when it has no descriptor or there is no other to be
// had.
func detach(conn net.Conn) *detached {
	sc, is := conn.(syscall.Conn)
	if !is {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	d := &detached{local: conn.LocalAddr(), remote: conn.RemoteAddr()}
	failed := raw.Control(func(fd uintptr) { d.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if failed != nil || err != nil {
		return nil
	}
	_ = conn.Close()
	return d
}

// attach is called once, before the connection is used as a net.Conn.
func (d *detached) attach() { d.file.Store(os.NewFile(uintptr(d.fd), "connection")) }

func (d *detached) Read(p []byte) (int, error)  { return d.file.Load().Read(p) }
func (d *detached) Write(p []byte) (int, error) { return d.file.Load().Write(p) }
func (d *detached) LocalAddr() net.Addr         { return d.local }
func (d *detached) RemoteAddr() net.Addr        { return d.remote }

func (d *detached) Close() error {
	return d.attached(func(f *os.File) error { return f.Close() })
}

func (d *detached) SetDeadline(t time.Time) error {
	return d.attached(func(f *os.File) error { return f.SetDeadline(t) })
}

func (d *detached) SetReadDeadline(t time.Time) error {
	return d.attached(func(f *os.File) error { return f.SetReadDeadline(t) })
}

func (d *detached) SetWriteDeadline(t time.Time) error {
	return d.attached(func(f *os.File) error { return f.SetWriteDeadline(t) })
}

func (d *detached) attached(do func(*os.File) error) error {
	if f := d.file.Load(); f != nil {
		return do(f)
	}
	return nil
}
