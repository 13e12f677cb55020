package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gatepost/gatepost/e2e/bench/population"
	"github.com/gatepost/gatepost/e2e/bench/traffic"
	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/mailaddr"
	"github.com/gatepost/gatepost/internal/quota"
	"github.com/gatepost/gatepost/internal/store"
)

// administrators are how many change things at the same time.
const administrators = 64

// changing measures what durability costs: at the store, where a change can be
// compared with a raw write, and over the admin socket.
func (b *benchmark) changing(ctx context.Context) error {
	b.results.Writes.Admins = administrators
	if err := b.changingStore(ctx); err != nil {
		return fmt.Errorf("at the store: %w", err)
	}
	return b.changingSocket(ctx)
}

// disk is a store and, beside it, a raw file on the same disk.
type disk struct {
	dir       string
	store     *store.Store
	directory *directory.Directory
	raw       *os.File
	end       int64 // of raw
	size      int   // of a change in the journal
}

func (b *benchmark) changingStore(ctx context.Context) (err error) {
	d := &disk{dir: filepath.Join(b.dir, "disk")}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.open(ctx); err != nil {
		return err
	}
	for range b.options.rounds {
		if err := b.single(ctx, d); err != nil {
			return err
		}
		if err := b.crowdOnDisk(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// open makes a user for each administrator to work on, and finds out how large a
// change is.
func (d *disk) open(ctx context.Context) (err error) {
	if err := population.Fill(ctx, d.dir, traffic.Users{Count: administrators}); err != nil {
		return err
	}
	if d.store, err = store.Open(store.Options{Dir: d.dir, Log: slog.New(slog.DiscardHandler)}); err != nil {
		return err
	}
	d.directory, err = directory.Open(ctx, directory.Options{Store: d.store, Ledger: &quota.Ledger{}})
	if err != nil {
		return err
	}
	if d.raw, err = os.OpenFile(filepath.Join(d.dir, "raw"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	}
	before := d.journalSize()
	if err := d.change(ctx, 0); err != nil {
		return err
	}
	d.size = int(d.journalSize() - before)
	return nil
}

func (d *disk) close() error {
	var errs []error
	if d.directory != nil {
		d.directory.Close()
	}
	if d.store != nil {
		errs = append(errs, d.store.Close())
	}
	if d.raw != nil {
		errs = append(errs, d.raw.Close())
	}
	return errors.Join(errs...)
}

func (d *disk) journalSize() (n int64) {
	segments, _ := filepath.Glob(filepath.Join(d.dir, "journal", "*"))
	for _, name := range segments {
		if info, err := os.Stat(name); err == nil {
			n += info.Size()
		}
	}
	return n
}

// change gives a user another name and the same password.
func (d *disk) change(ctx context.Context, user int) error {
	address, err := mailaddr.Parse(traffic.Users{Count: administrators}.Address(user))
	if err != nil {
		return err
	}
	cause := directory.Cause{Actor: "root", Command: "user set", Request: "0123456789abcdef"}
	_, err = d.directory.Update(ctx, cause, func(tx *directory.Tx) error {
		return tx.ChangeUser(address, directory.AnyRevision, func(u *directory.UserFields) error {
			u.DisplayName = fmt.Sprintf("User %08x", rand.Uint32())
			return nil
		})
	})
	return err
}

// appendRaw appends as many bytes to a file and syncs it: what a durable change
// costs at least.
func (d *disk) appendRaw(block []byte) error {
	_, err := d.raw.WriteAt(block, d.end)
	d.end += int64(len(block))
	return errors.Join(err, syscall.Fdatasync(int(d.raw.Fd())))
}

// single takes turns between a raw append and a change.
func (b *benchmark) single(ctx context.Context, d *disk) error {
	samples := 1000
	if b.options.quick {
		samples = 300
	}
	block := make([]byte, d.size)
	var raws, changes []time.Duration
	for range samples {
		began := time.Now()
		if err := d.appendRaw(block); err != nil {
			return err
		}
		between := time.Now()
		if err := d.change(ctx, 0); err != nil {
			return err
		}
		raws, changes = append(raws, between.Sub(began)), append(changes, time.Since(between))
	}
	w := &b.results.Writes
	w.Size = d.size
	w.Raw, w.Change = append(w.Raw, medianMicros(raws)), append(w.Change, medianMicros(changes))
	return nil
}

func medianMicros(list []time.Duration) float64 {
	slices.Sort(list)
	return float64(list[len(list)/2]) / 1e3
}

// crowdOnDisk takes turns between synced writes and many administrators.
func (b *benchmark) crowdOnDisk(ctx context.Context, d *disk) error {
	const turns = 6
	measured, _ := b.options.seconds()
	turn := measured / 3
	block := make([]byte, d.size)
	var synced, changed float64
	for range turns {
		for began := time.Now(); time.Since(began) < turn; synced++ {
			if err := d.appendRaw(block); err != nil {
				return err
			}
		}
		n, err := together(ctx, turn, func(i int) error { return d.change(ctx, i) })
		if err != nil {
			return err
		}
		changed += float64(n)
	}
	w, seconds := &b.results.Writes, (turns * turn).Seconds()
	w.Synced, w.Crowd = append(w.Synced, synced/seconds), append(w.Crowd, changed/seconds)
	return nil
}

// together lets every administrator do something again and again for a time, and
// returns how often it was done.
func together(ctx context.Context, d time.Duration, do func(admin int) error) (int, error) {
	var done atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	began := time.Now()
	for i := range administrators {
		all.Go(func() {
			for time.Since(began) < d && ctx.Err() == nil {
				if err := do(i); err != nil {
					failed.Store(&err)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return int(done.Load()), ctx.Err()
}
