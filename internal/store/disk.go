package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	// fullReserve is how much must be left on the disk for a change to be
	// taken, on a disk that is large enough. Badger writes its files through
	// sparse mappings: when the disk is full the kernel ends the process in the
	// middle of a copy (SIGBUS), and nothing can catch it. So nothing is given
	// to Badger unless there is room for all that it may write for it, and
	// Badger is not opened on a full disk.
	fullReserve = 64 << 20

	// leastReserve is the same on a small disk, where a quarter of it is enough.
	// Less would not do for one table and what else is written meanwhile.
	leastReserve = 24 << 20

	// tableRoom is what Badger needs to write one memory table out.
	tableRoom = memTable + memTable/4

	// logSize is how far Badger fills a write-ahead log: a memory table and one
	// transaction more.
	logSize = memTable + memTable/4

	// probeEvery is for how long a write that went well is believed.
	probeEvery = 10 * time.Second
)

// errDiskFull says that there is too little room on the disk.
var errDiskFull = errors.New("the disk is full")

// notYet says that nothing was given to Badger, because of the disk. What waits
// can be given later.
type notYet struct{ error }

func (e notYet) Unwrap() error { return e.error }

// disk watches the file system of the state directory: whether there is room on
// it, and whether it can be written. Its methods may be called from any
// goroutine.
type disk struct {
	dir     string
	reserve uint64
	free    func(dir string) (uint64, error) // bytes; a test says what it likes
	touch   func() error                     // writes a byte; a test fails as it likes
	ballast *ballast

	mu       sync.Mutex // guards what follows
	probed   time.Time  // when the file system was written last
	trouble  error      // what that gave
	prepared string     // Badger's write-ahead log that has its blocks
}

// newDisk returns the disk of a state directory. Without a reserve it takes one
// that suits the size of the file system.
func newDisk(o Options) (*disk, error) {
	d := &disk{dir: o.Dir, reserve: uint64(o.Reserve), free: o.free}
	if d.free == nil {
		d.free = statfs
	}
	if d.reserve == 0 {
		var s syscall.Statfs_t
		if err := syscall.Statfs(o.Dir, &s); err != nil {
			return nil, fmt.Errorf("look at the disk of %s: %w", o.Dir, err)
		}
		d.reserve = reserveOf(s.Blocks * uint64(s.Bsize))
	}
	d.ballast = &ballast{path: filepath.Join(o.Dir, "ballast"), size: int64(d.reserve / 2), log: o.Log}
	if d.touch = o.touch; d.touch == nil {
		d.touch = d.ballast.touch
	}
	return d, nil
}

// reserveOf returns what must be left on a file system of a size.
func reserveOf(size uint64) uint64 { return min(fullReserve, max(leastReserve, size/4)) }

// leastFiles is how many more files there must be room for: Badger makes a few for
// each memory table, and cannot go on after it failed to.
const leastFiles = 16

// statfs returns how many bytes are free on the file system of dir.
func statfs(dir string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("look at the disk of %s: %w", dir, err)
	}
	return bytesFree(dir, &s)
}

// bytesFree fails when there is no room for more files, where their number is
// limited.
func bytesFree(dir string, s *syscall.Statfs_t) (uint64, error) {
	if s.Files > 0 && s.Ffree < leastFiles {
		return 0, explained{fmt.Errorf("%w: its inodes are used up (df -i %s): remove files; changes are taken again by themselves", errDiskFull, dir)}
	}
	return s.Bavail * uint64(s.Bsize), nil
}

// room fails when less than the reserve would be left after so many bytes more,
// or when the file system could not be written a moment ago.
func (d *disk) room(bytes int) error {
	if err := d.need(d.reserve + uint64(bytes)); err != nil {
		return err
	}
	return d.probe(probeEvery)
}

