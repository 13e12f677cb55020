package journal

import (
	"errors"
	"fmt"
	"path/filepath"
)

// Verified is what was found to be intact.
type Verified struct {
	First, Last uint64 // sequence numbers
	Segments    int
	Chain       Chain // value after the frame that holds Last; it stands for everything before it
}

// Verify reads every frame that is kept, up to the one that holds until, which
// must have been acknowledged, and calls fn for each. A *DamageError says where
// the journal is not what was written: a journal that ends before until is
// damaged too. Appending may go on meanwhile.
func (j *Journal) Verify(until uint64, fn func(first, last uint64, payload []byte) error) (Verified, error) {
	if until == 0 {
		return Verified{}, nil
	}
	names, err := segments(j.dir)
	if err != nil {
		return Verified{}, fmt.Errorf("read journal: %w", err)
	}
	v := Verified{Last: until}
	var at position
	for _, name := range names {
		v.Segments++
		at, err = scan(filepath.Join(j.dir, name), at, func(f frame, payload []byte) error {
			if v.First == 0 {
				v.First = f.first
			}
			if err := fn(f.first, f.last, payload); err != nil || f.last < until {
				return err
			}
			v.Chain = f.chain
			return errEnd // what follows may be half written
		})
		if errors.Is(err, errEnd) {
			return v, nil
		}
		if err != nil {
			return Verified{}, err
		}
	}
	return Verified{}, missingEnd(names, at, until)
}

// missingEnd says that the journal ends too early.
func missingEnd(names []string, at position, until uint64) error {
	reason := fmt.Sprintf("it ends here; change %d, the last that was acknowledged, is missing", until)
	if len(names) == 0 {
		return &DamageError{Segment: segmentName(1), Reason: reason}
	}
	return &DamageError{names[len(names)-1], at.offset, reason}
}
