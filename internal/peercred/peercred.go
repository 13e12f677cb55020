// Package peercred tells which process is at the other end of a Unix socket.
//
// The kernel records the credentials when the peer calls connect(2) (unix(7),
// SO_PEERCRED), so they cannot be forged and do not change when the peer drops
// privileges later. In a user namespace of its own (systemd's PrivateUsers=)
// the daemon would see foreign users as the overflow user 65534. Linux only.
// All functions may be called concurrently.
package peercred

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrNotUnix is returned for a connection that is not a Unix socket.
var ErrNotUnix = errors.New("not a unix socket")

// Cred is who called connect.
type Cred struct {
	UID, GID uint32 // effective user and group
	PID      int32  // process; 0 when it lives outside our PID namespace
}

// Of returns the credentials of the peer of c. Wrappers are seen through when
// they have a method NetConn() net.Conn, as *tls.Conn does, or are a
// syscall.Conn themselves. It does not block.
func Of(c net.Conn) (Cred, error) {
	raw, err := rawConn(c)
	if err != nil {
		return Cred{}, err
	}
	var cred *unix.Ucred
	var optErr error
	if err := raw.Control(func(fd uintptr) { cred, optErr = peer(int(fd)) }); err != nil {
		return Cred{}, fmt.Errorf("read peer credentials: %w", err)
	}
	if optErr != nil {
		return Cred{}, optErr
	}
	return Cred{UID: cred.Uid, GID: cred.Gid, PID: cred.Pid}, nil
}

// peer asks for the family first: on a TCP socket SO_PEERCRED succeeds and
// answers with nobody's numbers.
func peer(fd int) (*unix.Ucred, error) {
	family, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return nil, fmt.Errorf("read socket family: %w", err)
	}
	if family != unix.AF_UNIX {
		return nil, ErrNotUnix
	}
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return nil, fmt.Errorf("read peer credentials: %w", err)
	}
	return cred, nil
}

// rawConn looks below wrappers for the socket.
func rawConn(c net.Conn) (syscall.RawConn, error) {
	for c != nil {
		if s, ok := c.(syscall.Conn); ok {
			raw, err := s.SyscallConn()
			if err != nil {
				return nil, fmt.Errorf("reach socket: %w", err)
			}
			return raw, nil
		}
		w, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		c = w.NetConn()
	}
	return nil, ErrNotUnix
}
