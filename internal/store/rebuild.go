package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/journal"
)

// The names of a database while it is made, when it is complete, and of the one
// whose place it takes.
const (
	buildingDir = "badger.building"
	newDir      = "badger.new"
	damagedDir  = "badger.damaged" // kept, for whoever wants to know
	oldDir      = "badger.old"     // removed
)

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
	if err := s.buildAnew(s.retell); err != nil {
		return fmt.Errorf("%w; and it cannot be rebuilt: %w; restore the state directory from a backup", cause, err)
	}
	if err := s.swap(damagedDir); err != nil {
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

// buildAnew makes badger.new with what fill writes into it: it has this name only
// when it is complete and on the disk, because a start that finds no badger takes
// it. Nothing is left of one that fails, which may be for lack of room.
func (s *Store) buildAnew(fill func(*database) error) error {
	path := s.path(buildingDir)
	if err := errors.Join(os.RemoveAll(path), os.RemoveAll(s.path(newDir))); err != nil {
		return err
	}
	if err := s.buildIn(path, fill); err != nil {
		return errors.Join(err, os.RemoveAll(path))
	}
	if err := os.Rename(path, s.path(newDir)); err != nil {
		return err
	}
	return syncDir(s.dir)
}

// buildIn makes a database, and closes it. One that cannot be filled is emptied
// before: closing writes the memory table out, and when the disk is full, which may
// be why, that would end the process.
func (s *Store) buildIn(path string, fill func(*database) error) error {
	d, err := openDatabase(path, s.log)
	if err != nil {
		return err
	}
	if err := fill(d); err != nil {
		if dropErr := protect(d.db.DropAll); dropErr != nil {
			return errors.Join(err, dropErr) // and it is left open
		}
		return errors.Join(err, d.db.Close())
	}
	return errors.Join(d.db.Close(), syncDir(path))
}

// retell writes everything that snapshots and journal hold into a database.
func (s *Store) retell(d *database) error {
	in := &intake{d: d, may: s.disk.finish}
	if err := s.fill(s.journal, in.add); err != nil {
		return err
	}
	return in.flush()
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

// swap puts badger.new in the place of badger, which is put aside under a name. A
// crash in between is finished by finishSwap: badger is moved away only when
// badger.new is complete. Neither may be open: Badger makes files under the name
// that its directory had when it was opened.
func (s *Store) swap(aside string) error {
	if err := os.RemoveAll(s.path(aside)); err != nil {
		return err
	}
	if s.exists("badger") {
		if err := os.Rename(s.path("badger"), s.path(aside)); err != nil {
			return err
		}
	}
	if err := s.step(stepMoved); err != nil {
		return err
	}
	return s.finishSwap()
}

// finishSwap gives a complete new database its name if a crash has come before.
func (s *Store) finishSwap() error {
	if s.exists("badger") || !s.exists(newDir) {
		return nil
	}
	if err := os.Rename(s.path(newDir), s.path("badger")); err != nil {
		return err
	}
	return syncDir(s.dir)
}
