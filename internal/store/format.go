package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/dgraph-io/badger/v4"

	"github.com/gatepost/gatepost/internal/directory"
)

const (
	recordPrefix = "d/"
	usagePrefix  = "u/"
	headKey      = "m/head"
)

// errDamaged says that the database is not what was written to it.
var errDamaged = errors.New("the database is damaged")

const sumSize = 8

// sum is the checksum of a value under its key.
func sum(key, value []byte) uint64 {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.Write(key)
	_, _ = d.Write(value)
	return d.Sum64()
}

// seal appends the checksum to a copy of value.
func seal(key, value []byte) []byte {
	sealed := make([]byte, len(value), len(value)+sumSize)
	copy(sealed, value)
	return binary.LittleEndian.AppendUint64(sealed, sum(key, value))
}

// unseal returns the value and its checksum, or errDamaged when that is wrong.
func unseal(key, sealed []byte) ([]byte, uint64, error) {
	n := len(sealed) - sumSize
	if n < 0 || sealSum(sealed) != sum(key, sealed[:n]) {
		return nil, 0, fmt.Errorf("%w: the checksum of %.80q is wrong", errDamaged, key)
	}
	return sealed[:n:n], sealSum(sealed), nil
}

// sealSum returns the checksum that a sealed value carries.
func sealSum(sealed []byte) uint64 { return binary.LittleEndian.Uint64(sealed[len(sealed)-sumSize:]) }

// head says what the database holds: version (1), revision, progress, records,
// digest (8 each).
type head struct {
	revision directory.Revision // all changes up to this one
	progress uint64             // and so many changes of the journal's next frame
	records  uint64
	digest   uint64
}

const (
	headVersion = 1
	headSize    = 1 + 4*8
)

// touched returns the last change of which the database has something: it was
// durable, so the journal must have it.
func (h head) touched() uint64 {
	if h.progress > 0 {
		return uint64(h.revision) + 1
	}
	return uint64(h.revision)
}

func (h head) encode() []byte {
	b := append(make([]byte, 0, headSize), headVersion)
	for _, n := range []uint64{uint64(h.revision), h.progress, h.records, h.digest} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return b
}

// readHead returns the head; a new database has the zero head.
func readHead(txn *badger.Txn) (head, error) {
	b, err := get(txn, []byte(headKey))
	switch {
	case errors.Is(err, badger.ErrKeyNotFound):
		return head{}, nil
	case err != nil:
		return head{}, err
	case len(b) == 0 || b[0] != headVersion:
		return head{}, fmt.Errorf("database format %d; this version of gatepost reads format %d", b[:min(1, len(b))], headVersion)
	case len(b) != headSize:
		return head{}, fmt.Errorf("%w: a head of %d bytes", errDamaged, len(b))
	}
	number := func(i int) uint64 { return binary.LittleEndian.Uint64(b[1+8*i:]) }
	return head{directory.Revision(number(0)), number(1), number(2), number(3)}, nil
}

// get returns a copy of the checked value of key.
func get(txn *badger.Txn, key []byte) ([]byte, error) {
	item, err := txn.Get(key)
	if err != nil {
		return nil, err
	}
	sealed, err := item.ValueCopy(nil)
	if err != nil {
		return nil, err
	}
	value, _, err := unseal(key, sealed)
	return value, err
}

// badgerLog passes Badger's own messages on: warnings and errors as they are,
// the rest for debugging.
type badgerLog struct{ log *slog.Logger }

func (l badgerLog) Errorf(f string, a ...any)   { l.log.Error("badger", "err", line(f, a)) }
func (l badgerLog) Warningf(f string, a ...any) { l.log.Warn("badger", "err", line(f, a)) }
func (l badgerLog) Infof(f string, a ...any)    { l.log.Debug("badger", "says", line(f, a)) }
func (l badgerLog) Debugf(f string, a ...any)   { l.log.Debug("badger", "says", line(f, a)) }

func line(f string, a []any) string { return strings.TrimSpace(fmt.Sprintf(f, a...)) }
