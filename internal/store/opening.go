package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxDeaths is how many starts in a row may end while they open and read the
// database before it is taken to be damaged. One may be a power cut or an
// impatient administrator.
const maxDeaths = 2

// The file "opening" has one byte for each start that has not come as far as to
// have read the whole database. Badger reads damaged tables in goroutines of its
// own, where a panic ends the process and nothing can catch it (a table cut to
// half: measured); without this every start would end so.

// beginOpening counts this start. It fails when the ones before have died: then the
// database is not to be opened.
func (s *Store) beginOpening() error {
	file, err := os.OpenFile(s.path("opening"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return s.withoutCount(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return s.withoutCount(err)
	}
	if info.Size() >= maxDeaths {
		return fmt.Errorf("%w: the last %d starts died while they opened and read it", errDamaged, info.Size())
	}
	if _, err := file.WriteString("."); err != nil {
		return s.withoutCount(err)
	}
	return nil
}

// withoutCount goes on: on a full disk the start must not end for this.
func (s *Store) withoutCount(err error) error {
	s.log.Warn("this start is not counted", "err", err)
	return nil
}

// endOpening forgets the starts that died: the database has been read.
func (s *Store) endOpening() {
	if !s.exists("opening") {
		return // also where nothing can be written
	}
	if err := os.Remove(s.path("opening")); err != nil {
		s.log.Warn("this start is counted as one that died", "err", err)
	}
}

// sweep removes what a process that died has left unfinished.
func (s *Store) sweep() error {
	return errors.Join(sweepDir(s.path(snapshotDir)), sweepDir(s.path(replacedDir)))
}

func sweepDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), unfinished) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
