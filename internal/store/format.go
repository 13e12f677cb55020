package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"github.com/gatepost/gatepost/internal/directory"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal appends the checksum over key and value to a copy of value.
func seal(key, value []byte) []byte {
	sealed := make([]byte, len(value), len(value)+crc32.Size)
	copy(sealed, value)
	return binary.LittleEndian.AppendUint32(sealed, sum(key, value))
}

// unseal returns the value without its checksum, or an error when that differs.
func unseal(key, sealed []byte) ([]byte, error) {
	n := len(sealed) - crc32.Size
	if n < 0 || binary.LittleEndian.Uint32(sealed[n:]) != sum(key, sealed[:n]) {
		return nil, fmt.Errorf("the database's value of %.80q is damaged (checksum); restore the database from a backup", key)
	}
	return sealed[:n:n], nil
}

func sum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}

// head is what is kept with every commit: version (1), revision (8), number of
// records (8).
type head struct {
	revision directory.Revision
	records  uint64
}

const (
	headVersion = 1
	headSize    = 17
)

func (h head) encode() []byte {
	b := append(make([]byte, 0, headSize), headVersion)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.revision))
	return binary.LittleEndian.AppendUint64(b, h.records)
}

// readHead returns the head; a new database has the zero head.
func readHead(txn *badger.Txn) (head, error) {
	b, err := get(txn, []byte(headKey))
	switch {
	case errors.Is(err, badger.ErrKeyNotFound):
		return head{}, nil
	case err != nil:
		return head{}, err
	case len(b) != headSize || b[0] != headVersion:
		return head{}, fmt.Errorf("database format %d is not one that this version of gatepost reads", b[:min(1, len(b))])
	}
	return head{
		revision: directory.Revision(binary.LittleEndian.Uint64(b[1:])),
		records:  binary.LittleEndian.Uint64(b[9:]),
	}, nil
}

// badgerLog passes Badger's own messages on: warnings and errors as they are,
// the rest for debugging.
type badgerLog struct{ log *slog.Logger }

func (l badgerLog) Errorf(f string, a ...any)   { l.log.Error("badger", "err", line(f, a)) }
func (l badgerLog) Warningf(f string, a ...any) { l.log.Warn("badger", "err", line(f, a)) }
func (l badgerLog) Infof(f string, a ...any)    { l.log.Debug("badger", "says", line(f, a)) }
func (l badgerLog) Debugf(f string, a ...any)   { l.log.Debug("badger", "says", line(f, a)) }

func line(f string, a []any) string { return strings.TrimSpace(fmt.Sprintf(f, a...)) }
