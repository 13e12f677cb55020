package delegation

import (
	"encoding/binary"
	"hash/maphash"
	"time"
)

// Limits of the memory of messages.
const (
	shards        = 64
	shardMessages = 100_000 / shards
	shardBytes    = 64 << 20 / shards
	maxMessage    = 256 << 10 // bytes of instance and recipients
	maxRecipients = 1000      // Postfix smtpd_recipient_limit
	rememberFor   = time.Hour
)

// memory keeps the recipients of the messages that are under way. The zero
// memory must be given its seed.
type memory struct {
	seed   maphash.Seed
	shards [shards]shard
}

func (m *memory) shard(instance []byte) (*shard, uint64) {
	hash := maphash.Bytes(m.seed, instance)
	return &m.shards[hash%shards], hash
}

// prefetch reads where the search for messages begins: the processor waits for
// all of these places at once, and not while a shard is locked.
func (m *memory) prefetch(instances [][]byte) {
	for _, instance := range instances {
		s, hash := m.shard(instance)
		if x := s.index.Load(); x != nil {
			x[home(slotOf(hash, 0))].Load()
		}
	}
}

// remember adds a recipient to a message, unless it is there. Older messages
// make room.
func (m *memory) remember(instance, recipient []byte, now time.Time) {
	s, hash := m.shard(instance)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	e := s.find(hash, instance, now)
	if e == none {
		e = s.begin(hash, instance, now)
	} else {
		s.touch(e, now)
	}
	s.add(e, recipient)
}

// recall appends the recipients of a message to dst, each behind its length,
// and reports whether they are all.
func (m *memory) recall(dst, instance []byte, now time.Time) (recipients []byte, all bool) {
	s, hash := m.shard(instance)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	e := s.find(hash, instance, now)
	if e == none {
		return dst, false
	}
	msg := &s.messages[e]
	return append(dst, s.bytes(msg, len(instance))...), !msg.partial
}

// forget drops a message.
func (m *memory) forget(instance []byte) {
	s, hash := m.shard(instance)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.find(hash, instance, time.Time{}); e != none {
		s.drop(e)
	}
}

// add adds a recipient to a message, unless it is there.
func (s *shard) add(e uint32, recipient []byte) {
	msg := &s.messages[e]
	switch {
	case s.has(msg, recipient):
		return
	case msg.count == maxRecipients || int(msg.size)+len(recipient)+2 > maxMessage:
		msg.partial = true
		return
	}
	var size [2]byte
	binary.LittleEndian.PutUint16(size[:], uint16(len(recipient)))
	s.write(msg, size[:])
	s.write(msg, recipient)
	msg.count++
	for s.held*messageBytes+s.used*blockBytes > shardBytes {
		s.drop(s.messages[none].next)
	}
}

// has reports whether a message has a recipient.
func (s *shard) has(msg *message, recipient []byte) bool {
	if msg.count == 0 {
		return false
	}
	for rest := s.bytes(msg, int(msg.instance)); len(rest) > 0; {
		var have []byte
		if have, rest = cutRecipient(rest); string(have) == string(recipient) {
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
