package store

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	// ballastRest is what stays of a ballast that was given up: the block that
	// is written to see whether the file system can be written.
	ballastRest = 4096

	// regrowAfter is for how long there must have been room before the ballast
	// is made again.
	regrowAfter = 10 * time.Second
)

// ballast is a file of real blocks, half as large as the reserve. When another
// program has taken so much of the disk that half of the reserve is gone, the
// ballast is given up, and what is committed can still be taken into the
// database. It is made again only when twice the reserve would do without it, so
// that making it never brings the disk into trouble.
type ballast struct {
	path string
	size int64
	log  *slog.Logger

	mu    sync.Mutex // guards what follows
	file  *os.File
	held  bool      // the blocks are there
	since time.Time // since when there is room to make it again
}

// touch writes the first byte.
func (b *ballast) touch() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	file, err := b.open()
	if err != nil {
		return err
	}
	_, err = file.WriteAt([]byte{0}, 0)
	return err
}

// open opens the file, or makes it.
func (b *ballast) open() (*os.File, error) {
	if b.file != nil {
		return b.file, nil
	}
	file, err := os.OpenFile(b.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	b.file, b.held = file, blocks(file) >= b.size
	return file, nil
}

// blocks returns how many bytes a file really has on the disk.
func blocks(file *os.File) int64 {
	info, err := file.Stat()
	if err != nil {
		return 0
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return 0
}

// release gives the blocks back, because of cause. It reports whether there
// were any.
func (b *ballast) release(cause error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.since = time.Time{}
	if !b.held {
		return false
	}
	if err := b.file.Truncate(ballastRest); err != nil {
		b.log.Error("the ballast cannot be given up", "err", err)
		return false
	}
	b.held = false
	b.log.Warn("the ballast is given up: another program takes the disk", "bytes", b.size, "err", cause)
	return true
}

// regrow makes the blocks again when there has been room for a while; now: at
// once.
func (b *ballast) regrow(now bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held {
		return
	}
	if b.since.IsZero() {
		b.since = time.Now()
	}
	if !now && time.Since(b.since) < regrowAfter {
		return
	}
	file, err := b.open()
	if err != nil || b.held {
		return // touch tells
	}
	if err := grow(file, b.size); err != nil {
		_ = file.Truncate(ballastRest)
		b.since = time.Time{}
		b.log.Warn("the ballast cannot be made", "err", err)
		return
	}
	b.held = true
	b.log.Debug("the ballast is made", "bytes", b.size)
}

// wait forgets since when there is room: there is not enough.
func (b *ballast) wait() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.since = time.Time{}
}

// close closes the file. The ballast stays.
func (b *ballast) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.file != nil {
		_ = b.file.Close()
		b.file, b.held = nil, false
	}
}

// fallocate gives a file blocks up to size; what is in it stays.
func fallocate(file *os.File, size int64) error {
	for {
		if err := syscall.Fallocate(int(file.Fd()), 0, 0, size); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// grow gives the ballast its blocks, by writing them where the file system knows
// no other way.
func grow(file *os.File, size int64) error {
	err := fallocate(file, size)
	if errors.Is(err, syscall.EOPNOTSUPP) {
		_, err = io.CopyN(io.NewOffsetWriter(file, 0), zeros{}, size)
	}
	return err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
