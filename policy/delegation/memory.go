package delegation

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"sync"
	"time"
)

// Limits of the memory of messages.
const (
	shards          = 64
	shardMessages   = 100_000 / shards
	shardBytes      = 64 << 20 / shards
	messageBytes    = 256 << 10
	maxRecipients   = 1000 // Postfix smtpd_recipient_limit
	rememberFor     = time.Hour
	keptMessages    = 32      // of a shard, to be used again
	keptMessageSize = 4 << 10 // bytes of such a message
)

// memory keeps the recipients of the messages that are under way. The zero
// memory must be given its seed.
type memory struct {
	seed   maphash.Seed
	shards [shards]shard
}

type shard struct {
	mu       sync.Mutex          // guards what follows
	messages map[uint64]*message // by the hash of their instance
	ages     message             // the ends of a ring: next is the oldest, previous the newest
	free     *message            // to be used again, joined by next
	freed    int                 // how many those are
	bytes    int                 // of all instances and recipients
}

// message is what is known about one message.
type message struct {
	hash           uint64
	instance       []byte
	recipients     []byte // each behind its length in two bytes
	count          int    // of recipients
	partial        bool   // it has more, but that is too many
	touched        time.Time
	previous, next *message // by age
}

// place returns the shard and the hash of a message.
func (m *memory) place(instance []byte) (*shard, uint64) {
	hash := maphash.Bytes(m.seed, instance)
	return &m.shards[hash%shards], hash
}

// remember adds a recipient to a message.
func (m *memory) remember(instance, recipient []byte, now time.Time) {
	s, hash := m.place(instance)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	msg := s.find(hash, instance)
	if msg == nil {
		msg = s.begin(hash, instance)
	}
	s.touch(msg, now)
	s.add(msg, recipient)
}

// recall appends the recipients of a message to dst, each behind its length,
// and reports whether they are all.
func (m *memory) recall(dst, instance []byte, now time.Time) (recipients []byte, all bool) {
	s, hash := m.place(instance)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	msg := s.find(hash, instance)
	if msg == nil {
		return dst, false
	}
	return append(dst, msg.recipients...), !msg.partial
}

// forget drops a message.
func (m *memory) forget(instance []byte) {
	s, hash := m.place(instance)
	s.mu.Lock()
	defer s.mu.Unlock()
	if msg := s.find(hash, instance); msg != nil {
		s.drop(msg)
	}
}

// find returns a message, or nil. Another one with the same hash gives way.
func (s *shard) find(hash uint64, instance []byte) *message {
	msg := s.messages[hash]
	if msg != nil && !bytes.Equal(msg.instance, instance) {
		s.drop(msg)
		return nil
	}
	return msg
}

// begin makes room for a message and adds it.
func (s *shard) begin(hash uint64, instance []byte) *message {
	if s.messages == nil {
		s.messages = make(map[uint64]*message)
		s.ages.previous, s.ages.next = &s.ages, &s.ages
	}
	if len(s.messages) >= shardMessages {
		s.drop(s.ages.next)
	}
	msg := s.free
	if msg == nil {
		msg = &message{}
	} else {
		s.free, msg.next = msg.next, nil
		s.freed--
	}
	msg.hash, msg.instance = hash, append(msg.instance, instance...)
	s.messages[hash] = msg
	s.bytes += len(instance)
	return msg
}

// touch makes a message the newest.
func (s *shard) touch(msg *message, now time.Time) {
	msg.touched = now
	if msg.next != nil {
		msg.unlink()
	}
	msg.previous, msg.next = s.ages.previous, &s.ages
	msg.previous.next, msg.next.previous = msg, msg
}

func (msg *message) unlink() {
	msg.previous.next, msg.next.previous = msg.next, msg.previous
	msg.previous, msg.next = nil, nil
}

// add adds a recipient, unless it is there. Older messages make room.
func (s *shard) add(msg *message, recipient []byte) {
	switch {
	case msg.has(recipient):
		return
	case msg.count == maxRecipients || len(msg.recipients)+len(recipient)+2 > messageBytes:
		msg.partial = true
		return
	}
	msg.recipients = binary.LittleEndian.AppendUint16(msg.recipients, uint16(len(recipient)))
	msg.recipients = append(msg.recipients, recipient...)
	msg.count++
	s.bytes += len(recipient) + 2
	for s.bytes > shardBytes {
		s.drop(s.ages.next)
	}
}

func (msg *message) has(recipient []byte) bool {
	for rest := msg.recipients; len(rest) > 0; {
		var have []byte
		if have, rest = cutRecipient(rest); bytes.Equal(have, recipient) {
			return true
		}
	}
	return false
}

// cutRecipient cuts the first recipient off.
func cutRecipient(b []byte) (recipient, rest []byte) {
	n := 2 + int(binary.LittleEndian.Uint16(b))
	return b[2:n], b[n:]
}

// expire drops what nobody has touched for too long.
func (s *shard) expire(now time.Time) {
	for s.ages.next != nil && s.ages.next != &s.ages && now.Sub(s.ages.next.touched) > rememberFor {
		s.drop(s.ages.next)
	}
}

// drop takes a message out and keeps its memory for another one.
func (s *shard) drop(msg *message) {
	msg.unlink()
	delete(s.messages, msg.hash)
	s.bytes -= len(msg.instance) + len(msg.recipients)
	if s.freed == keptMessages || cap(msg.recipients)+cap(msg.instance) > keptMessageSize {
		return
	}
	*msg = message{instance: msg.instance[:0], recipients: msg.recipients[:0], next: s.free}
	s.free = msg
	s.freed++
}
