package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// ErrUnknown says that a frame may or may not be on the disk.
var ErrUnknown = errors.New("the journal may or may not hold the change")

// ErrReadOnly refuses to append to a journal that was opened read-only.
var ErrReadOnly = errors.New("the journal is open for reading only")

// defaultSegment is how many bytes a segment grows to before the next begins.
const defaultSegment = 64 << 20

// Options are what a journal is opened with.
type Options struct {
	Dir string
	// Known is the highest sequence number that is known to have been
	// acknowledged: a damaged frame up to it is never taken for a torn tail.
	Known uint64
	// Unsure says that more than Known may have been acknowledged, long ago. Then
	// a last frame that has its whole length and is not what was written is
	// damage, and only one that is short, or has no head yet, is a torn tail.
	Unsure bool
	// Begin is the sequence number that a new journal begins with; 0: 1.
	Begin uint64
	// SegmentSize is how many bytes a segment grows to; 0: 64 MiB.
	SegmentSize int64
	// ReadOnly leaves the files as they are: a torn tail is not cut off but not
	// read either, and Append refuses. What is read is made durable where the file
	// system allows it, and else read all the same, since it may be durable.
	ReadOnly bool
	// Sync makes what was written to a file durable; nil: fdatasync(2).
	Sync func(*os.File) error
	Log  *slog.Logger // nil: slog.Default()
}

// Journal is an open journal. One goroutine appends at a time; the other methods
// may be called from any, at any time.
type Journal struct {
	dir     string
	limit   int64
	log     *slog.Logger
	reading bool   // it was opened read-only
	anchor  Anchor // when it was opened
	tail    int64  // where the last frame began then, in the last segment; 0: it had none

	mu      sync.Mutex // guards file, at and failure
	file    *os.File   // the last segment
	at      position   // its end
	failure error      // why nothing more is taken, if nothing is

	files sync.RWMutex // held for reading while the segments are read, and for writing while some are removed

	// A test makes these fail.
	sync   func(*os.File) error // fdatasync
	write  func(f *os.File, b []byte, at int64) (int, error)
	remove func(path string) error // a segment, durably
}

// begin makes a new segment and makes its name durable.
func (j *Journal) begin(at position) error {
	path := filepath.Join(j.dir, segmentName(at.next))
	if info, err := os.Stat(path); err == nil && info.Size() <= segmentHead {
		_ = os.Remove(path) // an earlier try failed, and could not take it away either
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("begin journal segment: %w", err)
	}
	_, err = j.write(file, encodeSegmentHead(at.next, at.chain), 0)
	if err = errors.Join(err, j.sync(file), syncDir(j.dir)); err != nil {
		return errors.Join(fmt.Errorf("begin journal segment: %w", err), file.Close(), os.Remove(path))
	}
	j.file, j.at = file, position{segmentHead, at.next, at.chain}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func fdatasync(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// Next returns the sequence number that the next frame must begin with.
func (j *Journal) Next() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.at.next
}

// First returns the sequence number of the first frame that is kept.
func (j *Journal) First() (uint64, error) {
	names, err := segments(j.dir)
	if err != nil || len(names) == 0 {
		return 0, fmt.Errorf("read journal: no segments: %w", err)
	}
	return numberOf(names[0]), nil
}

// Anchor returns where the journal began when it was opened, and why.
func (j *Journal) Anchor() Anchor { return j.anchor }

// Chain returns the chain value after the last frame.
func (j *Journal) Chain() Chain {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.at.chain
}

// Append writes a frame that holds the sequence numbers from Next to last, and
// returns when it is durable. An error that is not ErrUnknown says that the
// frame is not there and never will be.
func (j *Journal) Append(last uint64, payload []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.ready(last, len(payload)); err != nil {
		return err
	}
	f := frame{length: uint32(len(payload)), first: j.at.next, last: last}
	f.chain = f.next(j.at.chain, payload)
	if _, err := j.write(j.file, append(f.encode(), payload...), j.at.offset); err != nil {
		return j.takeBack(fmt.Errorf("write journal: %w", err))
	}
	return j.commit(f)
}

// ready makes room for a frame, or says why it cannot be taken.
func (j *Journal) ready(last uint64, size int) error {
	if j.failure != nil {
		return j.failure
	}
	if last < j.at.next || size > MaxPayload {
		return fmt.Errorf("journal: a frame to change %d of %d bytes cannot follow change %d", last, size, j.at.next-1)
	}
	if j.at.offset >= j.limit {
		return j.roll()
	}
	return nil
}

// commit makes a frame durable that was written.
func (j *Journal) commit(f frame) error {
	if err := j.sync(j.file); err != nil {
		j.failure = fmt.Errorf("sync journal: %w: %w", ErrUnknown, err)
		return j.failure
	}
	j.at = position{j.at.offset + f.size(), f.last + 1, f.chain}
	return nil
}

// takeBack cuts a frame that could not be written, so that no part of it can
// appear later.
func (j *Journal) takeBack(cause error) error {
	if info, err := j.file.Stat(); err == nil && info.Size() <= j.at.offset {
		return cause // nothing was written: on a read-only file system nothing can be cut either
	}
	if err := errors.Join(j.file.Truncate(j.at.offset), j.sync(j.file)); err != nil {
		j.failure = fmt.Errorf("%w: %w, and it could not be taken back: %w", ErrUnknown, cause, err)
		return j.failure
	}
	return cause
}

// roll begins the next segment.
func (j *Journal) roll() error {
	old := j.file
	if err := j.begin(j.at); err != nil {
		return err
	}
	return old.Close()
}

// Close closes the journal.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failure == nil {
		j.failure = errors.New("the journal is closed")
	}
	if j.file == nil {
		return nil // read-only
	}
	return j.file.Close()
}
