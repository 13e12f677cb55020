package journal

import (
	"errors"
	"fmt"
	"path/filepath"
)

// errEnd ends a scan at the end of a journal that is read only.
var errEnd = errors.New("the end")

// Replay calls fn for each frame that holds a sequence number above after, in
// order. The payload is fn's to keep.
func (j *Journal) Replay(after uint64, fn func(first, last uint64, payload []byte) error) error {
	j.files.RLock()
	defer j.files.RUnlock()
	if !j.reading {
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
