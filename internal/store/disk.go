package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
)

// defaultReserve is how much must be left on the disk for a change to be taken.
// Badger writes its files through sparse mappings: when the disk is full the
// kernel ends the process in the middle of a copy (SIGBUS), and nothing can
// catch it. So nothing is given to Badger unless there is room for all that it
// may write for it, and Badger is not opened on a full disk.
const defaultReserve = 64 << 20

// errDiskFull says that there is too little room on the disk.
var errDiskFull = errors.New("the disk is full")

// disk watches the room on the file system of the state directory.
type disk struct {
	dir     string
	reserve uint64
	free    func(dir string) (uint64, error) // bytes; a test says what it likes
}

// statfs returns how many bytes are free on the file system of dir.
func statfs(dir string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("look at the disk of %s: %w", dir, err)
	}
	return s.Bavail * uint64(s.Bsize), nil
}

// room fails when less than the reserve would be left after so many bytes more.
func (d disk) room(bytes int) error { return d.need(d.reserve + uint64(bytes)) }

// half fails when half of the reserve is gone. Commits stop at the whole, so
// that what is committed can still be taken in.
func (d disk) half() error { return d.need(d.reserve / 2) }

func (d disk) need(bytes uint64) error {
	free, err := d.free(d.dir)
	if err != nil {
		return err
	}
	if free < bytes {
		return fmt.Errorf("%w: %d MiB are left for %s, and %d MiB are needed", errDiskFull, free>>20, d.dir, bytes>>20)
	}
	return nil
}

// fileTroubles are errors about the file system rather than about what is in
// the files.
var fileTroubles = []error{fs.ErrPermission, syscall.ENOSPC, syscall.EROFS, syscall.EIO, syscall.EMFILE, syscall.ENOMEM, syscall.EDQUOT, errDiskFull}

// isFileTrouble reports whether an error is one of fileTroubles. Badger does not
// wrap all of them, so their texts count too.
func isFileTrouble(err error) bool {
	for _, trouble := range fileTroubles {
		if errors.Is(err, trouble) || strings.Contains(err.Error(), trouble.Error()) {
			return true
		}
	}
	return false
}
