package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const suffix = ".journal"

// DamageError says where a journal is not what was written.
type DamageError struct {
	Segment string // file name; "anchor": the file that says where a pruned journal begins
	Offset  int64  // of the first byte that cannot be trusted
	Reason  string
}

func (e *DamageError) Error() string {
	if e.Segment == anchorFile {
		return "the journal's anchor is damaged: " + e.Reason
	}
	return fmt.Sprintf("journal segment %s is damaged at byte %d: %s", e.Segment, e.Offset, e.Reason)
}

func segmentName(first uint64) string { return fmt.Sprintf("%020d%s", first, suffix) }

// numberOf returns the sequence number in the name of a segment.
func numberOf(name string) uint64 {
	n, _ := strconv.ParseUint(strings.TrimSuffix(name, suffix), 10, 64) // segments lists only names that have one
	return n
}

// segments lists the directory's segments by their first sequence number.
func segments(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		number, ok := strings.CutSuffix(e.Name(), suffix)
		if _, err := strconv.ParseUint(number, 10, 64); ok && err == nil && len(number) == 20 {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// position is a place between two frames.
type position struct {
	offset int64  // in the segment
	next   uint64 // sequence number that the next frame must begin with
	chain  Chain  // value before it
}

// scan reads one segment from its head, which must continue at from, and calls
// fn for each intact frame. It returns the position after the last of them; err
// is a *DamageError when something else than the end follows.
func scan(path string, from position, fn func(f frame, payload []byte) error) (position, error) {
	file, err := os.Open(path)
	if err != nil {
		return from, err
	}
	defer file.Close()
	at, err := readHead(file, path, from)
	if err != nil {
		return at, err
	}
	for {
		f, payload, err := readFrame(file, path, at)
		if errors.Is(err, io.EOF) {
			return at, nil
		}
		if err != nil {
			return at, err
		}
		if fn != nil {
			if err := fn(f, payload); err != nil {
				return at, err
			}
		}
		at = position{at.offset + f.size(), f.last + 1, f.chain}
	}
}

// readHead reads a segment's head. A position without sequence number takes what
// the segment says: it is the first that is kept.
func readHead(file io.ReaderAt, path string, from position) (position, error) {
	b := make([]byte, segmentHead)
	damage := func(reason string) (position, error) {
		return from, &DamageError{filepath.Base(path), 0, reason}
	}
	if _, err := file.ReadAt(b, 0); errors.Is(err, io.EOF) {
		return damage("the segment's head is cut")
	} else if err != nil {
		return from, err
	}
	first, before, err := decodeSegmentHead(b)
	switch {
	case err != nil:
		return damage(err.Error())
	case filepath.Base(path) != segmentName(first):
		return damage(fmt.Sprintf("it begins with change %d, which is not its name", first))
	case from.next != 0 && first != from.next:
		return damage(fmt.Sprintf("it begins with change %d; change %d is missing", first, from.next))
	case from.next != 0 && before != from.chain:
		return damage("its hash chain does not continue the segment before")
	}
	return position{segmentHead, first, before}, nil
}

// readFrame reads the frame at a position; io.EOF: the segment ends there.
func readFrame(file io.ReaderAt, path string, at position) (frame, []byte, error) {
	damage := func(reason string) (frame, []byte, error) {
		return frame{}, nil, &DamageError{filepath.Base(path), at.offset, reason}
	}
	head := make([]byte, frameHead)
	n, err := file.ReadAt(head, at.offset)
	switch {
	case n == 0 && errors.Is(err, io.EOF):
		return frame{}, nil, io.EOF
	case errors.Is(err, io.EOF):
		return damage("the segment ends in a frame's head")
	case err != nil:
		return frame{}, nil, err
	}
	f, ok := decodeFrame(head)
	if !ok {
		return damage("a frame's head is damaged")
	}
	if f.first != at.next {
		return damage(fmt.Sprintf("change %d stands where change %d must", f.first, at.next))
	}
	payload, err := readPayload(file, at.offset+frameHead, f.length)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return damage("the segment ends in a frame")
	}
	if err != nil {
		return frame{}, nil, err
	}
	if f.next(at.chain, payload) != f.chain {
		return damage(fmt.Sprintf("the content of change %d is not what was written", f.first))
	}
	return f, payload, nil
}

// readPayload reads n bytes without believing n before they are there.
func readPayload(file io.ReaderAt, offset int64, n uint32) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	var last [1]byte
	if _, err := file.ReadAt(last[:], offset+int64(n)-1); errors.Is(err, io.EOF) {
		return nil, io.ErrUnexpectedEOF
	} else if err != nil {
		return nil, err
	}
	payload := make([]byte, n)
	_, err := io.ReadFull(io.NewSectionReader(file, offset, int64(n)), payload)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return payload, err
}

// intactAfter reports whether the head of a later frame is found anywhere behind
// a damaged place: then that place is not a torn tail.
func intactAfter(path string, at position) (bool, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	for i := at.offset + 1; i+frameHead <= int64(len(b)); i++ {
		if !mayFollow(b[i:], at.next, uint64(i-at.offset)) {
			continue
		}
		if _, ok := decodeFrame(b[i:]); ok {
			return true, nil
		}
	}
	return false, nil
}

// unfinished reports whether what stands at a position is a frame that a process
// did not come to write whole: it is shorter than it says, or without its head,
// which is written last. A power cut can leave pages without their content in one
// of the whole length too; that cannot be told from one that was changed later.
func unfinished(path string, at position) (bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return false, err
	}
	head := make([]byte, frameHead)
	if _, err := file.ReadAt(head, at.offset); errors.Is(err, io.EOF) {
		return true, nil
	} else if err != nil {
		return false, err
	}
	f, ok := decodeFrame(head)
	return ok && info.Size()-at.offset < f.size() || [frameHead]byte(head) == [frameHead]byte{}, nil
}

// mayFollow reports whether a frame's head so many bytes behind a place could be
// that of a later frame by its sequence number alone. The content of a large
// frame must not be taken for one: among hundreds of megabytes some bytes have
// the right CRC by chance.
func mayFollow(head []byte, next, distance uint64) bool {
	first := binary.LittleEndian.Uint64(head[4:])
	return first > next && (first-next)>>10 <= distance
}
