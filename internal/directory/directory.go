package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatepost/gatepost/internal/background"
	"github.com/gatepost/gatepost/internal/bytesize"
	"github.com/gatepost/gatepost/internal/quota"
)

// Settings are the configured values that lookups need.
type Settings struct {
	DefaultQuota bytesize.Size // of users whose plan and domain say nothing
	Delimiters   string        // Postfix recipient_delimiter: any of these bytes begins a detail
}

// Hooks are called as the directory works. A nil field is skipped.
type Hooks struct {
	// Committed is called for each batch: how many commands it holds, how long
	// the store took, and what it said.
	Committed func(commands int, took time.Duration, err error)
}

// Options are what a directory is made from.
type Options struct {
	Store    Store
	Ledger   *quota.Ledger
	Settings Settings
	Hooks    Hooks
	Log      *slog.Logger     // nil: slog.Default()
	Now      func() time.Time // nil: time.Now
	Lane     *background.Lane // where large changes run; nil: beside everything else
}

// Directory is the table of names. Its methods may be called from any
// goroutine.
type Directory struct {
	store    Store
	ledger   *quota.Ledger
	hooks    Hooks
	log      *slog.Logger
	now      func() time.Time
	settings atomic.Pointer[Settings]
	memory   atomic.Pointer[memory] // the table; the committer replaces it (replace.go)

	lane *background.Lane
	work atomic.Pointer[Work] // what the committer is at

	revision atomic.Uint64         // of the newest published command
	refusing atomic.Pointer[Error] // why no change is taken, if none is

	tallyMu sync.RWMutex // guards tally: the committer writes, administrators read
	tally   tally

	queue chan *request
	next  *request      // the committer's own: a large one that was met behind others
	stop  chan struct{} // closed by Close
	done  chan struct{} // closed when the committer has ended
	once  sync.Once
}

// Open loads the directory from its store and starts the committer. A record
// that cannot be read fails it: a partial directory would answer "unknown user"
// for people who exist.
func Open(ctx context.Context, o Options) (*Directory, error) {
	d := &Directory{
		store: o.Store, ledger: o.Ledger, hooks: o.Hooks, log: o.Log, now: o.Now, lane: o.Lane,
		tally: tally{},
		queue: make(chan *request, maxBatch),
		stop:  make(chan struct{}), done: make(chan struct{}),
	}
	if d.log == nil {
		d.log = slog.Default()
	}
	if d.now == nil {
		d.now = time.Now
	}
	d.memory.Store(newMemory())
	d.Configure(o.Settings)
	if err := d.load(ctx); err != nil {
		return nil, err
	}
	go d.commit()
	return d, nil
}

func (d *Directory) load(ctx context.Context) error {
	err := d.loadOnce(ctx)
	if errors.Is(err, ErrStartOver) {
		d.memory.Store(newMemory())
		d.tally = tally{}
		err = d.loadOnce(ctx)
	}
	return err
}

func (d *Directory) loadOnce(ctx context.Context) error {
	m := d.memory.Load()
	var writers [len(m.shards)]sync.Mutex // a shard takes one at a time
	revision, err := d.store.Load(ctx, func(key, value []byte) error {
		if err := checkRecord(key, value); err != nil {
			return fmt.Errorf("record %.80q: %w", key, err)
		}
		mu := &writers[m.number(key)]
		mu.Lock()
		defer mu.Unlock()
		d.publish(key, value)
		return nil
	})
	m.settle()
	d.revision.Store(uint64(revision))
	return err
}

// Configure replaces the settings. Requests that are being answered keep the
// old ones.
func (d *Directory) Configure(s Settings) { d.settings.Store(&s) }

// Revision returns the revision of the newest published command.
func (d *Directory) Revision() Revision { return Revision(d.revision.Load()) }

// Work is what the committer is doing; all other changes wait for it.
type Work struct {
	Cause    Cause     // of its largest command
	Since    time.Time //
	Commands int       // that become durable together
	Waiting  int       // commands behind them
}

// Work returns what the committer is doing, and false when nothing.
func (d *Directory) Work() (Work, bool) {
	w := d.work.Load()
	if w == nil {
		return Work{}, false
	}
	now := *w
	now.Waiting = len(d.queue)
	return now, true
}

// Refusing returns why changes are refused, or nil.
func (d *Directory) Refusing() error {
	if e := d.refusing.Load(); e != nil {
		return e
	}
	return nil
}

// Close ends the committer. Commands that it has begun are finished; later ones
// are refused. Lookups go on from memory.
func (d *Directory) Close() {
	d.once.Do(func() { close(d.stop) })
	<-d.done
}

// publish puts one durable record into memory, or takes it out when value is
// nil. A user that stays the same one keeps its mailbox number; another one
// under the same name gets its own.
func (d *Directory) publish(key, value []byte) {
	before, after := d.memory.Load().write(key, value, func(before Record) quota.Mailbox { return d.mailbox(before, value) })
	d.tallyMu.Lock()
	defer d.tallyMu.Unlock()
	d.tally.add(before, -1)
	d.tally.add(after, 1)
}

func (d *Directory) mailbox(before Record, value []byte) quota.Mailbox {
	if Kind(value[1]) != KindUser {
		return 0
	}
	if u := before.User(); u.Exists() && u.CreatedRevision() == getRevision(value[12:]) {
		return u.Mailbox()
	}
	return d.ledger.Open()
}
