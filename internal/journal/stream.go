package journal

import (
	"fmt"
	"hash"
	"io"
)

// piece is how much of a large payload is written and hashed at a time. The Go
// runtime cannot interrupt a hash: over hundreds of megabytes everybody would
// wait for it whenever garbage is collected (measured: 0.76 s).
const piece = 256 << 10

// AppendFrom is Append for a payload of size bytes that fill writes, so that it
// is never in memory as a whole. An error of fill, or another size than was
// said, refuses the frame.
func (j *Journal) AppendFrom(last uint64, size int, fill func(io.Writer) error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.ready(last, size); err != nil {
		return err
	}
	f := frame{length: uint32(size), first: j.at.next, last: last}
	w := &payloadWriter{j: j, at: j.at.offset + frameHead, left: size, sum: f.begin(j.at.chain), buffer: make([]byte, 0, piece)}
	err := fill(w)
	if err == nil {
		err = w.end()
	}
	if err == nil {
		w.sum.Sum(f.chain[:0])
		_, err = j.write(j.file, f.encode(), j.at.offset) // a frame without its head is a torn one
	}
	if err != nil {
		return j.takeBack(fmt.Errorf("write journal: %w", err))
	}
	return j.commit(f)
}

// payloadWriter writes a payload piece by piece.
type payloadWriter struct {
	j      *Journal
	at     int64 // where the next piece is written
	left   int   // bytes that are still to come
	sum    hash.Hash
	buffer []byte
}

func (w *payloadWriter) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n := min(len(b)-done, cap(w.buffer)-len(w.buffer))
		w.buffer = append(w.buffer, b[done:done+n]...)
		done += n
		if len(w.buffer) < cap(w.buffer) {
			break
		}
		if err := w.flush(); err != nil {
			return done, err
		}
	}
	return done, nil
}

func (w *payloadWriter) flush() error {
	if len(w.buffer) > w.left {
		return fmt.Errorf("a payload is longer than was said")
	}
	n, err := w.j.write(w.j.file, w.buffer, w.at)
	if err != nil {
		return err
	}
	_, _ = w.sum.Write(w.buffer)
	w.at, w.left, w.buffer = w.at+int64(n), w.left-n, w.buffer[:0]
	return nil
}

// end writes what is left.
func (w *payloadWriter) end() error {
	if err := w.flush(); err != nil {
		return err
	}
	if w.left > 0 {
		return fmt.Errorf("a payload is %d bytes shorter than was said", w.left)
	}
	return nil
}
