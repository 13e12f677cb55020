package store

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// maxDeaths is how many processes in a row may die of the database before it
	// is taken to be damaged. One may be a power cut or an impatient
	// administrator.
	maxDeaths = 2

	// wellAfter is how long a process must have had the database open for the
	// deaths before it to be forgotten.
	wellAfter = 10 * time.Minute

	// The file "opening" has one byte for each death.
	diedOpening = "." // a start that has not come as far as to have read the whole database
	diedServing = "!" // a process that said with its last words that the database ended it
)

// deaths counts the processes that died of the database: Badger works in
// goroutines of its own, where a panic, or a fault in a mapped file, ends the
// process and nothing can catch it. What checkTables and the digest do not find
// would end every start so. A kill -9 while serving is no such death.
type deaths struct {
	path string
	log  *slog.Logger

	mu       sync.Mutex // guards what follows, and the file
	deadly   bool       // there are too many: the database is not opened
	opened   bool       // it has been read whole
	forgiven bool       // they are forgotten
}

// newDeaths returns the count for a state directory; crash is what the process
// before said when it died.
func newDeaths(o Options) *deaths {
	d := &deaths{path: filepath.Join(o.Dir, "opening"), log: o.Log}
	if strings.Contains(o.Crash, "github.com/dgraph-io/badger/") {
		d.write(d.read() + diedServing)
	}
	return d
}

// begin counts this start. It fails when the ones before have died: then the
// database is not to be opened.
func (d *deaths) begin() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.read()
	if d.deadly = len(before) >= maxDeaths; d.deadly {
		return fmt.Errorf("%w: the last %d processes died of it", errDamaged, len(before))
	}
	d.write(before + diedOpening)
	return nil
}

// loaded says that the database has been read whole.
func (d *deaths) loaded() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opened = true
	d.through()
}

// closed says that the database was closed, or could not be opened: an error is
// no death.
func (d *deaths) closed() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.through()
}

// through takes this start off the count.
func (d *deaths) through() {
	if !d.deadly {
		d.write(strings.ReplaceAll(d.read(), diedOpening, ""))
	}
}

// rebuilt says that there is another database.
func (d *deaths) rebuilt() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deadly = false
	d.write(diedOpening)
}

// forget forgets every death, if the database has been open.
func (d *deaths) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.opened && !d.deadly && !d.forgiven {
		d.forgiven = true
		d.write("")
	}
}

func (d *deaths) read() string {
	content, err := os.ReadFile(d.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		d.log.Warn("the deaths of earlier processes are not known", "err", err)
	}
	return string(content)
}

// write keeps the count. On a full disk, or one that is read-only, the start must
// not end for this.
func (d *deaths) write(count string) {
	var err error
	if count != "" {
		err = os.WriteFile(d.path, []byte(count), 0o600)
	} else if err = os.Remove(d.path); errors.Is(err, os.ErrNotExist) {
		err = nil // also where nothing can be written
	}
	if err != nil {
		d.log.Warn("this start is not counted", "err", err)
	}
}

// sweep removes what a process that died has left unfinished: snapshots, and
// databases that were being made anew or had been replaced. It may be what takes
// the room on the disk. A complete database stays as long as there is no other:
// what badger lacks is in the journal.
func (s *Store) sweep() error {
	err := errors.Join(sweepDir(s.path(snapshotDir), unfinished), sweepDir(s.path(replacedDir), unfinished))
	left := []string{buildingDir, oldDir}
	if s.exists("badger") {
		left = append(left, newDir)
	}
	for _, name := range left {
		if s.exists(name) {
			err = errors.Join(err, os.RemoveAll(s.path(name)))
		}
	}
	if err != nil {
		return fmt.Errorf("remove what was left unfinished: %w", err)
	}
	return nil
}

// dropEmpty removes the newest file of Badger's value log, and of its write-ahead
// logs, if it is empty: a process that is killed between making one and giving it
// its length leaves it so, and Badger 4.9.6 does not open what it finds empty (its
// "new file" is an error there). When it was not empty before, the journal has
// what was in it, and number and digest tell whether that is enough.
func dropEmpty(dir string, log *slog.Logger) error {
	for _, kind := range []string{"*.vlog", "*.mem"} {
		newest := newestOf(dir, kind)
		info, err := os.Stat(newest)
		if err != nil || info.Size() > 0 {
			continue // there is none, or it cannot be looked at, which Badger names
		}
		log.Warn("an empty file of the database is removed", "file", newest)
		if err := os.Remove(newest); err != nil {
			return fmt.Errorf("remove an empty file of the database: %w", err)
		}
	}
	return nil
}

// newestOf returns the newest of the numbered files of a kind, or "". The name of
// the directory is no part of the pattern: it may hold what means something there.
func newestOf(dir, kind string) string {
	names, err := fs.Glob(os.DirFS(dir), kind)
	if err != nil || len(names) == 0 {
		return ""
	}
	return filepath.Join(dir, slices.Max(names))
}

// sweepDir removes the files of a directory whose names begin so.
func sweepDir(dir, prefix string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
