package adminsock

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"syscall"

	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/directory"
)

const (
	// MaxBackup is the longest backup that is taken in: a restore is one change.
	MaxBackup = directory.MaxEntry

	spoolPiece = 256 << 10 // at most, between two looks at the disk
)

// spool keeps a body in a file of mode 0600 that has no name any more, so that
// it is gone when it is closed, or when the process ends. It is read from its
// beginning.
func (s *Server) spool(body io.Reader) (*os.File, error) {
	file, err := os.CreateTemp(s.SpoolDir, "restoring-*")
	if err != nil {
		return nil, err
	}
	if err = os.Remove(file.Name()); err == nil {
		err = fillSpool(file, body, s.Backup.Reserve())
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

func fillSpool(file *os.File, body io.Reader, reserve uint64) error {
	piece := make([]byte, spoolPiece)
	for size := int64(0); ; {
		n, end := body.Read(piece)
		size += int64(n)
		if err := keepPiece(file, piece[:n], size, reserve); err != nil {
			return err
		}
		switch end {
		case nil:
		case io.EOF:
			return nil
		default:
			return readProblem(end)
		}
	}
}

// keepPiece writes a piece of a body that is so large by now, and leaves the
// reserve free.
func keepPiece(file *os.File, piece []byte, size int64, reserve uint64) error {
	if size > MaxBackup {
		return refuse(http.StatusRequestEntityTooLarge, CodeTooLarge, fmt.Sprintf("the backup is larger than %s, which is all that can be restored at once; nothing was changed", bytesize.Size(MaxBackup)))
	}
	free, err := freeOn(file)
	if err == nil {
		err = roomFor(free, reserve+uint64(len(piece)))
	}
	if err != nil {
		return err
	}
	if _, err := file.Write(piece); err != nil {
		return fmt.Errorf("keep the backup: %w", err)
	}
	return nil
}

// freeOn returns how many bytes are free on the disk of a file.
func freeOn(file *os.File) (uint64, error) {
	var disk syscall.Statfs_t
	if err := syscall.Fstatfs(int(file.Fd()), &disk); err != nil {
		return 0, fmt.Errorf("look at the disk: %w", err)
	}
	return disk.Bavail * uint64(disk.Bsize), nil
}

// roomFor refuses when less is free than is needed.
func roomFor(free, need uint64) error {
	if free >= need {
		return nil
	}
	return refuse(http.StatusInsufficientStorage, CodeNoRoom, fmt.Sprintf(
		"%s are free on the disk of the state directory, where a backup is kept while it is restored, and %s are needed to go on: make room; nothing was changed",
		bytesize.Size(free), bytesize.Size(need)))
}
