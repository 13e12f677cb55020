package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// ErrBusy says that somebody reads the journal: nothing is removed from under a
// reader.
var ErrBusy = errors.New("the journal is being read")

// Segment is a file of the journal.
type Segment struct {
	Name  string
	First uint64 // sequence number of its first frame, also while it has none
	Bytes int64
}

// Segments lists the files of the journal, the oldest first; the last one is
// being written.
func (j *Journal) Segments() ([]Segment, error) {
	names, err := segments(j.dir)
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	var list []Segment
	for _, name := range names {
		info, err := os.Stat(filepath.Join(j.dir, name))
		if err != nil {
			return nil, fmt.Errorf("read journal: %w", err)
		}
		list = append(list, Segment{name, numberOf(name), info.Size()})
	}
	return list, nil
}

// Peek returns at most the first n bytes of the segment's first payload, as they
// are on the disk, unchecked: enough to show what is there, never to act on it.
// A segment without a frame has none.
func (j *Journal) Peek(s Segment, n int) ([]byte, error) {
	file, err := os.Open(filepath.Join(j.dir, s.Name))
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	defer file.Close()
	b := make([]byte, frameHead+n)
	got, err := file.ReadAt(b, segmentHead)
	f, ok := decodeFrame(b[:got])
	if !ok {
		return nil, nil
	}
	if int64(got) < min(f.size(), int64(len(b))) {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	return b[frameHead:min(f.size(), int64(got))], nil
}

// Read calls fn for every frame of a segment that is not the last one. It checks
// all of it, and that the next segment continues it.
func (j *Journal) Read(s Segment, fn func(first, last uint64, payload []byte) error) error {
	j.files.RLock()
	defer j.files.RUnlock()
	at, err := scan(filepath.Join(j.dir, s.Name), position{}, func(f frame, payload []byte) error {
		return fn(f.first, f.last, payload)
	})
	if err != nil {
		return err
	}
	next := filepath.Join(j.dir, segmentName(at.next))
	file, err := os.Open(next)
	if err != nil {
		return fmt.Errorf("read journal: %w", err)
	}
	defer file.Close()
	_, err = readHead(file, next, at)
	return err
}

// Roll closes the last segment and begins the next, unless it is empty.
func (j *Journal) Roll() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failure != nil || j.at.offset <= segmentHead {
		return j.failure
	}
	return j.roll()
}

// Removed is what Prune has removed.
type Removed struct {
	Segments int
	Bytes    int64
	Anchor   Anchor // what is left hangs on it
}

// Prune removes the segments before the one that begins with first, the oldest
// first. Before it removes anything it makes the anchor durable that says so;
// when it is interrupted, wherever that is, the journal is in order and has some
// more segments. The caller has made sure that nobody needs what is removed, and
// that it was intact. ErrBusy: somebody reads, and nothing was removed.
func (j *Journal) Prune(first uint64, now time.Time) (Removed, error) {
	if !j.files.TryLock() {
		return Removed{}, ErrBusy
	}
	defer j.files.Unlock()
	old, err := j.before(first)
	if err != nil || len(old) == 0 {
		return Removed{}, err
	}
	r := Removed{Anchor: Anchor{First: first, Why: Pruned, Made: now}}
	if r.Anchor.Before, err = j.chainBefore(first); err != nil {
		return Removed{}, err
	}
	if err := r.Anchor.write(j.dir); err != nil {
		return Removed{}, fmt.Errorf("prune journal: write its anchor: %w", err)
	}
	for _, s := range old {
		if err := j.remove(filepath.Join(j.dir, s.Name)); err != nil {
			return r, fmt.Errorf("prune journal: %w", err)
		}
		r.Segments++
		r.Bytes += s.Bytes
	}
	return r, nil
}

// before returns the segments before the one that begins with first, which must
// be there.
func (j *Journal) before(first uint64) ([]Segment, error) {
	list, err := j.Segments()
	if err != nil {
		return nil, err
	}
	for i, s := range list {
		if s.First == first {
			return list[:i], nil
		}
	}
	return nil, fmt.Errorf("prune journal: no segment begins with change %d", first)
}

// chainBefore returns the chain value that a segment says it continues.
func (j *Journal) chainBefore(first uint64) (Chain, error) {
	path := filepath.Join(j.dir, segmentName(first))
	file, err := os.Open(path)
	if err != nil {
		return Chain{}, fmt.Errorf("read journal: %w", err)
	}
	defer file.Close()
	at, err := readHead(file, path, position{})
	return at.chain, err
}

// removeSegment removes a segment, durably: a power cut must not take away a
// later one and leave this.
func removeSegment(path string) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
