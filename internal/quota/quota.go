// Package quota is the ledger of mailbox usage: how many bytes and messages a
// mailbox holds, as Dovecot last reported, how many bytes of accepted mail are
// still on their way to it, and when somebody last logged in to it.
//
// Mailboxes are numbers. The directory draws one with [Ledger.Open] when it
// learns of a user and keeps it beside the record; limits and names are the
// directory's business and never enter this room. A number is not given out
// twice while the process lives, so a late report for a deleted mailbox cannot
// reach the next owner of its name.
//
// Reports are absolute values (Dovecot's quota_clone plugin writes
// priv/quota/storage and priv/quota/messages after each delivery or expunge).
// A reservation stands for a message that was accepted at END-OF-MESSAGE and is
// not in the mailbox yet: it counts against the limit until a later report
// shows the growth, it is released, or [FlightTime] has passed.
//
// Every method may be called from any goroutine. Reads take no lock and
// allocate nothing; [Ledger.Report] serialises writers of one stripe only.
// The ledger holds 32 bytes a mailbox, in chunks that are made when something is
// known about one of their mailboxes, and no pointers inside them, so a garbage
// collection has nothing to walk.
package quota

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// FlightTime is how long accepted mail counts before Dovecot has reported
	// it. Mail that a queue holds longer is no longer foreseen here; Dovecot's
	// own quota still stands behind.
	FlightTime = 15 * time.Minute

	chunkBits = 12
	chunkSize = 1 << chunkBits
	stripes   = 64
)

// Mailbox numbers a mailbox. The zero Mailbox stands for none.
type Mailbox uint32

// Usage is what is known about a mailbox.
type Usage struct {
	Bytes    int64     // as Dovecot counts them: virtual size, with CRLF line ends
	Messages uint32    //
	Measured time.Time // second precision; zero: Dovecot never reported
}

// Known reports whether Dovecot has reported this mailbox.
func (u Usage) Known() bool { return !u.Measured.IsZero() }

// Fit says whether a message fits into a mailbox.
type Fit uint8

const (
	Fits         Fit = iota // it fits beside what is known and what is in flight
	FullInFlight            // it fits beside what is known; mail in flight takes the rest
	Full                    // it does not fit beside what is known
	Unknown                 // never reported: nothing can be said
)

type entry struct {
	bytes    atomic.Int64
	flight   atomic.Int64  // bytes accepted and not reported yet
	messages atomic.Uint32 //
	measured atomic.Uint32 // Unix seconds; 0: never
	reserved atomic.Uint32 // Unix seconds of the newest reservation
	login    atomic.Uint32 // Unix seconds of the last login; 0: none seen
}

// Ledger holds the usage of every mailbox. The zero Ledger is ready.
type Ledger struct {
	chunks atomic.Pointer[[]*[chunkSize]entry] // nil: nothing is known about any of these

	mu   sync.Mutex    // guards the making of chunks
	last atomic.Uint32 // the number given out last

	writers [stripes]sync.Mutex // one report at a time for a mailbox
	seen    atomic.Uint64       // counts what was taken: reports and logins
}

// Open gives a new mailbox number.
func (l *Ledger) Open() Mailbox { return Mailbox(l.last.Add(1)) }

// at returns the entry of m; nil when nothing is known about m.
func (l *Ledger) at(m Mailbox) *entry {
	chunks := l.chunks.Load()
	if chunks == nil || int(m>>chunkBits) >= len(*chunks) {
		return nil
	}
	chunk := (*chunks)[m>>chunkBits]
	if chunk == nil {
		return nil
	}
	return &chunk[m&(chunkSize-1)]
}

