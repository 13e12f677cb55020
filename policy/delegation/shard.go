package delegation

import (
	"sync"
	"sync/atomic"
	"time"
)

// shard is a part of the memory. It holds no pointers but those of its index and
// three slices, which grow with the messages up to the limits and then stay: a message
// costs no allocation, and a garbage collection has nothing to walk. Messages
// and blocks are named by their index; index 0 is never one of them.
type shard struct {
	index atomic.Pointer[index] // from hashes to messages; nil: there was none yet

	mu       sync.Mutex // guards what follows, and changes of the index
	messages []message  // 0: the ends of a ring by age, next is the oldest
	blocks   []block    // of bytes; 0: none
	scratch  []byte

	freeMessage, freeBlock uint32 // joined by next
	held                   int    // messages
	used                   int    // blocks
	looked                 time.Duration
}

// none is the index of no message and of no block.
const none = 0

// message is what is known about one message. Its bytes are its instance and
// its recipients, each of these behind its length in two bytes. Most messages
// have one recipient, and their bytes fit into the message itself, which fills
// two cache lines.
type message struct {
	hash           uint64
	touched        time.Duration // see sinceEpoch
	previous, next uint32        // messages, by age
	first, last    uint32        // blocks
	size           uint32        // bytes in all
	instance       uint16        // bytes of it
	count          uint16        // of recipients
	partial        bool          // it has more, but that is too many
	head           [headSize]byte
}

const (
	headSize     = 87
	messageBytes = 128
	blockSize    = 124
	blockBytes   = blockSize + 4
	lookEvery    = time.Second
)

type block struct {
	next  uint32
	bytes [blockSize]byte
}

// sinceEpoch is a time without the pointer that a time.Time holds.
func sinceEpoch(t time.Time) time.Duration { return time.Duration(t.UnixNano()) }

// find returns a message. Another one with the same hash gives way, and so does
// one that nobody has touched for too long.
func (s *shard) find(hash uint64, instance []byte, now time.Time) uint32 {
	index := s.index.Load()
	if index == nil {
		return none
	}
	e := index.find(hash, s.messages)
	if e == none {
		return none
	}
	msg := &s.messages[e]
	if s.is(msg, instance) && (now.IsZero() || sinceEpoch(now)-msg.touched <= rememberFor) {
		return e
	}
	s.drop(e)
	return none
}

// is reports whether a message has an instance.
func (s *shard) is(msg *message, instance []byte) bool {
	n := int(msg.instance)
	if n != len(instance) {
		return false
	}
	if n <= headSize {
		return string(msg.head[:n]) == string(instance)
	}
	return string(s.bytes(msg, 0)[:n]) == string(instance)
}

// begin makes room for a message and adds it.
func (s *shard) begin(hash uint64, instance []byte, now time.Time) uint32 {
	if s.messages == nil {
		s.messages, s.blocks = make([]message, 1, 8), make([]block, 1, 8)
		s.index.Store(new(index))
	}
	if s.held >= shardMessages {
		s.drop(s.messages[none].next)
	}
	e := s.freeMessage
	if e == none {
		e = uint32(len(s.messages))
		s.messages = append(s.messages, message{})
	} else {
		s.freeMessage = s.messages[e].next
	}
	msg := &s.messages[e]
	*msg = message{hash: hash, touched: sinceEpoch(now), instance: uint16(len(instance))}
	s.write(msg, instance)
	s.link(e)
	s.held++
	s.index.Load().add(hash, e)
	return e
}

// touch makes a message the newest.
func (s *shard) touch(e uint32, now time.Time) {
	msg := &s.messages[e]
	msg.touched = sinceEpoch(now)
	s.unlink(msg)
	s.link(e)
}

func (s *shard) link(e uint32) {
	ends, msg := &s.messages[none], &s.messages[e]
	msg.previous, msg.next = ends.previous, none
	s.messages[msg.previous].next = e
	ends.previous = e
}

func (s *shard) unlink(msg *message) {
	s.messages[msg.previous].next = msg.next
	s.messages[msg.next].previous = msg.previous
}

// expire drops what nobody has touched for too long. It looks now and then:
// what is too old is not found anyway.
func (s *shard) expire(now time.Time) {
	at := sinceEpoch(now)
	if s.held == 0 || at >= s.looked && at-s.looked < lookEvery {
		return
	}
	s.looked = at
	for e := s.messages[none].next; e != none && at-s.messages[e].touched > rememberFor; e = s.messages[none].next {
		s.drop(e)
	}
}

// drop takes a message out.
func (s *shard) drop(e uint32) {
	msg := &s.messages[e]
	s.index.Load().remove(msg.hash, e)
	s.unlink(msg)
	for b := msg.first; b != none; {
		next := s.blocks[b].next
		s.blocks[b].next, s.freeBlock = s.freeBlock, b
		s.used--
		b = next
	}
	*msg = message{next: s.freeMessage}
	s.freeMessage = e
	s.held--
}

// write appends bytes to a message.
func (s *shard) write(msg *message, b []byte) {
	if msg.size < headSize {
		n := copy(msg.head[msg.size:], b)
		msg.size += uint32(n)
		b = b[n:]
	}
	for len(b) > 0 {
		at := (msg.size - headSize) % blockSize
		if at == 0 {
			s.extend(msg)
		}
		n := copy(s.blocks[msg.last].bytes[at:], b)
		msg.size += uint32(n)
		b = b[n:]
	}
}

// extend adds a block to a message.
func (s *shard) extend(msg *message) {
	b := s.freeBlock
	if b == none {
		b = uint32(len(s.blocks))
		s.blocks = append(s.blocks, block{})
	} else {
		s.freeBlock = s.blocks[b].next
		s.blocks[b].next = none
	}
	s.used++
	if msg.last == none {
		msg.first = b
	} else {
		s.blocks[msg.last].next = b
	}
	msg.last = b
}

// bytes returns the bytes of a message from an offset on, until the next call.
func (s *shard) bytes(msg *message, from int) []byte {
	if msg.size <= headSize {
		return msg.head[from:msg.size]
	}
	s.scratch = append(s.scratch[:0], msg.head[:]...)
	for b := msg.first; b != none; b = s.blocks[b].next {
		left := int(msg.size) - len(s.scratch)
		s.scratch = append(s.scratch, s.blocks[b].bytes[:min(left, blockSize)]...)
	}
	return s.scratch[from:]
}
