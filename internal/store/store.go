package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/gatepost/gatepost/internal/background"
	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/journal"
)

// Options say where a store is.
type Options struct {
	Dir     string           // the state directory
	Reserve bytesize.Size    // what must be left on its disk for a change to be taken; 0: a quarter of it, from 24 to 64 MiB
	Crash   string           // what the process that had it open before said when it died; "": nothing, or it did not die
	Log     *slog.Logger     // nil: slog.Default()
	Lane    *background.Lane // where large batches are taken into the database; nil: beside everything else

	free  func(dir string) (uint64, error) // a test's disk
	touch func() error                     // a test's way to write a byte on it
	sync  func(*os.File) error             // a test's fdatasync of the journal
	step  func(step string) error          // a test's trouble while a database takes another's place
}

// Store is an open store. Commit may be called from one goroutine at a time, the
// other methods from any.
type Store struct {
	dir      string
	disk     *disk
	sync     func(*os.File) error // nil: fdatasync
	steps    func(string) error   // nil: no trouble
	lane     *background.Lane
	log      *slog.Logger
	journal  *journal.Journal
	database *database
	rebuilt  atomic.Pointer[string] // why the database was rebuilt, if it was
	deaths   *deaths
	durable  atomic.Uint64           // the last revision in the journal
	refused  atomic.Pointer[refusal] // of the last change, if the journal could not take it

	// A database is exchanged for another under both of these; reading is held by
	// who uses it for a moment, scanning by who needs it for long.
	reading, scanning sync.RWMutex

	keeping sync.Mutex // held while snapshots are written and removed, and the journal is pruned

	image atomic.Pointer[image] // what is served while there is no database; before it is nil, journal and database must not be used

	mu      sync.Mutex
	changed *sync.Cond         // signalled when a field below changes
	queue   []*directory.Batch // in the journal, not in the database yet
	backlog int                // bytes of the values in the queue
	front   int                // of them, those of the first batch
	pending map[string]pending // the newest of each name in the queue, without the large batches
	large   []*directory.Batch // the large ones of the queue
	failure error              // why the follower gave up or waits, if it does
	closing bool
	hurry   chan struct{}  // holds one when somebody waits for the follower
	stop    chan struct{}  // closed by Close
	running sync.WaitGroup // the follower and the watch
}

// pending is a change that the database does not have yet.
type pending struct {
	value    []byte // nil: deleted
	revision directory.Revision
}

// maxBacklog is how many bytes the database may be behind the journal; then
// commits wait for it.
const maxBacklog = 64 << 20

