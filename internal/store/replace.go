package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/gatepost/gatepost/internal/directory"
)

// A restore is taken into a fresh database, which then takes the place of the one
// that is there. That is read meanwhile, and stays what it was until then: nobody
// finds a part of a restore in it, and the restored one has nothing left of it,
// such as what was deleted. When that cannot be, for example for lack of room, the
// restore is taken in as any other large change: in parts, of which a start
// finishes the rest, as it does when the process ends before the fresh database is
// complete.

// exchangeWithin is how long the exchange waits for those who need the database
// for long, such as a backup to somebody who reads slowly.
const exchangeWithin = time.Minute

// The steps of an exchange, for tests.
const (
	stepBuilt  = "built"  // badger.new is complete
	stepClosed = "closed" // badger is closed
	stepMoved  = "moved"  // badger is badger.old
	stepTaken  = "taken"  // badger.new is badger
	stepOpened = "opened" // and open
)

// step lets a test stop here.
func (s *Store) step(at string) error {
	if s.steps == nil {
		return nil
	}
	return s.steps(at)
}

// replaces reports whether a batch is a restore that is worth a fresh database:
// one that changes little is one transaction, of which nobody finds a part
// either. A restore is alone in its batch, and its changes are sorted, when it was
// done as a large change.
func replaces(b *directory.Batch) bool {
	if !b.Restores() || len(b.Entries) > 1 || len(b.Entries[0].Users) > 0 || !isSorted(b) {
		return false
	}
	n := b.Entries[0].Len()
	little := n <= partChanges && sizeOf(b) <= partBytes && uint64(10*n) < b.Records
	return !little
}

// takeAnew takes a restore into a fresh database, and that into the place of the
// one that is there. When it fails, that is open again; where it cannot be, there
// is none.
func (s *Store) takeAnew(b *directory.Batch) error {
	begun, p := time.Now(), &pacer{store: s}
	f := &filling{from: s.database, batch: b, may: func() error {
		if err := s.disk.room(tableRoom); err != nil {
			return err // the reserve is for what is committed meanwhile
		}
		return p.next()
	}}
	err := s.mayBuild(b)
	if err == nil {
		s.lane.Run(func() { err = s.buildAnew(f.fill) })
	}
	if err == nil {
		err = s.step(stepBuilt)
	}
	if err == nil {
		err = s.exchange(f)
	}
	if err == nil {
		s.log.Info("a restored database has taken the place of the one before", "revision", b.Revision(), "records", f.want.records, "took", time.Since(begun))
		s.remove(oldDir)
		return nil
	}
	if s.database == nil {
		return err // a start may need what is there
	}
	s.remove(newDir)
	if !errors.Is(err, errClosing) {
		s.log.Warn("a restore is taken into the database that is there, not into a fresh one", "revision", b.Revision(), "err", err)
	}
	return err
}

// mayBuild fails when the present database has the beginning of the restore, or
// there is no room for a second one.
func (s *Store) mayBuild(b *directory.Batch) error {
	if s.database.head.progress > 0 {
		return errors.New("it has a part of it already")
	}
	if err := os.RemoveAll(s.path(oldDir)); err != nil { // goBack must not take it for the one before
		return err
	}
	size, err := blocksBelow(s.path("badger"))
	if err != nil {
		return err
	}
	return s.disk.need(s.disk.reserve + size + uint64(sizeOf(b)) + 2*tableRoom)
}

// remove removes a database that is not needed any more. The next start does it
// when that fails.
func (s *Store) remove(name string) {
	if err := os.RemoveAll(s.path(name)); err != nil {
		s.log.Warn("a database that is not needed any more is not removed", "database", name, "err", err)
	}
}

// blocksBelow returns how many bytes the files of a directory have on the disk.
func blocksBelow(dir string) (size uint64, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // Badger removes tables that it has merged
		}
		if err == nil {
			size += uint64(info.Sys().(*syscall.Stat_t).Blocks) * 512
		}
		return err
	})
	return size, err
}

// exchange puts badger.new, which was filled, in the place of the database. Those
// who read a record wait for that. Usage that was saved since is taken over.
func (s *Store) exchange(f *filling) error {
	if err := s.alone(); err != nil {
		return err
	}
	defer s.scanning.Unlock()
	s.reading.Lock()
	defer s.reading.Unlock()
	if err := s.disk.finish(); err != nil { // closing a database writes
		return err
	}
	var late []*badger.Entry
	if _, err := f.from.usage(f.usage, keepUsage(&late)); err != nil {
		return err
	}
	if err := f.from.db.Close(); err != nil {
		s.log.Warn("closing the database before a restore", "err", err)
	}
	s.disk.unprepared()
	d, err := s.takePlace(f.want)
	if err != nil {
		s.database, err = s.goBack(f.from.head, err)
		return err
	}
	s.database = d
	if err := d.setAll(late); err != nil {
		s.log.Warn("usage that was saved during a restore is lost", "users", len(late), "err", err)
	}
	_ = s.step(stepOpened) // it is done
	return nil
}

// alone takes the lock that keeps those away who need the database for long, when
// none of them is there.
func (s *Store) alone() error {
	for begun := time.Now(); !s.scanning.TryLock(); {
		if time.Since(begun) > exchangeWithin {
			return fmt.Errorf("somebody has been reading the database for more than %v", exchangeWithin)
		}
		if !s.sleep(retryEvery) {
			return errClosing
		}
	}
	return nil
}

// takePlace swaps the databases, both of which are closed, and opens the new one.
func (s *Store) takePlace(want head) (*database, error) {
	err := s.step(stepClosed)
	if err == nil {
		err = s.swap(oldDir)
	}
	if err == nil {
		err = s.step(stepTaken)
	}
	if err != nil {
		return nil, err
	}
	return s.openAs(want)
}

// goBack opens the database again that was to be replaced, wherever it is, and
// returns the cause. It returns no database when that fails too; a start finds one
// then, or makes it.
func (s *Store) goBack(want head, cause error) (*database, error) {
	err := s.swapBack()
	if err != nil {
		return nil, errors.Join(cause, err)
	}
	d, err := s.openAs(want)
	return d, errors.Join(cause, err)
}

// swapBack undoes swap, as far as that has come. There is always a database that a
// start can take.
func (s *Store) swapBack() error {
	if !s.exists(oldDir) {
		return nil
	}
	if s.exists("badger") {
		if err := os.Rename(s.path("badger"), s.path(newDir)); err != nil {
			return err
		}
	}
	if err := os.Rename(s.path(oldDir), s.path("badger")); err != nil {
		return err
	}
	return syncDir(s.dir)
}

// openAs opens the database, which must be at a head.
func (s *Store) openAs(want head) (*database, error) {
	d, err := openDatabase(s.path("badger"), s.log)
	if err == nil && d.head != want {
		return nil, errors.Join(fmt.Errorf("it is at %+v and not at %+v", d.head, want), d.db.Close())
	}
	return d, err
}
