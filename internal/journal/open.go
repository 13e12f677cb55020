package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// Open opens the journal in o.Dir, or makes it, checks all of it, cuts off a torn
// tail, and makes durable what is left: when it returns, each of its frames is. With
// o.ReadOnly that is tried, and what cannot be made durable is logged.
func Open(o Options) (*Journal, error) {
	j := &Journal{dir: o.Dir, limit: o.SegmentSize, log: o.Log, sync: o.Sync, write: (*os.File).WriteAt, remove: removeSegment}
	if j.limit == 0 {
		j.limit = defaultSegment
	}
	if j.sync == nil {
		j.sync = fdatasync
	}
	if j.log == nil {
		j.log = slog.Default()
	}
	if o.ReadOnly {
		j.failure, j.reading = ErrReadOnly, true
	} else if err := makeDir(o.Dir); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	names, err := j.checkAll(o)
	if err != nil {
		return nil, err
	}
	switch {
	case len(names) == 0 && o.ReadOnly:
		j.at.next = max(1, o.Begin, j.at.next)
		return j, nil
	case len(names) == 0:
		return j, j.beginAll(max(1, o.Begin))
	}
	file, err := j.openFound(names[len(names)-1], o.Known)
	switch {
	case err == nil && !o.ReadOnly:
		j.file = file
	case err == nil:
		return j, file.Close()
	case !o.ReadOnly:
		return nil, fmt.Errorf("open journal: %w", err)
	case j.at.next > o.Known+1:
		j.log.Warn("journal: the last change is not known to be durable, and cannot be made so", "change", j.at.next-1, "err", err)
	}
	return j, nil
}

// openFound opens the last segment and makes durable what was read.
func (j *Journal) openFound(name string, known uint64) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(j.dir, name), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if err := j.settle(file, known); err != nil {
		return nil, errors.Join(fmt.Errorf("make durable what was found: %w", err), file.Close())
	}
	return file, nil
}

// settle makes durable what was read. The process before may have died between
// writing a frame and syncing it, or its sync failed: then the frame is in the
// page cache and perhaps nowhere else. Only the last one can be so, since nothing
// is written behind a frame that is not synced. It is written again unless it is
// known to have been acknowledged: after a sync that failed the kernel may hold
// its pages for clean, and another sync would pass them over.
func (j *Journal) settle(file *os.File, known uint64) error {
	var err error
	if j.tail == 0 || j.at.next > known+1 {
		err = writeAgain(file, j.tail, j.at.offset)
	}
	if err == nil {
		err = j.sync(file)
	}
	return errors.Join(err, syncDir(j.dir))
}

// writeAgain writes a part of a file again, as it is.
func writeAgain(file *os.File, from, to int64) error {
	buffer := make([]byte, piece)
	for from < to {
		part := buffer[:min(to-from, piece)]
		if _, err := file.ReadAt(part, from); err != nil {
			return err
		}
		if _, err := file.WriteAt(part, from); err != nil {
			return err
		}
		from += int64(len(part))
	}
	return nil
}

// makeDir makes the directory, durably.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// beginAll makes the first segment. One that does not begin with change 1 has an
// anchor that says why: the changes before were kept by somebody else, and the
// journal that had them is gone.
func (j *Journal) beginAll(first uint64) error {
	if first < j.anchor.First {
		return &DamageError{segmentName(j.anchor.First), 0, "it is missing, and so is every other segment"}
	}
	if first > 1 {
		j.anchor = Anchor{First: first, Why: Anew, Made: time.Now()}
		if err := j.anchor.write(j.dir); err != nil {
			return fmt.Errorf("begin journal: %w", err)
		}
	}
	return j.begin(position{next: first})
}

// checkAll checks every segment and returns their names.
func (j *Journal) checkAll(o Options) ([]string, error) {
	names, err := j.list()
	if err != nil || len(names) == 0 {
		return nil, err
	}
	if j.at, err = j.anchor.origin(names); err != nil {
		return nil, err
	}
	for i, name := range names {
		before, last := j.at, i == len(names)-1
		if err := j.check(name, last, o); err != nil {
			return nil, err
		}
		if err := j.anchor.passed(before, j.at, last); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// list reads the anchor and the segments' names, and removes what a crash left
// unfinished.
func (j *Journal) list() ([]string, error) {
	names, err := segments(j.dir)
	if err == nil {
		j.anchor, err = readAnchor(j.dir)
	}
	if err == nil {
		err = j.sweep()
	}
	if err == nil {
		names, err = j.dropEmptyTail(names)
	}
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	return names, nil
}

// sweep removes anchors that were not finished.
func (j *Journal) sweep() error {
	if j.reading {
		return nil
	}
	left, err := fs.Glob(os.DirFS(j.dir), anchorFile+".*")
	for _, name := range left {
		err = errors.Join(err, os.Remove(filepath.Join(j.dir, name)))
	}
	return err
}

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
	if j.reading {
		return names[:len(names)-1], nil
	}
	j.log.Warn("journal: an unfinished segment is removed", "segment", filepath.Base(path), "bytes", info.Size())
	return names[:len(names)-1], removeSegment(path)
}

// check reads one segment; of the last one a torn tail is cut off.
func (j *Journal) check(name string, last bool, o Options) error {
	path := filepath.Join(j.dir, name)
	var end frame
	at, err := scan(path, j.at, func(f frame, _ []byte) error { end = f; return nil })
	j.at, j.tail = at, at.offset-end.size()
	if end.last == 0 {
		j.tail = 0 // no frame: the segment's head
	}
	if damage := (*DamageError)(nil); !last || !errors.As(err, &damage) || damage.Offset < segmentHead || at.next <= o.Known {
		return err
	}
	if intact, scanErr := intactAfter(path, at); intact || scanErr != nil {
		return errors.Join(err, scanErr)
	}
	if short, readErr := unfinished(path, at); o.Unsure && (!short || readErr != nil) {
		return errors.Join(err, readErr)
	}
	if j.reading {
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
