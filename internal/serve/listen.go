package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// ErrInUse is returned by Listen when somebody answers at the address.
var ErrInUse = errors.New("address is in use")

const (
	defaultSocketMode = 0o600
	probeTimeout      = time.Second // for the one who may answer at a socket found in place
)

// ListenOptions are the owner and mode of a Unix socket; TCP ignores them.
type ListenOptions struct {
	Mode fs.FileMode // permission bits; 0: 0600
	UID  int         // owner; -1: who runs the process. 0 is root
	GID  int         // group; -1: that of the process
}

// Listen listens at an address as ParseAddress takes it.
//
// A Unix socket is born with its final owner and mode: it is bound in a
// private directory beside the target and renamed into place, so that nobody
// can connect in between, and nobody ever finds nothing there while an old
// socket is replaced. The directory of the target must exist. A socket found
// in place is replaced when nobody answers there (ErrInUse otherwise); any
// other file is left alone and is an error. Closing the listener removes the
// socket, unless somebody else's stands there by then.
func Listen(address string, opt ListenOptions) (net.Listener, error) {
	a, err := ParseAddress(address)
	if err != nil {
		return nil, err
	}
	var l net.Listener
	if a.network == "unix" {
		l, err = listenUnix(a.where, opt)
	} else {
		l, err = net.Listen(a.network, a.where)
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		err = ErrInUse
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", a, err)
	}
	return l, nil
}

func listenUnix(path string, opt ListenOptions) (net.Listener, error) {
	if err := checkPlace(path); err != nil {
		return nil, err
	}
	private, err := os.MkdirTemp(filepath.Dir(path), ".listen-") // mode 0700
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(private) }()
	l, err := bind(private)
	if err != nil {
		return nil, err
	}
	l.path = path
	if err := l.place(filepath.Join(private, socketName), opt); err != nil {
		_ = l.UnixListener.Close()
		return nil, err
	}
	return l, nil
}

// checkPlace looks at what stands at the target.
func checkPlace(path string) error {
	found, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case found.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s exists and is not a socket", path)
	}
	conn, err := net.DialTimeout("unix", path, probeTimeout)
	switch {
	case err == nil:
		_ = conn.Close()
		return ErrInUse
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return nil // its process is gone
	}
	// Above all EAGAIN, a full backlog, and EPROTOTYPE, a datagram socket: there
	// is somebody.
	return fmt.Errorf("%w: %w", ErrInUse, err)
}

const socketName = "s"

// bind binds a socket inside dir. It goes through /proc/self/fd, because dir
// is longer than the target may be, and a socket's path is limited.
func bind(dir string) (*unixListener, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	short := "/proc/self/fd/" + strconv.Itoa(int(d.Fd())) + "/" + socketName
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	return &unixListener{UnixListener: l}, nil
}

// unixListener removes its socket, and no other, when it is closed.
type unixListener struct {
	*net.UnixListener
	path  string
	inode fs.FileInfo // the socket's; its inode is not used again while we hold it open
	once  sync.Once
	err   error
}

// place gives the socket its owner and mode and moves it to its path.
func (l *unixListener) place(from string, opt ListenOptions) error {
	mode := opt.Mode.Perm()
	if mode == 0 {
		mode = defaultSocketMode
	}
	if err := os.Chown(from, opt.UID, opt.GID); err != nil {
		return err
	}
	if err := os.Chmod(from, mode); err != nil {
		return err
	}
	var err error
	if l.inode, err = os.Lstat(from); err != nil {
		return err
	}
	return os.Rename(from, l.path)
}

// Addr returns the path that clients use.
func (l *unixListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// Close stops listening. The socket goes first: as long as it is open nobody
// else's can have its inode.
func (l *unixListener) Close() error {
	l.once.Do(func() {
		if found, err := os.Lstat(l.path); err == nil && os.SameFile(found, l.inode) {
			_ = os.Remove(l.path)
		}
		l.err = l.UnixListener.Close()
	})
	return l.err
}
