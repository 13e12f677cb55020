package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gatepost/gatepost/internal/directory"
)

// The journal's payload, version 2: the version byte, the number of entries,
// and for each entry
//
//	revision, time (Unix nanoseconds), uid, pid, actor, command, request, reason,
//	number of changes, and for each of them key, previous revision,
//	1 and the value or 0 (deleted)
//
// Numbers are uvarints, texts and values are preceded by their length. Version 1
// had no reason; it is read.
const (
	batchVersion     = 2
	batchVersionBare = 1

	entryStart = 1 + 3*binary.MaxVarintLen64 // bytes that hold the first entry's time
)

var errBatch = errors.New("the journal's entry cannot be read")

func encodeBatch(b *directory.Batch) []byte {
	w := encoder{b: make([]byte, 0, 1024)}
	w.batch(b)
	return w.b
}

func (w *encoder) batch(b *directory.Batch) {
	w.b = append(w.b, batchVersion)
	w.number(uint64(len(b.Entries)))
	for _, e := range b.Entries {
		w.number(uint64(e.Revision))
		w.number(uint64(e.Time.UnixNano()))
		w.number(uint64(e.Cause.UID))
		w.number(uint64(e.Cause.PID))
		w.text(e.Cause.Actor)
		w.text(e.Cause.Command)
		w.text(e.Cause.Request)
		w.text(e.Cause.Reason)
		w.number(uint64(e.Len()))
		for c := range e.All() {
			w.change(c)
			w.passOn(passOnAt)
		}
	}
}

// encoder gathers what is encoded in b, or passes it on.
type encoder struct {
	b   []byte
	out io.Writer // nil: b holds all of it
	err error     // of out
}

func (w *encoder) number(n uint64)  { w.b = binary.AppendUvarint(w.b, n) }
func (w *encoder) text(s string)    { w.number(uint64(len(s))); w.b = append(w.b, s...) }
func (w *encoder) content(b []byte) { w.number(uint64(len(b))); w.b = append(w.b, b...) }

func (w *encoder) change(c directory.Change) {
	w.content(c.Key)
	w.number(uint64(c.Previous))
	if c.Value == nil {
		w.b = append(w.b, 0)
	} else {
		w.b = append(w.b, 1)
		w.content(c.Value)
	}
}

// decodeBatch reads what encodeBatch wrote. The changes share payload's bytes.
func decodeBatch(payload []byte) (*directory.Batch, error) {
	r, err := decode(payload)
	if err != nil {
		return nil, err
	}
	b := &directory.Batch{}
	for range r.count() {
		b.Entries = append(b.Entries, r.entry())
	}
	if r.bad || len(r.b) > 0 || len(b.Entries) == 0 {
		return nil, errBatch
	}
	return b, nil
}

// beginTime returns the time of a payload's first entry; its first entryStart
// bytes are enough.
func beginTime(payload []byte) (time.Time, error) {
	r, err := decode(payload)
	if err != nil {
		return time.Time{}, err
	}
	_, _ = r.number(), r.number() // entries, revision
	t := time.Unix(0, int64(r.number())).UTC()
	if r.bad {
		return time.Time{}, errBatch
	}
	return t, nil
}

// decoder reads one value after the other; bad stays set.
type decoder struct {
	b      []byte
	bad    bool
	reason bool // entries have one
}

func decode(payload []byte) (*decoder, error) {
	if len(payload) == 0 || payload[0] != batchVersion && payload[0] != batchVersionBare {
		return nil, fmt.Errorf("%w: unknown format", errBatch)
	}
	return &decoder{b: payload[1:], reason: payload[0] != batchVersionBare}, nil
}

func (r *decoder) number() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

// count reads the number of things that follow, each at least a byte long.
func (r *decoder) count() uint64 {
	n := r.number()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return 0
	}
	return n
}

func (r *decoder) content() []byte {
	n := r.count()
	content := r.b[:n:n]
	r.b = r.b[n:]
	return content
}

func (r *decoder) text() string { return string(r.content()) }

func (r *decoder) entry() directory.Entry {
	e := directory.Entry{
		Revision: directory.Revision(r.number()),
		Time:     time.Unix(0, int64(r.number())).UTC(),
		Cause: directory.Cause{UID: uint32(r.number()), PID: uint32(r.number()),
			Actor: r.text(), Command: r.text(), Request: r.text()},
	}
	if r.reason {
		e.Cause.Reason = r.text()
	}
	for range r.count() {
		e.Changes = append(e.Changes, r.change())
	}
	return e
}

func (r *decoder) change() directory.Change {
	c := directory.Change{Key: r.content(), Previous: directory.Revision(r.number())}
	if r.number() == 1 {
		c.Value = r.content()
	}
	return c
}
