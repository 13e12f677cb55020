package logs

import (
	"bytes"
	"io"
	"slices"
	"sync"
	"time"
)

const (
	queueLength = 4096        // lines
	flushTime   = time.Second // that the end waits for a log that takes nothing
)

// Queue writes lines in a goroutine of its own, in their order, so that a log
// which takes nothing (a journald that was stopped, a pipe that nobody reads)
// holds nobody who logs. When queueLength lines wait, more are dropped and
// counted, and a line says how many as soon as there is room.
type Queue struct {
	mu      sync.Mutex // guards what follows
	change  sync.Cond  // something was queued, written, or closed
	waiting []func()   // each writes a line
	writing bool
	closed  bool
	dropped int64 // since the last line that said so
	total   int64
	tell    func(dropped int64)
}

// newQueue returns a queue that tells of dropped lines with tell.
func newQueue(tell func(dropped int64)) *Queue {
	q := &Queue{tell: tell}
	q.change.L = &q.mu
	go q.write() // ends after Close, unless the log takes nothing
	return q
}

// Dropped returns how many lines were dropped since the start.
func (q *Queue) Dropped() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.total
}

// Close writes what waits, for a second at most. Lines that come later are not
// written.
func (q *Queue) Close() {
	late := time.AfterFunc(flushTime, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.waiting, q.writing, q.dropped = nil, false, 0
		q.change.Broadcast()
	})
	defer late.Stop()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.change.Broadcast()
	for q.writing || len(q.waiting) > 0 || q.dropped > 0 {
		q.change.Wait()
	}
}

// add queues what writes a line, or drops it.
func (q *Queue) add(line func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	if len(q.waiting) >= queueLength {
		q.dropped++
		q.total++
		return
	}
	q.waiting = append(q.waiting, line)
	q.change.Broadcast()
}

// write writes what comes until Close.
func (q *Queue) write() {
	for lines := q.next(nil); lines != nil; lines = q.next(lines) {
		for _, line := range lines {
			line()
		}
	}
}

// next waits for lines; written are those before, whose room is used again. nil:
// the queue was closed and is empty.
func (q *Queue) next(written []func()) []func() {
	clear(written)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.writing = false
	q.change.Broadcast()
	for len(q.waiting) == 0 && q.dropped == 0 {
		if q.closed {
			return nil
		}
		q.change.Wait()
	}
	lines := q.waiting
	q.waiting = slices.Grow(written[:0], 16)
	if q.dropped > 0 {
		dropped := q.dropped
		lines = append(lines, func() { q.tell(dropped) })
		q.dropped = 0
	}
	q.writing = true
	return lines
}

// queuedWriter queues what a handler writes, line by line.
type queuedWriter struct {
	queue *Queue
	to    io.Writer
}

// Write keeps a copy; it does not fail.
func (w queuedWriter) Write(line []byte) (int, error) {
	kept := bytes.Clone(line)
	w.queue.add(func() { _, _ = w.to.Write(kept) }) // a log that fails has nobody to be told
	return len(line), nil
}
