package adminsock

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"syscall"

	"github.com/gatepost/gatepost/internal/bytesize"
)

const (
	// MaxBackup is the longest backup that is taken in.
	MaxBackup = 64 << 30

	// spoolReserve stays free on the disk: the store refuses changes below half
	// of it, and worse happens on a disk that is full.
	spoolReserve = 128 << 20

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
		err = s.fillSpool(file, body)
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

func (s *Server) fillSpool(file *os.File, body io.Reader) error {
	piece := make([]byte, spoolPiece)
	for size := int64(0); ; {
		n, err := body.Read(piece)
		if size += int64(n); size > MaxBackup {
			return refuse(http.StatusRequestEntityTooLarge, CodeTooLarge, fmt.Sprintf("the backup is larger than %s", bytesize.Size(MaxBackup)))
		}
		if err := s.roomFor(file, n); err != nil {
			return err
		}
		if _, err := file.Write(piece[:n]); err != nil {
			return fmt.Errorf("keep the backup: %w", err)
		}
		switch err {
		case nil:
		case io.EOF:
			return nil
		default:
			return readProblem(err)
		}
	}
}

// roomFor refuses bytes that would leave too little of the disk.
func (s *Server) roomFor(file *os.File, n int) error {
	var disk syscall.Statfs_t
	if err := syscall.Fstatfs(int(file.Fd()), &disk); err != nil {
		return fmt.Errorf("look at the disk of %s: %w", s.SpoolDir, err)
	}
	if free := disk.Bavail * uint64(disk.Bsize); free < spoolReserve+uint64(n) {
		return refuse(http.StatusInsufficientStorage, CodeNoRoom,
			fmt.Sprintf("%s are left on the disk of %s, where the backup must be kept while it is restored; nothing was changed", bytesize.Size(free), s.SpoolDir))
	}
	return nil
}
