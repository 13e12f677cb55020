package journal

import (
	"errors"
	"fmt"
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
// than its anchor, or ends before until, is damaged too. The last change that
// was pruned can be asked for as well: the anchor has the chain value after it;
// an earlier one is ErrPruned. Appending may go on meanwhile.
func (j *Journal) Verify(until uint64, fn func(first, last uint64, payload []byte) error) (Verified, error) {
	if until == 0 {
		return Verified{}, nil
	}
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
		return Verified{}, missingEnd(names, position{}, until)
	}
	if v.First = numberOf(names[0]); until < v.First {
		return v.beforeFirst(until)
	}
	err = v.walk(j.dir, names, until, fn)
	if err != nil {
		return Verified{}, err
	}
	return v, nil
}

// beforeFirst is Verify for a change that was pruned.
func (v Verified) beforeFirst(until uint64) (Verified, error) {
	if until+1 != v.First || v.Anchor.First != v.First || v.Anchor.Why != Pruned {
		return Verified{}, fmt.Errorf("%w: with change %d; change %d is not there any more", ErrPruned, v.First, until)
	}
	v.Last, v.Chain = until, v.Anchor.Before
	return v, nil
}

// walk verifies the segments up to the frame that holds until.
func (v *Verified) walk(dir string, names []string, until uint64, fn func(first, last uint64, payload []byte) error) error {
	at, err := v.Anchor.origin(names)
	if err != nil {
		return err
	}
	for i, name := range names {
		v.Segments++
		before := at
		at, err = scan(filepath.Join(dir, name), at, func(f frame, payload []byte) error {
			if err := fn(f.first, f.last, payload); err != nil || f.last < until {
				return err
			}
			v.Last, v.Chain = f.last, f.chain
			return errEnd // what follows may be half written
		})
		if errors.Is(err, errEnd) {
			return nil
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

// missingEnd says that the journal ends too early.
func missingEnd(names []string, at position, until uint64) error {
	reason := fmt.Sprintf("it ends here; change %d, the last that was acknowledged, is missing", until)
	if len(names) == 0 {
		return &DamageError{Segment: segmentName(1), Reason: reason}
	}
	return &DamageError{names[len(names)-1], at.offset, reason}
}
