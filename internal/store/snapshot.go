package store

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/gatepost/gatepost/internal/directory"
	"github.com/gatepost/gatepost/internal/snapshot"
)

// A snapshot is the directory at one revision; a backup is a snapshot that an
// administrator keeps. Package snapshot tells the format.
const maxSnapshotKey = 1 << 12

// errBehind is why a backup fails when the trouble is over already.
var errBehind = errors.New("it is catching up, try again")

// ErrSnapshot says that a file is not a whole, unchanged snapshot.
var ErrSnapshot = snapshot.ErrDamaged

// Backup writes a snapshot of what is committed to w and returns its revision.
// Changes go on meanwhile. When the database is behind what is committed and
// cannot catch up, it fails: a backup without the last changes would look like
// one that has them.
func (s *Store) Backup(ctx context.Context, w io.Writer) (directory.Revision, error) {
	if im := s.image.Load(); im != nil {
		out := newSnapshotWriter(w, im.head())
		if err := im.records(ctx, out.record); err != nil {
			return 0, fmt.Errorf("write backup: %w", err)
		}
		return im.revision, out.finish()
	}
	committed := s.Revision()
	s.drain()
	s.scanning.RLock()
	defer s.scanning.RUnlock()
	if s.database == nil {
		return 0, fmt.Errorf("write backup: %w", errNone)
	}
	txn, h := s.database.view()
	defer txn.Discard()
	if h.revision < committed {
		return 0, fmt.Errorf("write backup: the database has changes up to %d, and %d is committed: %w", h.revision, committed, cmp.Or(s.Failure(), errBehind))
	}
	out := newSnapshotWriter(w, h)
	if err := records(ctx, txn, h, out.record); err != nil {
		return 0, fmt.Errorf("write backup: %w", err)
	}
	return h.revision, out.finish()
}

// drain waits until the database has what is committed now.
func (s *Store) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return
	}
	last := s.queue[len(s.queue)-1].Revision()
	s.hasten()
	for s.failure == nil && len(s.queue) > 0 && s.queue[0].Revision() <= last {
		s.changed.Wait()
	}
}

type snapshotWriter struct {
	out *bufio.Writer
	sum hash.Hash
	w   io.Writer // both
	buf []byte    // one record
}

func newSnapshotWriter(w io.Writer, h head) *snapshotWriter {
	s := &snapshotWriter{out: bufio.NewWriterSize(w, 1<<16), sum: sha256.New()}
	s.w = io.MultiWriter(s.out, s.sum)
	_, _ = s.w.Write(snapshot.Head{Revision: uint64(h.revision), Records: h.records}.Append(nil)) // an error stays in s.out until Flush
	return s
}

func (s *snapshotWriter) record(key, value []byte) error {
	b := binary.LittleEndian.AppendUint16(s.buf[:0], uint16(len(key)))
	b = append(b, key...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
	s.buf = append(b, value...)
	_, err := s.w.Write(s.buf)
	return err
}

func (s *snapshotWriter) finish() error {
	_, _ = s.out.Write(s.sum.Sum(nil))
	if err := s.out.Flush(); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	return nil
}

// ReadSnapshot calls apply for every record of a snapshot. Only when it returns
// nil has the whole file been what was written, so a caller must not act before.
// The error says what is wrong with the file, and where.
func ReadSnapshot(r io.Reader, apply func(key, value []byte) error) (directory.Revision, error) {
	in := &snapshotReader{r: bufio.NewReaderSize(r, 1<<16), sum: sha256.New()}
	if err := snapshot.CheckMagic(in.bytes(len(snapshot.Magic))); err != nil {
		return 0, err
	}
	revision, n := directory.Revision(in.number(8)), in.number(8)
	for range n {
		key := in.bytes(int(in.length(2, maxSnapshotKey)))
		value := in.bytes(int(in.length(4, directory.MaxValue)))
		if in.err != nil {
			return 0, in.failed()
		}
		if err := apply(key, value); err != nil {
			return 0, err
		}
	}
	want := in.sum.Sum(nil)
	if got := in.bytes(sha256.Size); in.err != nil {
		return 0, in.failed()
	} else if !bytes.Equal(got, want) {
		return 0, fmt.Errorf("%w: its SHA-256 is wrong: it was changed after it was written", ErrSnapshot)
	}
	if _, err := in.r.ReadByte(); err == nil {
		return 0, fmt.Errorf("%w: something follows its end at byte %d", ErrSnapshot, in.offset)
	}
	return revision, nil
}

type snapshotReader struct {
	r      *bufio.Reader
	sum    hash.Hash
	offset int64
	err    error
}

func (in *snapshotReader) bytes(n int) []byte {
	if in.err != nil {
		return nil
	}
	b := make([]byte, n)
	got, err := io.ReadFull(in.r, b)
	in.offset += int64(got)
	if err != nil {
		in.err = err
		return nil
	}
	_, _ = in.sum.Write(b)
	return b
}

func (in *snapshotReader) number(size int) uint64 {
	var b [8]byte
	copy(b[:], in.bytes(size))
	return binary.LittleEndian.Uint64(b[:])
}

func (in *snapshotReader) length(size int, limit uint64) uint64 {
	n := in.number(size)
	if n > limit && in.err == nil {
		in.err = fmt.Errorf("a length of %d", n)
	}
	if in.err != nil {
		return 0
	}
	return n
}

func (in *snapshotReader) failed() error {
	if errors.Is(in.err, io.ErrUnexpectedEOF) || errors.Is(in.err, io.EOF) {
		return fmt.Errorf("%w: it ends at byte %d, in the middle", ErrSnapshot, in.offset)
	}
	return fmt.Errorf("%w: byte %d: %w", ErrSnapshot, in.offset, in.err)
}