// finish fails, with notYet, when there is not enough room, or no way, to take in what is
// committed. Commits stop at the whole reserve; for what was committed before
// half of it will do, and the ballast goes for it.
func (d *disk) finish() error {
	err := d.need(d.line())
	if err != nil && d.ballast.release(err) {
		err = d.need(d.line())
	}
	if err == nil {
		err = d.probe(0)
	}
	if err != nil {
		return notYet{err}
	}
	return nil
}

// line is where the reserve is half gone: another program takes the disk.
func (d *disk) line() uint64 { return max(d.reserve/2, tableRoom) }

func (d *disk) need(bytes uint64) error {
	free, err := d.free(d.dir)
	if err != nil {
		return err
	}
	if free < bytes {
		return explained{fmt.Errorf("%w: %d MiB are left for %s, and %d MiB are needed: make room; changes are taken again by themselves",
			errDiskFull, free>>20, d.dir, bytes>>20)}
	}
	return nil
}

// probe writes the ballast's first byte, unless that went well within a time.
// Badger would meet a file system that has become read-only, or fails, in the
// middle of a copy.
func (d *disk) probe(within time.Duration) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.trouble == nil && within > 0 && time.Since(d.probed) < within {
		return nil
	}
	d.probed, d.trouble = time.Now(), nil
	if err := d.touch(); err != nil {
		d.trouble = d.explain(err)
	}
	return d.trouble
}

// suspect makes the next probe write: something could not be written.
func (d *disk) suspect() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.probed = time.Time{}
}

// explained is an error that says what can be done about it.
type explained struct{ error }

func (e explained) Unwrap() error { return e.error }

// explain says what an administrator can do about an error of the file system.
func (d *disk) explain(err error) error {
	if errors.As(err, new(explained)) {
		return err
	}
	return explained{d.advice(err)}
}

func (d *disk) advice(err error) error {
	switch reasonOf(err) {
	case ReasonFilesystem:
		return fmt.Errorf("%s is on a read-only file system: find out why (dmesg) and mount it for writing; changes are taken again by themselves: %w", d.dir, err)
	case ReasonPermission:
		return fmt.Errorf("%s may not be written by the user of gatepostd: give it back (chown -R); changes are taken again by themselves: %w", d.dir, err)
	case ReasonIO:
		return fmt.Errorf("%s cannot be read or written: check the disk (dmesg): %w", d.dir, err)
	case ReasonDiskFull:
		return fmt.Errorf("%w: make room (df, df -i, quota); changes are taken again by themselves: %w", errDiskFull, err)
	}
	return err
}

// prepare gives Badger's newest write-ahead log in dir its blocks, so that
// writing it never meets a full disk. Where the file system cannot do that, or
// there is little room, it stays as it is.
func (d *disk) prepare(dir string) {
	newest := newestOf(dir, "*.mem")
	if newest == "" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if newest == d.prepared || d.need(d.reserve+logSize) != nil {
		return
	}
	file, err := os.OpenFile(newest, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer func() { _ = file.Close() }()
	if fallocate(file, logSize) == nil {
		d.prepared = newest
	}
}

// unprepared forgets which write-ahead log has its blocks: there is another
// database, whose logs have the names of the one before.
func (d *disk) unprepared() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.prepared = ""
}

// keepBallast gives the ballast up when another program has taken half of the
// reserve, and makes it again when there is room for it and for all else; now: at
// once.
func (d *disk) keepBallast(now bool) {
	if err := d.need(d.line()); err != nil {
		d.ballast.release(err)
		return
	}
	if d.need(2*d.reserve) != nil {
		d.ballast.wait()
		return
	}
	d.ballast.regrow(now)
}

// guard passes on what is written as long as there is room to finish what is
// committed: a snapshot must not take the last of the disk.
func (d *disk) guard(w io.Writer) io.Writer { return &guarded{d, w} }

type guarded struct {
	d *disk
	w io.Writer
}

func (g *guarded) Write(p []byte) (int, error) {
	if err := g.d.need(g.d.line() + uint64(len(p))); err != nil {
		return 0, err
	}
	return g.w.Write(p)
}
