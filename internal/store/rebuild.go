package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/journal"
)

// building is the name of a database that is being made.
const building = "badger.building"

// rebuild makes the database anew, from the newest snapshot that verifies and
// the journal behind it, or from the journal alone. The damaged one is kept
// beside it. When it cannot be rebuilt the error says why and what can be done;
// nothing has been changed then.
func (s *Store) rebuild(cause error) error {
	s.log.Error("the database is damaged and is rebuilt", "err", cause)
	if s.database != nil {
		if err := s.database.db.Close(); err != nil {
			s.log.Warn("closing the damaged database", "err", err)
		}
		s.database = nil
	}
	if err := s.buildAnew(); err != nil {
		return fmt.Errorf("%w; and it cannot be rebuilt: %w; restore the state directory from a backup", cause, err)
	}
	if err := s.swap(); err != nil {
		return fmt.Errorf("%w; and the rebuilt one cannot be put in its place: %w", cause, err)
	}
	d, err := openDatabase(s.path("badger"), s.log)
	if err != nil {
		return fmt.Errorf("open the rebuilt database: %w", err)
	}
	why := cause.Error()
	s.database = d
	s.deaths.rebuilt()
	s.rebuilt.Store(&why)
	s.log.Error("the database has been rebuilt; the damaged one is kept in badger.damaged", "revision", d.head.revision, "records", d.head.records)
	return nil
}

// buildAnew makes badger.new: it has this name only when it is complete and on
// the disk, because a start that finds no badger takes it. Nothing is left of one
// that fails, which may be for lack of room.
func (s *Store) buildAnew() error {
	path := s.path(building)
	if err := errors.Join(os.RemoveAll(path), os.RemoveAll(s.path("badger.new"))); err != nil {
		return err
	}
	if err := s.buildIn(path); err != nil {
		return errors.Join(err, os.RemoveAll(path))
	}
	if err := os.Rename(path, s.path("badger.new")); err != nil {
		return err
	}
	return syncDir(s.dir)
}

// buildIn makes a database with everything, and closes it.
func (s *Store) buildIn(path string) error {
	d, err := openDatabase(path, s.log)
	if err != nil {
		return err
	}
	in := &intake{d: d, may: s.disk.finish}
	if err = s.fill(s.journal, in.add); err == nil {
		err = in.flush()
	}
	return errors.Join(err, d.db.Close(), syncDir(path))
}

// fill hands on what makes the whole directory: the newest intact snapshot and
// the journal behind it, or all of the journal.
func (s *Store) fill(j *journal.Journal, apply func(*directory.Batch) error) error {
	first, err := j.First()
	if err != nil {
		return err
	}
	names, err := s.snapshots()
	if err != nil {
		return err
	}
	for i := len(names) - 1; i >= 0; i-- {
		path := filepath.Join(s.path(snapshotDir), names[i])
		b, err := snapshotBatch(path)
		if err != nil {
			s.log.Error("a snapshot cannot be used", "snapshot", names[i], "err", err)
			continue
		}
		if uint64(b.Revision())+1 < first {
			break // this and older ones do not reach the journal
		}
		if err := apply(b); err != nil {
			return err
		}
		return replay(j, uint64(b.Revision()), apply)
	}
	if first != 1 {
		return fmt.Errorf("there is no intact snapshot, and the journal begins with change %d only", first)
	}
	return replay(j, 0, apply)
}

// snapshotBatch reads a snapshot as one batch that makes all its records.
func snapshotBatch(path string) (*directory.Batch, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var e directory.Entry
	e.Revision, err = ReadSnapshot(file, func(key, value []byte) error {
		e.Changes = append(e.Changes, directory.Change{Key: key, Value: value})
		return nil
	})
	return &directory.Batch{Entries: []directory.Entry{e}}, err
}

// swap puts badger.new in the place of badger. A crash in between is finished by
// finishSwap: badger is moved away only when badger.new is complete.
func (s *Store) swap() error {
	if err := os.RemoveAll(s.path("badger.damaged")); err != nil {
		return err
	}
	if s.exists("badger") {
		if err := os.Rename(s.path("badger"), s.path("badger.damaged")); err != nil {
			return err
		}
	}
	return s.finishSwap()
}

// finishSwap gives a complete new database its name if a crash has come before.
func (s *Store) finishSwap() error {
	if s.exists("badger") || !s.exists("badger.new") {
		return nil
	}
	if err := os.Rename(s.path("badger.new"), s.path("badger")); err != nil {
		return err
	}
	return syncDir(s.dir)
}
