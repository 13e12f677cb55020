// Package snapshot is the format of snapshots and backups, as far as somebody
// needs it who only keeps such a file: how it begins and ends, and whether it is
// whole. What the records are is the business of internal/store.
//
// # Format, version 1
//
//	"gatepost snapshot 1\n"  20 bytes
//	revision, records        8 bytes each, little endian
//	records                  each: length of the key (2), key, length of the value (4), value
//	SHA-256                  32 bytes, of all before
//
// A [Verifier] belongs to one goroutine and holds no more than head and end of
// the file, however large that is.
package snapshot

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// The format's fixed parts.
const (
	Magic    = "gatepost snapshot 1\n"
	headSize = len(Magic) + 8 + 8
	sumSize  = sha256.Size
)

// ErrDamaged says that a file is not a whole, unchanged snapshot.
var ErrDamaged = errors.New("not an intact gatepost backup")

// Head is what a snapshot says about itself.
type Head struct {
	Revision uint64 // of the last change it has
	Records  uint64
}

// Append appends the first bytes of a file.
func (h Head) Append(b []byte) []byte {
	b = append(b, Magic...)
	b = binary.LittleEndian.AppendUint64(b, h.Revision)
	return binary.LittleEndian.AppendUint64(b, h.Records)
}

// CheckMagic fails when a file does not begin as a snapshot does.
func CheckMagic(b []byte) error {
	if string(b[:min(len(b), len(Magic))]) != Magic {
		return fmt.Errorf("%w: it does not begin with %q", ErrDamaged, strings.TrimSpace(Magic))
	}
	return nil
}

// Summary is what is known about a file that is whole.
type Summary struct {
	Head
	Bytes int64
	Sum   [sumSize]byte // the SHA-256 at its end
}

// Verifier finds out whether what is written to it is a whole, unchanged
// snapshot. The zero Verifier is ready.
type Verifier struct {
	sum  hash.Hash
	head []byte // the first headSize bytes
	tail []byte // the last sumSize bytes: not hashed, they may be the sum
	size int64
}

// Write takes the next bytes of the file; it never fails.
func (v *Verifier) Write(p []byte) (int, error) {
	if v.sum == nil {
		v.sum = sha256.New()
	}
	v.size += int64(len(p))
	v.head = append(v.head, p[:min(len(p), headSize-len(v.head))]...)
	if older := len(v.tail) + len(p) - sumSize; older > 0 {
		n := min(older, len(v.tail))
		_, _ = v.sum.Write(v.tail[:n])
		_, _ = v.sum.Write(p[:older-n])
		v.tail = append(v.tail[:0], v.tail[n:]...)
		v.tail = append(v.tail, p[older-n:]...)
		return len(p), nil
	}
	v.tail = append(v.tail, p...)
	return len(p), nil
}

// Finish returns what the file is, or an ErrDamaged with what is wrong with it.
func (v *Verifier) Finish() (Summary, error) {
	if err := CheckMagic(v.head); err != nil {
		return Summary{}, err
	}
	if v.size < int64(headSize+sumSize) {
		return Summary{}, fmt.Errorf("%w: it ends at byte %d, in the middle", ErrDamaged, v.size)
	}
	if string(v.sum.Sum(nil)) != string(v.tail) {
		return Summary{}, fmt.Errorf("%w: its SHA-256 is wrong: it was cut, or changed after it was written", ErrDamaged)
	}
	number := func(at int) uint64 { return binary.LittleEndian.Uint64(v.head[at:]) }
	return Summary{Head{number(len(Magic)), number(len(Magic) + 8)}, v.size, [sumSize]byte(v.tail)}, nil
}
