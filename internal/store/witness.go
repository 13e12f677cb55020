package store

import (
	"errors"
	"fmt"
	"os"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/journal"
)

// witness is what shows, beside the journal, how far changes were acknowledged:
// what is in database and snapshots was durable in the journal before.
type witness struct {
	database uint64 // it has something of the changes up to this one
	snapshot uint64 // the newest snapshot has, also of those from before restores
	path     string // of that snapshot; "": there is none
}

// witnessed looks at database and snapshots. A database that is damaged, or was
// emptied, shows nothing.
func (s *Store) witnessed() (w witness, err error) {
	if s.database != nil {
		w.database = s.database.head.touched()
	}
	for _, sub := range []string{replacedDir, snapshotDir} {
		names, err := snapshotsIn(s.path(sub))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return w, err
		}
		if len(names) == 0 {
			continue
		}
		newest := names[len(names)-1]
		if r, _ := revisionOf(newest); uint64(r) >= w.snapshot {
			w.snapshot, w.path = uint64(r), s.path(sub+"/"+newest)
		}
	}
	return w, nil
}

// known returns the last change that was acknowledged for certain.
func (w witness) known() uint64 { return max(w.database, w.snapshot) }

// unsure reports whether many more may have been: a database that is well is some
// milliseconds behind the journal, and a snapshot hours.
func (w witness) unsure() bool { return w.database < max(1, w.snapshot) }

// without says how to go on without the journal. The database will do when it has
// all that is known of.
func (w witness) without(dir string) string {
	if !w.unsure() {
		return fmt.Sprintf("to go on with the database, which has changes up to %d, and without the audit trail, move %s away and start again", w.database, dir)
	}
	file := "a backup"
	if w.path != "" {
		file = fmt.Sprintf("%s, which has changes up to %d,", w.path, w.snapshot)
	}
	return "to go on without the audit trail, move the whole state directory away, start with an empty one, and use `gatepostctl restore` with " + file + " there"
}

// openJournal opens the journal and compares it with database and snapshots: it
// must reach at least as far.
func (s *Store) openJournal() error {
	w, err := s.witnessed()
	if err != nil {
		return err
	}
	dir := s.path("journal")
	s.journal, err = journal.Open(journal.Options{
		Dir: dir, Known: w.known(), Unsure: w.unsure(), Begin: w.database + 1, Sync: s.sync, Log: s.log,
	})
	if damage := (*journal.DamageError)(nil); errors.As(err, &damage) {
		return fmt.Errorf("%w; restore %s from a backup of the state directory, or, %s", err, dir, w.without(dir))
	}
	if err != nil {
		return err
	}
	if first, err := s.journal.First(); err == nil && w.database > 0 && first > w.database && s.journal.Anchor().Why == journal.Anew {
		s.log.Error("the journal was removed: the audit trail before it is not there any more", "begins", first)
	}
	last := s.journal.Next() - 1
	s.durable.Store(last)
	switch {
	case last < w.database:
		return fmt.Errorf("the journal in %s ends at change %d, but the database has changes up to %d: the end of the journal was removed; "+
			"restore it from a backup of the state directory, or, %s", dir, last, w.database, w.without(dir))
	case last < w.snapshot:
		return fmt.Errorf("there is a snapshot %s, but journal and database end at change %d: they were removed; "+
			"restore the state directory from a backup, or, %s", w.path, last, w.without(dir))
	}
	return nil
}

// fellBack fails when a snapshot was made of a newer database than the one that
// is there: Badger opens what is left of a damaged one as if nothing were.
func (s *Store) fellBack(have directory.Revision) error {
	names, err := s.snapshots()
	if err != nil || len(names) == 0 || names[len(names)-1] <= snapshotName(have) {
		return err
	}
	return fmt.Errorf("%w: it has changes up to %d only; it had more when snapshot %s was made of it", errDamaged, have, names[len(names)-1])
}
