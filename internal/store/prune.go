package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/journal"
)

const (
	// A segment takes changes for a tenth of the retention, within these bounds:
	// segments are removed whole, so this is for how much longer than was asked
	// for a change may stay.
	minSegmentAge = 24 * time.Hour
	maxSegmentAge = 7 * 24 * time.Hour

	// clockError is how far the clock may have been off without anybody looking
	// twice at what it said.
	clockError = 24 * time.Hour
)

// earliest is when the first journal can have been written: a machine without a
// battery begins in 1970.
var earliest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Pruned is what [Store.Prune] has removed from the journal.
type Pruned struct {
	Segments int
	Bytes    int64
	Begins   directory.Revision // the first change that is left
}

// Prune closes the journal's last segment when it has taken changes for long
// enough, and removes the oldest segments when all that is in them is older than
// keep (0: keep everything) and in the oldest intact snapshot. That is read whole
// before anything is removed. A store that takes no changes is left alone.
func (s *Store) Prune(ctx context.Context, keep time.Duration, now time.Time) (Pruned, error) {
	if s.Failure() != nil {
		return Pruned{}, nil // it is told elsewhere, and this can wait
	}
	s.keeping.Lock()
	defer s.keeping.Unlock()
	if err := s.closeSegment(segmentAge(keep), now); err != nil || keep == 0 {
		return Pruned{}, err
	}
	first, err := s.prunable(ctx, now.Add(-keep), now)
	if err != nil || first == 0 {
		return Pruned{}, err
	}
	removed, err := s.journal.Prune(first, now)
	if errors.Is(err, journal.ErrBusy) {
		s.log.Debug("the journal is being read, and pruned later")
		return Pruned{}, nil
	}
	if removed.Segments > 0 {
		s.log.Info("old changes are removed from the journal", "up_to", first-1, "segments", removed.Segments,
			"bytes", removed.Bytes, "head", hex.EncodeToString(removed.Anchor.Before[:]))
	}
	return Pruned{removed.Segments, removed.Bytes, directory.Revision(first)}, err
}

func segmentAge(keep time.Duration) time.Duration {
	if keep == 0 {
		return maxSegmentAge
	}
	return min(max(keep/10, minSegmentAge), maxSegmentAge)
}

// closeSegment begins a new segment when the first change of the last one is so
// old: a small directory would never fill it, and nothing would ever be pruned.
func (s *Store) closeSegment(age time.Duration, now time.Time) error {
	list, err := s.journal.Segments()
	if err != nil || len(list) == 0 {
		return err
	}
	begun, err := s.begun(list[len(list)-1])
	if err != nil || begun.IsZero() || now.Sub(begun) < age {
		return err
	}
	return s.journal.Roll()
}

// begun returns the time of a segment's first change, as its file says
// unchecked; the zero time when it has none.
func (s *Store) begun(seg journal.Segment) (time.Time, error) {
	payload, err := s.written().Peek(seg, entryStart)
	if err != nil || payload == nil {
		return time.Time{}, err
	}
	return beginTime(payload)
}

// prunable returns where the journal may begin: before that, every change is
// older than before, and in a snapshot that was read whole just now. 0: nothing
// is to be removed.
func (s *Store) prunable(ctx context.Context, before, now time.Time) (uint64, error) {
	begins, err := s.aged(ctx, before, now)
	if err != nil || len(begins) == 0 {
		return 0, err
	}
	behind, err := s.oldestIntact(ctx)
	if err != nil {
		return 0, err
	}
	first := uint64(0)
	for _, b := range begins {
		if b <= uint64(behind)+1 {
			first = b
		}
	}
	return first, nil
}

// aged returns where the journal may begin as far as its age goes: behind each
// of the oldest segments whose changes are all older than before.
func (s *Store) aged(ctx context.Context, before, now time.Time) (begins []uint64, err error) {
	list, err := s.journal.Segments()
	if err != nil {
		return nil, err
	}
	var c chronicle
	for i := range max(0, len(list)-1) {
		begun, err := s.begun(list[i])
		if err != nil || !begun.Before(before) && !begun.After(now.Add(clockError)) {
			break // cheaper than reading it; what cannot be read stays
		}
		newest, err := s.newest(ctx, list[i], list[i+1], &c, now)
		if err != nil {
			return nil, fmt.Errorf("nothing is removed: %w", err)
		}
		if !newest.Before(before) {
			break
		}
		begins = append(begins, list[i+1].First)
	}
	return begins, nil
}

// chronicle follows the times of the changes.
type chronicle struct {
	latest time.Time
	odd    bool // the clock was wrong somewhere in this segment
}

// see takes the time of the next change. One that goes back, lies ahead, or is
// before there was a journal says that the clock was wrong and not when the
// change was made.
func (c *chronicle) see(t, now time.Time) {
	switch {
	case t.Before(earliest) || t.Before(c.latest.Add(-clockError)) || t.After(now.Add(clockError)):
		c.odd = true
	case t.After(c.latest):
		c.latest = t
	}
}

// newest reads a segment and returns when the newest of its changes was made, or
// a later time: where the clock was wrong, the next segment says before when all
// of them were.
func (s *Store) newest(ctx context.Context, seg, next journal.Segment, c *chronicle, now time.Time) (time.Time, error) {
	c.odd = false
	err := s.journal.Read(seg, func(first, _ uint64, payload []byte) error {
		b, err := decodeBatch(payload)
		if err != nil {
			return fmt.Errorf("journal entry %d: %w", first, err)
		}
		for i := range b.Entries {
			c.see(b.Entries[i].Time, now)
		}
		return ctx.Err()
	})
	if err != nil || !c.odd {
		return c.latest, err
	}
	after, err := s.begun(next)
	if err != nil || after.IsZero() || after.After(now) || after.Before(c.latest) || after.Before(earliest) {
		return now, err // nobody knows: it stays
	}
	return after, nil
}

// oldestIntact returns the revision of the oldest snapshot that is whole.
func (s *Store) oldestIntact(ctx context.Context) (directory.Revision, error) {
	names, err := s.snapshots()
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		r, err := checkSnapshot(ctx, filepath.Join(s.path(snapshotDir), name))
		if err == nil && snapshotName(r) == name {
			return r, nil
		}
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if err == nil {
			err = fmt.Errorf("it has the changes up to %d, which is not its name", r)
		}
		s.log.Error("a snapshot cannot be used", "snapshot", name, "err", err)
	}
	return 0, errors.New("nothing is removed: there is no intact snapshot behind which that may be done")
}

// checkSnapshot reads a whole snapshot and returns its revision.
func checkSnapshot(ctx context.Context, path string) (directory.Revision, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	return ReadSnapshot(file, func(_, _ []byte) error { return ctx.Err() })
}

// Trail is how much there is of the journal.
type Trail struct {
	First    directory.Revision // the first change that is there
	Oldest   time.Time          // when that was made; zero: there is none
	Segments int
	Bytes    int64
}

// Trail returns how much there is of the journal. It looks at the files' sizes
// and at one time, so it may be asked often.
func (s *Store) Trail() (Trail, error) {
	list, err := s.written().Segments()
	if err != nil || len(list) == 0 {
		return Trail{}, err
	}
	t := Trail{First: directory.Revision(list[0].First), Segments: len(list)}
	for _, seg := range list {
		t.Bytes += seg.Bytes
	}
	t.Oldest, err = s.begun(list[0])
	return t, err
}
