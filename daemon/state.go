package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ErrStateInUse is returned by Start when another gatepostd has the state
// directory.
var ErrStateInUse = errors.New("another gatepostd is using it")

// state is the locked state directory.
type state struct{ lock *os.File }

// openState makes the state directory, or looks at it, and locks it. It holds
// password hashes: nobody else may look into it.
func openState(dir string) (*state, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state directory: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	if err := private(dir, info); err != nil {
		return nil, err
	}
	return lockState(dir)
}

// private refuses a directory that others may enter, or that somebody else
// could open to them.
func private(dir string, info fs.FileInfo) error {
	if !info.IsDir() {
		return fmt.Errorf("state directory %s: not a directory", dir)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("state directory %s has mode %04o, and it holds password hashes: type chmod 0700 %s", dir, mode, dir)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("state directory %s belongs to user %d; gatepostd runs as %d", dir, st.Uid, os.Geteuid())
	}
	return nil
}

// lockState takes the lock, which the kernel gives back when the process ends,
// however it ends.
func lockState(dir string) (*state, error) {
	lock, err := openLock(dir)
	if err != nil {
		return nil, fmt.Errorf("lock the state directory: %w", err)
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return &state{lock}, nil
	}
	_ = lock.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrStateInUse
	}
	return nil, fmt.Errorf("lock the state directory %s: %w", dir, err)
}

// openLock opens the file that is locked. On a read-only file system, and on a
// full one, what is there must do: nobody else could make it either.
func openLock(dir string) (*os.File, error) {
	name := filepath.Join(dir, "lock")
	lock, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	for _, name := range []string{name, dir} {
		if !errors.Is(err, syscall.EROFS) && !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.ENOENT) {
			break
		}
		lock, err = os.Open(name)
	}
	return lock, err
}

// close gives the directory back.
func (s *state) close() error { return s.lock.Close() }
