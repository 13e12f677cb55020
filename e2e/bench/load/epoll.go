package load

import (
	"syscall"
	"time"
	"unsafe"
)

// The loop reads and writes with RawSyscall: its descriptors do not block, and
// telling the Go scheduler of each call would cost more than the call.

func read(fd int, b []byte) (int, error) {
	return raw(syscall.SYS_READ, fd, b)
}

func write(fd int, b []byte) (int, error) {
	return raw(syscall.SYS_WRITE, fd, b)
}

func raw(call uintptr, fd int, b []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// poller is an epoll instance.
type poller struct {
	fd     int
	events [256]syscall.EpollEvent
}

func newPoller(conns []*conn) (*poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	p := &poller{fd: fd}
	for i, c := range conns {
		e := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)}
		if err := syscall.EpollCtl(fd, syscall.EPOLL_CTL_ADD, c.fd, &e); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

func (p *poller) close() { _ = syscall.Close(p.fd) }

// sysEpollPwait2 has a timeout in nanoseconds; package syscall is older than
// it. Its number is the same on every architecture.
const sysEpollPwait2 = 441

// wait returns the connections that can be read, after at most d.
func (p *poller) wait(d time.Duration) ([]syscall.EpollEvent, error) {
	if n, errno := p.poll(syscall.RawSyscall6, 0); n > 0 || errno != 0 || d <= 0 {
		return p.result(n, errno)
	}
	return p.result(p.poll(syscall.Syscall6, d))
}

type systemCall func(trap, a1, a2, a3, a4, a5, a6 uintptr) (r1, r2 uintptr, err syscall.Errno)

func (p *poller) poll(call systemCall, d time.Duration) (int, syscall.Errno) {
	timeout := syscall.NsecToTimespec(int64(max(d, 0)))
	n, _, errno := call(sysEpollPwait2, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events)),
		uintptr(len(p.events)), uintptr(unsafe.Pointer(&timeout)), 0, 0)
	return int(n), errno
}

func (p *poller) result(n int, errno syscall.Errno) ([]syscall.EpollEvent, error) {
	switch errno {
	case 0:
		return p.events[:n], nil
	case syscall.EINTR:
		return nil, nil
	}
	return nil, errno
}

// preciseTimers asks the kernel to wake this thread when its timeouts are over,
// not up to 50 µs later.
func preciseTimers() {
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_TIMERSLACK, 1, 0)
}

// threadCPU returns the CPU time of the calling thread.
func threadCPU() time.Duration {
	const rusageThread = 1
	var u syscall.Rusage
	if err := syscall.Getrusage(rusageThread, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