// Open opens the store in o.Dir, or makes it, and takes into the database what
// the journal has beyond it. Only one process can have it open. When the disk is
// full or cannot be written, it opens what snapshots and journal hold, refuses
// changes, and goes over to the database when it can.
func Open(o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	o.Log = o.Log.With("component", "store")
	if err := makeDir(o.Dir); err != nil {
		return nil, fmt.Errorf("make the state directory: %w", err)
	}
	disk, err := newDisk(o)
	if err != nil {
		return nil, err
	}
	s := &Store{
		dir: o.Dir, disk: disk, sync: o.sync, steps: o.step, lane: o.Lane, log: o.Log, deaths: newDeaths(o),
		pending: map[string]pending{}, hurry: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	s.changed = sync.NewCond(&s.mu)
	if err := s.open(); err != nil {
		disk.ballast.close()
		return nil, err
	}
	s.running.Go(s.work)
	s.running.Go(s.watch)
	return s, nil
}

// work ends when the store is closed, or the database cannot be written.
func (s *Store) work() {
	if s.image.Load() == nil || s.heal() {
		s.follow()
	}
}

// watch looks after the ballast, and forgets old deaths, until the store is
// closed.
func (s *Store) watch() {
	for began := time.Now(); s.sleep(retryEvery); {
		s.disk.keepBallast(false)
		if s.image.Load() == nil && time.Since(began) > wellAfter {
			s.deaths.forget()
		}
	}
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Store) open() error {
	err := errors.Join(s.sweep(), sweepDir(s.dir, "restoring-")) // before anybody looks how much room there is
	s.disk.keepBallast(true)
	if err := s.disk.room(0); err != nil {
		return s.degrade(err)
	}
	if err == nil {
		err = s.openFiles()
	}
	if err == nil {
		return nil
	}
	if err = errors.Join(err, s.closeFiles()); isFileTrouble(err) {
		return s.degrade(s.disk.explain(err))
	}
	return err
}

// openFiles opens database and journal and brings them together, where nothing
// unfinished is left.
func (s *Store) openFiles() error {
	if err := s.finishSwap(); err != nil {
		return err
	}
	removed := !s.exists("badger")
	err := s.deaths.begin()
	if err == nil {
		err = dropEmpty(s.path("badger"), s.log)
	}
	if err == nil {
		err = checkTables(s.path("badger"))
	}
	if err == nil {
		s.database, err = openDatabase(s.path("badger"), s.log)
	}
	damaged := errors.Is(err, errDamaged)
	if err != nil && !damaged {
		return err
	}
	if jerr := s.openJournal(); jerr != nil {
		return jerr
	}
	if removed && s.durable.Load() > 0 {
		err, damaged = fmt.Errorf("%w: it was removed", errDamaged), true
	}
	if damaged {
		return s.rebuild(err)
	}
	s.disk.prepare(s.path("badger"))
	if err := s.catchUp(); err != nil {
		if errors.Is(err, errDamaged) {
			return s.rebuild(err)
		}
		return err
	}
	return nil
}

// catchUp takes into the database what the journal has beyond it. errDamaged: the
// journal does not reach back far enough.
func (s *Store) catchUp() error {
	have := s.database.head.revision
	first, err := s.journal.First()
	if err != nil {
		return err
	}
	if first > uint64(have)+1 {
		return fmt.Errorf("%w: it has changes up to %d, and the journal begins with %d", errDamaged, have, first)
	}
	if err := s.fellBack(have); err != nil {
		return err
	}
	in := &intake{d: s.database, may: s.disk.finish}
	if err := replay(s.journal, uint64(have), in.add); err != nil {
		return err
	}
	if err := in.flush(); err != nil {
		return err
	}
	if now := s.database.head.revision; now > have {
		s.log.Info("the database has caught up with the journal", "changes", now-have, "revision", now)
	}
	return nil
}

func replay(j *journal.Journal, after uint64, apply func(*directory.Batch) error) error {
	return j.Replay(after, func(first, last uint64, payload []byte) error {
		b, err := decodeBatch(payload)
		if err == nil && uint64(b.Revision()) != last {
			err = errBatch
		}
		if err != nil {
			return fmt.Errorf("journal entry %d: %w", first, err)
		}
		return apply(b)
	})
}

// Load calls apply for every record, from several goroutines at the same time,
// and returns the revision. When the database turns out damaged it is rebuilt and
// ErrStartOver returned.
func (s *Store) Load(ctx context.Context, apply func(key, value []byte) error) (directory.Revision, error) {
	if im := s.image.Load(); im != nil {
		return im.revision, im.records(ctx, apply)
	}
	s.drain()
	revision, err := s.scan(ctx, apply)
	if !errors.Is(err, errDamaged) {
		s.deaths.loaded()
		return revision, err
	}
	if s.Rebuilt() != "" {
		return 0, fmt.Errorf("the rebuilt database: %w", err)
	}
	if err := s.rebuild(err); err != nil {
		return 0, err
	}
	return 0, directory.ErrStartOver
}

// scan calls apply for every record of the database, as Load does.
func (s *Store) scan(ctx context.Context, apply func(key, value []byte) error) (directory.Revision, error) {
	s.scanning.RLock()
	defer s.scanning.RUnlock()
	txn, h := s.database.view()
	defer txn.Discard()
	return h.revision, s.database.scan(ctx, txn, h, apply)
}

// Rebuilt returns why the database had to be rebuilt when it was opened, or "".
func (s *Store) Rebuilt() string {
	if why := s.rebuilt.Load(); why != nil {
		return *why
	}
	return ""
}

// Commit appends the batch to the journal. ErrUnknown says that nobody can know
// whether it is there, any other error that it is not.
func (s *Store) Commit(_ context.Context, b *directory.Batch) error {
	payload, size := encodeOrCount(b)
	if err := s.room(size); err != nil {
		return &directory.Error{Code: directory.CodeReadOnly, Detail: "changes are refused for now", Err: err}
	}
	switch err := s.append(b, payload, size); {
	case errors.Is(err, journal.ErrUnknown):
		return &directory.Error{Code: directory.CodeUnknown, Detail: "the change may or may not be stored", Err: err}
	case err != nil:
		s.disk.suspect()
		err = s.disk.explain(err)
		s.refused.Store(&refusal{err, time.Now()})
		return &directory.Error{Code: directory.CodeReadOnly, Detail: "the change was not stored", Err: err}
	}
	s.refused.Store(nil)
	s.enqueue(b) // first: who sees that it is durable may wait until the database has it
	s.durable.Store(uint64(b.Revision()))
	return nil
}

// Read returns the value of key, or directory.ErrNotFound. Nothing is behind a
// commit, so atLeast is met always.
func (s *Store) Read(_ context.Context, key []byte, _ directory.Revision) ([]byte, error) {
	if im := s.image.Load(); im != nil {
		return im.read(key)
	}
	p, ok := s.waiting(key)
	if ok && p.value == nil {
		return nil, directory.ErrNotFound
	}
	if ok {
		return p.value, nil
	}
	var value []byte
	err := s.use(func(d *database) error {
		return d.db.View(func(txn *badger.Txn) (err error) {
			value, err = get(txn, append([]byte(recordPrefix), key...))
			return err
		})
	})
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, directory.ErrNotFound
	}
	return value, err
}

// use calls fn with the database, for a moment.
func (s *Store) use(fn func(*database) error) error {
	s.reading.RLock()
	defer s.reading.RUnlock()
	if s.database == nil {
		return errNone
	}
	return protect(func() error { return fn(s.database) })
}

// errNone says that one database was put aside and another could not be opened.
var errNone = errors.New("no database is open: restart gatepost")

// Follow returns at once: only this process writes the store.
func (s *Store) Follow(context.Context, directory.Revision, func(*directory.Batch) error) error {
	return nil
}

// Close takes what is committed into the database and closes everything. What it
// cannot take in is in the journal.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return nil
	}
	s.closing = true
	close(s.stop)
	s.changed.Broadcast()
	s.mu.Unlock()
	s.running.Wait()
	defer s.disk.ballast.close()
	err := s.closeFiles()
	s.deaths.forget()
	return err
}

func (s *Store) closeFiles() (err error) {
	if s.journal != nil {
		err = s.journal.Close()
	}
	if s.database != nil {
		err = errors.Join(err, s.closeDatabase())
	}
	s.journal, s.database = nil, nil
	s.deaths.closed()
	return err
}

// closeDatabase closes the database, unless there is no room for what it writes
// then: it would end the process. What is in it is synced, so it can be left.
func (s *Store) closeDatabase() error {
	if err := s.disk.finish(); err != nil {
		s.log.Error("the database is left as after a crash", "err", err)
		return nil
	}
	return s.database.db.Close()
}

// exists reports whether there is a file or directory of the name.
func (s *Store) exists(name string) bool {
	_, err := os.Lstat(s.path(name))
	return err == nil
}