// ensure returns the entry of m, which it makes; nil for a number that was never
// given out.
func (l *Ledger) ensure(m Mailbox) *entry {
	if m == 0 || uint32(m) > l.last.Load() {
		return nil
	}
	if e := l.at(m); e != nil {
		return e
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.at(m); e != nil {
		return e
	}
	var have []*[chunkSize]entry
	if p := l.chunks.Load(); p != nil {
		have = *p
	}
	chunks := make([]*[chunkSize]entry, max(len(have), int(m>>chunkBits)+1))
	copy(chunks, have)
	chunks[m>>chunkBits] = new([chunkSize]entry)
	l.chunks.Store(&chunks)
	return l.at(m)
}

// Usage returns what is known about m.
func (l *Ledger) Usage(m Mailbox) Usage {
	e := l.at(m)
	if e == nil {
		return Usage{}
	}
	at := e.measured.Load()
	if at == 0 {
		return Usage{}
	}
	return Usage{Bytes: e.bytes.Load(), Messages: e.messages.Load(), Measured: time.Unix(int64(at), 0)}
}

// Report records what Dovecot measured. It reports whether the value was taken:
// one that is older than what is known, or negative, or for an unknown mailbox
// is dropped. Growth since the last report is taken off the mail in flight.
func (l *Ledger) Report(m Mailbox, bytes int64, messages uint32, measured time.Time) bool {
	e := l.ensure(m)
	at := measured.Unix()
	if e == nil || bytes < 0 || at <= 0 || at > math.MaxUint32 {
		return false
	}
	mu := &l.writers[m%stripes]
	mu.Lock()
	defer mu.Unlock()
	known := e.measured.Load()
	if uint32(at) < known {
		return false
	}
	if known != 0 {
		e.land(bytes - e.bytes.Load())
	}
	e.bytes.Store(bytes)
	e.messages.Store(messages)
	e.measured.Store(uint32(at))
	l.seen.Add(1)
	return true
}

// Reports returns how many reports and logins were taken since the ledger was
// made; a caller that saves usage compares it with what it saw last.
func (l *Ledger) Reports() uint64 { return l.seen.Load() }

// LoggedIn records a login to m. An earlier one than is known is dropped.
func (l *Ledger) LoggedIn(m Mailbox, at time.Time) {
	e := l.ensure(m)
	for e != nil {
		known := e.login.Load()
		if seconds(at) <= known {
			return
		}
		if e.login.CompareAndSwap(known, seconds(at)) {
			l.seen.Add(1)
			return
		}
	}
}

// LastLogin returns when somebody last logged in to m, in seconds; the zero
// time when nobody did.
func (l *Ledger) LastLogin(m Mailbox) time.Time {
	if e := l.at(m); e != nil {
		if at := e.login.Load(); at != 0 {
			return time.Unix(int64(at), 0)
		}
	}
	return time.Time{}
}

// Flight returns the bytes that were accepted for m and are not in it yet.
func (l *Ledger) Flight(m Mailbox, now time.Time) int64 {
	e := l.at(m)
	if e == nil {
		return 0
	}
	return e.inFlight(now)
}

// Fit says whether n more bytes fit into m under limit (0: unlimited), without
// reserving them. Sums saturate: n is the client's number.
func (l *Ledger) Fit(m Mailbox, n, limit int64, now time.Time) Fit {
	if limit <= 0 {
		return Fits
	}
	e := l.at(m)
	if e == nil || e.measured.Load() == 0 {
		return Unknown
	}
	return fit(e.bytes.Load(), e.inFlight(now), n, limit)
}

func fit(used, flight, n, limit int64) Fit {
	switch {
	case add(used, n) > limit:
		return Full
	case add(add(used, flight), n) > limit:
		return FullInFlight
	}
	return Fits
}

// Reservation is mail in flight to one mailbox. The zero Reservation reserves
// nothing.
type Reservation struct {
	l *Ledger
	m Mailbox
	n int64
}

// Reserve counts n bytes as in flight to m if they fit under limit. Nothing is
// reserved when the answer is not [Fits], or when there is no limit to keep.
func (l *Ledger) Reserve(m Mailbox, n, limit int64, now time.Time) (Reservation, Fit) {
	if limit <= 0 || n <= 0 {
		return Reservation{}, l.Fit(m, n, limit, now)
	}
	e := l.at(m)
	if e == nil || e.measured.Load() == 0 {
		return Reservation{}, Unknown
	}
	for {
		raw := e.flight.Load()
		flight := e.inFlight(now)
		if f := fit(e.bytes.Load(), flight, n, limit); f != Fits {
			return Reservation{}, f
		}
		if e.flight.CompareAndSwap(raw, add(flight, n)) {
			e.reserved.Store(seconds(now))
			return Reservation{l, m, n}, Fits
		}
	}
}

// Release gives the reservation back: the message was refused after all. It
// must be called at most once.
func (r Reservation) Release() {
	if r.l != nil {
		r.l.at(r.m).land(r.n)
	}
}

// land takes n bytes off what is in flight: they arrived, or will not come.
func (e *entry) land(n int64) {
	for n > 0 {
		flight := e.flight.Load()
		if e.flight.CompareAndSwap(flight, max(0, flight-n)) {
			return
		}
	}
}

// inFlight is what is in flight unless the newest of it is older than
// FlightTime.
func (e *entry) inFlight(now time.Time) int64 {
	flight := e.flight.Load()
	if flight != 0 && int64(e.reserved.Load())+int64(FlightTime/time.Second) < now.Unix() {
		return 0
	}
	return flight
}

func seconds(t time.Time) uint32 { return uint32(min(max(t.Unix(), 0), math.MaxUint32)) }

// add saturates. Both summands are zero or more, except a negative n, which
// cannot overflow.
func add(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
