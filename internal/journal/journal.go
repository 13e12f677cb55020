package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
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
	// Begin is the sequence number that a new journal begins with; 0: 1.
	Begin uint64
	// SegmentSize is how many bytes a segment grows to; 0: 64 MiB.
	SegmentSize int64
	// ReadOnly leaves the files as they are: a torn tail is not cut off but not
	// read either, and Append refuses.
	ReadOnly bool
	Log      *slog.Logger // nil: slog.Default()
}

// Journal is an open journal.
type Journal struct {
	dir     string
	limit   int64
	log     *slog.Logger
	file    *os.File // the last segment
	at      position // its end
	failure error    // why nothing more is taken, if nothing is

	sync func(*os.File) error // fdatasync; a test makes it fail
}

// Open opens the journal in o.Dir, or makes it, checks all of it, and cuts off a
// torn tail.
func Open(o Options) (*Journal, error) {
	j := &Journal{dir: o.Dir, limit: o.SegmentSize, log: o.Log, sync: fdatasync}
	if j.limit == 0 {
		j.limit = defaultSegment
	}
	if j.log == nil {
		j.log = slog.Default()
	}
	if o.ReadOnly {
		j.failure = ErrReadOnly
	} else if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	names, err := j.checkAll(o.Known)
	if err != nil {
		return nil, err
	}
	switch {
	case o.ReadOnly:
		j.at.next = max(1, o.Begin, j.at.next)
	case len(names) == 0:
		return j, j.begin(position{next: max(1, o.Begin)})
	default:
		path := filepath.Join(j.dir, names[len(names)-1])
		if j.file, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
			return nil, fmt.Errorf("open journal: %w", err)
		}
	}
	return j, nil
}

// checkAll checks every segment and returns their names.
func (j *Journal) checkAll(known uint64) ([]string, error) {
	names, err := segments(j.dir)
	if err == nil {
		names, err = j.dropEmptyTail(names)
	}
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	for i, name := range names {
		if err := j.check(name, i == len(names)-1, known); err != nil {
			return nil, err
		}
	}
	return names, nil
}

func (j *Journal) readOnly() bool { return errors.Is(j.failure, ErrReadOnly) }

// dropEmptyTail removes a last segment that a crash left without its head. It
// holds no frame.
func (j *Journal) dropEmptyTail(names []string) ([]string, error) {
	if len(names) == 0 {
		return names, nil
	}
	path := filepath.Join(j.dir, names[len(names)-1])
	info, err := os.Stat(path)
	if err != nil || info.Size() >= segmentHead {
		return names, err
	}
	if j.readOnly() {
		return names[:len(names)-1], nil
	}
	j.log.Warn("journal: an unfinished segment is removed", "segment", filepath.Base(path), "bytes", info.Size())
	return names[:len(names)-1], os.Remove(path)
}

// check reads one segment; of the last one a torn tail is cut off.
func (j *Journal) check(name string, last bool, known uint64) error {
	path := filepath.Join(j.dir, name)
	at, err := scan(path, j.at, nil)
	j.at = at
	if damage := (*DamageError)(nil); !last || !errors.As(err, &damage) || damage.Offset < segmentHead || at.next <= known {
		return err
	}
	if intact, scanErr := intactAfter(path, at); intact || scanErr != nil {
		return errors.Join(err, scanErr)
	}
	if j.readOnly() {
		return nil
	}
	j.log.Warn("journal: a change that was never acknowledged is cut off", "segment", name, "offset", at.offset, "change", at.next, "err", err)
	return cut(path, at.offset)
}

func cut(path string, size int64) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Truncate(size), file.Sync(), file.Close())
}

// begin makes a new segment and makes its name durable.
func (j *Journal) begin(at position) error {
	path := filepath.Join(j.dir, segmentName(at.next))
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("begin journal segment: %w", err)
	}
	_, err = file.WriteAt(encodeSegmentHead(at.next, at.chain), 0)
	if err = errors.Join(err, file.Sync(), syncDir(j.dir)); err != nil {
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
func (j *Journal) Next() uint64 { return j.at.next }

// First returns the sequence number of the first frame that is kept.
func (j *Journal) First() (uint64, error) {
	names, err := segments(j.dir)
	if err != nil || len(names) == 0 {
		return 0, fmt.Errorf("read journal: no segments: %w", err)
	}
	return strconv.ParseUint(strings.TrimSuffix(names[0], suffix), 10, 64)
}

// Chain returns the chain value after the last frame.
func (j *Journal) Chain() Chain { return j.at.chain }

// Append writes a frame that holds the sequence numbers from Next to last, and
// returns when it is durable. An error that is not ErrUnknown says that the
// frame is not there and never will be.
func (j *Journal) Append(last uint64, payload []byte) error {
	if j.failure != nil {
		return j.failure
	}
	if last < j.at.next || len(payload) > MaxPayload {
		return fmt.Errorf("journal: a frame to change %d of %d bytes cannot follow change %d", last, len(payload), j.at.next-1)
	}
	if j.at.offset >= j.limit {
		if err := j.roll(); err != nil {
			return err
		}
	}
	f := frame{length: uint32(len(payload)), first: j.at.next, last: last}
	f.chain = f.next(j.at.chain, payload)
	if _, err := j.file.WriteAt(append(f.encode(), payload...), j.at.offset); err != nil {
		return j.takeBack(fmt.Errorf("write journal: %w", err))
	}
	if err := j.sync(j.file); err != nil {
		j.failure = fmt.Errorf("sync journal: %w: %w", ErrUnknown, err)
		return j.failure
	}
	j.at = position{j.at.offset + f.size(), last + 1, f.chain}
	return nil
}

// takeBack cuts a frame that could not be written, so that no part of it can
// appear later.
func (j *Journal) takeBack(cause error) error {
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

// errEnd ends a scan at the end of a journal that is read only.
var errEnd = errors.New("the end")

// Replay calls fn for each frame that holds a sequence number above after, in
// order. The payload is fn's to keep.
func (j *Journal) Replay(after uint64, fn func(first, last uint64, payload []byte) error) error {
	if !j.readOnly() {
		return j.replay(after, fn)
	}
	if after+1 >= j.at.next {
		return nil
	}
	err := j.replay(after, func(first, last uint64, payload []byte) error {
		if err := fn(first, last, payload); err != nil || last+1 < j.at.next {
			return err
		}
		return errEnd // a torn tail may follow
	})
	if errors.Is(err, errEnd) {
		return nil
	}
	return err
}

func (j *Journal) replay(after uint64, fn func(first, last uint64, payload []byte) error) error {
	names, err := segments(j.dir)
	if err != nil {
		return fmt.Errorf("read journal: %w", err)
	}
	var at position
	for i, name := range names {
		if i+1 < len(names) && names[i+1] <= segmentName(after+1) {
			continue // all of it is older
		}
		at, err = scan(filepath.Join(j.dir, name), at, func(f frame, payload []byte) error {
			if f.last <= after {
				return nil
			}
			return fn(f.first, f.last, payload)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Close closes the journal.
func (j *Journal) Close() error {
	if j.failure == nil {
		j.failure = errors.New("the journal is closed")
	}
	if j.file == nil {
		return nil // read-only
	}
	return j.file.Close()
}
