package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrPruned says that a change is not in the journal any more.
var ErrPruned = errors.New("the journal begins later")

// Verified is what was found to be intact.
type Verified struct {
	First, Last uint64 // sequence numbers
	Segments    int
	Chain       Chain  // value after the frame that holds Last; it stands for everything before it
	Anchor      Anchor // what the chain before First hangs on
}

// Verify reads the anchor and every frame that is kept, up to the one that holds
// until, which must have been acknowledged, and calls fn for each. A *DamageError
// says where the journal is not what was written: a journal that begins later
// than its anchor, or ends before until, is damaged too, and so is one whose next
// segment, which may have no frame yet, does not continue what was read. The
// change before the first that is kept can be asked for as well: the anchor has
// the chain value after it (0 when it was lost); an earlier one is ErrPruned.
// Appending may go on meanwhile.
func (j *Journal) Verify(until uint64, fn func(first, last uint64, payload []byte) error) (Verified, error) {
	j.files.RLock()
	defer j.files.RUnlock()
	names, err := segments(j.dir)
	if err != nil {
		return Verified{}, fmt.Errorf("read journal: %w", err)
	}
	v := Verified{}
	if v.Anchor, err = readAnchor(j.dir); err != nil {
		return Verified{}, err
	}
	if len(names) == 0 {
		return Verified{}, j.missingAll(until)
	}
	if v.First = numberOf(names[0]); until < v.First {
		return j.beforeFirst(v, names, until)
	}
	err = v.walk(j.dir, names, until, fn)
	if err != nil {
		return Verified{}, err
	}
	return v, nil
}

// beforeFirst is Verify for a change before the first that is kept: the last that
// was pruned or lost, or none, 0. No frame has to be read, but what will be
// appended hangs on the head of the first segment.
func (j *Journal) beforeFirst(v Verified, names []string, until uint64) (Verified, error) {
	if until+1 != v.First || until > 0 && v.Anchor.First != v.First {
		return Verified{}, fmt.Errorf("%w: with change %d; change %d is not there any more", ErrPruned, v.First, until)
	}
	at, err := v.Anchor.origin(names)
	if err == nil {
		err = continues(filepath.Join(j.dir, names[0]), at, j.reading && len(names) == 1)
	}
	if err != nil || until == 0 {
		return Verified{}, err
	}
	v.Last, v.Chain = until, at.chain
	return v, nil
}

// continues checks the head of a segment without its frames. Of the last one the
// head may not be whole: the segment is being made, or a crash came before it was,
// and the next start removes it.
func continues(path string, at position, last bool) error {
	file, err := os.Open(path)
	if last && errors.Is(err, fs.ErrNotExist) {
		return nil // making it has failed
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || last && info.Size() < segmentHead {
		return err
	}
	_, err = readHead(file, path, at)
	return err
}

// walk verifies the segments up to the frame that holds until.
func (v *Verified) walk(dir string, names []string, until uint64, fn func(first, last uint64, payload []byte) error) error {
	at, err := v.Anchor.origin(names)
	if err != nil {
		return err
	}
	for i, name := range names {
		v.Segments++
		before, found := at, frame{}
		at, err = scan(filepath.Join(dir, name), at, func(f frame, payload []byte) error {
			if err := fn(f.first, f.last, payload); err != nil || f.last < until {
				return err
			}
			found = f
			return errEnd // what follows may be half written
		})
		if errors.Is(err, errEnd) {
			v.Last, v.Chain = found.last, found.chain
			return v.checkNext(dir, names[i:], before, position{at.offset + found.size(), found.last + 1, found.chain})
		}
		if err == nil {
			err = v.Anchor.passed(before, at, i == len(names)-1)
		}
		if err != nil {
			return err
		}
	}
	return missingEnd(names, at, until)
}

// checkNext checks that the journal goes on behind the segment named first, from
// one position to another, when it ends there: else what follows is later.
func (v *Verified) checkNext(dir string, names []string, before, end position) error {
	info, err := os.Stat(filepath.Join(dir, names[0]))
	if err != nil {
		return err
	}
	if info.Size() > end.offset {
		if len(names) > 1 && numberOf(names[1]) == end.next {
			return &DamageError{names[0], end.offset, "something follows the last change of a segment that is complete"}
		}
		return nil
	}
	if err := v.Anchor.passed(before, end, len(names) == 1); err != nil || len(names) == 1 {
		return err
	}
	return continues(filepath.Join(dir, names[1]), end, len(names) == 2)
}

// missingAll says that there is no segment. Who only reads need not have one
// before the first change.
func (j *Journal) missingAll(until uint64) error {
	switch {
	case until > 0:
		return missingEnd(nil, position{}, until)
	case j.reading:
		return nil
	}
	return &DamageError{segmentName(1), 0, "it is missing"}
}

// missingEnd says that the journal ends too early.
func missingEnd(names []string, at position, until uint64) error {
	reason := fmt.Sprintf("it ends here; change %d, the last that was acknowledged, is missing", until)
	if len(names) == 0 {
		return &DamageError{Segment: segmentName(1), Reason: reason}
	}
	return &DamageError{names[len(names)-1], at.offset, reason}
}
