package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Beginning says why a journal begins where it does.
type Beginning byte

// The beginnings.
const (
	FromStart Beginning = iota // with change 1
	Pruned                     // what was before was removed by [Journal.Prune]
	Anew                       // what was before was lost; another keeper of the changes knew their number
)

// Anchor is where a journal begins, and what its hash chain hangs on. The zero
// Anchor: with change 1.
type Anchor struct {
	First  uint64    // sequence number
	Before Chain     // value before First: it stands for everything that was removed
	Why    Beginning // never FromStart in a file
	Made   time.Time
}

const (
	anchorFile  = "anchor"
	anchorMagic = "gatepost journal anchor 1\n"
	anchorSize  = len(anchorMagic) + 1 + 8 + 8 + len(Chain{}) + 4
)

func (a Anchor) encode() []byte {
	b := append(make([]byte, 0, anchorSize), anchorMagic...)
	b = append(b, byte(a.Why))
	b = binary.LittleEndian.AppendUint64(b, a.First)
	b = binary.LittleEndian.AppendUint64(b, uint64(a.Made.UnixNano()))
	b = append(b, a.Before[:]...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeAnchor(b []byte) (Anchor, bool) {
	n := len(anchorMagic)
	if len(b) != anchorSize || string(b[:n]) != anchorMagic ||
		binary.LittleEndian.Uint32(b[anchorSize-4:]) != crc32.Checksum(b[:anchorSize-4], castagnoli) {
		return Anchor{}, false
	}
	a := Anchor{
		Why:    Beginning(b[n]),
		First:  binary.LittleEndian.Uint64(b[n+1:]),
		Made:   time.Unix(0, int64(binary.LittleEndian.Uint64(b[n+9:]))).UTC(),
		Before: Chain(b[n+17 : n+17+len(Chain{})]),
	}
	return a, (a.Why == Pruned || a.Why == Anew) && a.First > 1
}

// readAnchor returns what the file says; without one the zero Anchor.
func readAnchor(dir string) (Anchor, error) {
	b, err := os.ReadFile(filepath.Join(dir, anchorFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Anchor{}, nil
	}
	if err != nil {
		return Anchor{}, err
	}
	a, ok := decodeAnchor(b)
	if !ok {
		return Anchor{}, &DamageError{anchorFile, 0, "it is not what was written; it says where the journal begins"}
	}
	return a, nil
}

// write makes the anchor durable: it is there whole, or the one before is.
func (a Anchor) write(dir string) (err error) {
	file, err := os.CreateTemp(dir, anchorFile+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, err = file.Write(a.encode())
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), filepath.Join(dir, anchorFile)); err != nil {
		return err
	}
	return syncDir(dir)
}

// origin returns where reading the segments begins, as the anchor has it. A
// journal that begins anywhere else has lost segments: nobody but Prune removes
// them, and it says so in the anchor before.
func (a Anchor) origin(names []string) (position, error) {
	first := numberOf(names[0])
	anchored := max(1, a.First)
	switch {
	case first > anchored:
		return position{}, &DamageError{segmentName(anchored), 0, fmt.Sprintf("it is missing: the journal begins with change %d, and was not pruned so far", first)}
	case first == anchored:
		return position{next: first, chain: a.Before}, nil
	case first == 1:
		return position{next: 1}, nil // pruning was interrupted before it removed anything
	}
	return position{}, nil // pruning was interrupted: the anchor stands further on
}

// passed fails when a segment, from one position to another, goes by the anchor
// with another chain value, or has it in its middle. It matters only when pruning
// was interrupted: else the segments begin at the anchor.
func (a Anchor) passed(before, after position, last bool) error {
	switch {
	case before.next >= a.First,
		after.next < a.First && !last,
		after.next == a.First && after.chain == a.Before:
		return nil
	}
	return &DamageError{anchorFile, 0, fmt.Sprintf("the hash chain before change %d is not the one that it was when the journal was pruned", a.First)}
}
