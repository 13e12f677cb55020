package password

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

// sealer turns a stored hash and a secret into an identifier that tells
// nothing about either: HMAC-SHA-256 under a key that lives and dies with it.
type sealer struct {
	pool sync.Pool // of *sealing
}

// sealing is the state of one computation, reused because a fresh HMAC costs
// three times a reset one, and five allocations.
type sealing struct {
	mac    hash.Hash
	length [8]byte
	sum    seal
}

// seal identifies a stored hash with a secret.
type seal [sha256.Size]byte

func newSealer() *sealer {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the process instead
	s := &sealer{}
	s.pool.New = func() any { return &sealing{mac: hmac.New(sha256.New, key)} }
	return s
}

// of writes the length of the hash before it, so that no other split of the
// same bytes has the same seal; the secret is what remains.
func (s *sealer) of(hash []byte, secret Secret) seal {
	m := s.pool.Get().(*sealing)
	defer s.pool.Put(m)
	m.mac.Reset()
	binary.BigEndian.PutUint64(m.length[:], uint64(len(hash)))
	m.mac.Write(m.length[:])
	m.mac.Write(hash)
	m.mac.Write(secret)
	m.mac.Sum(m.sum[:0])
	return m.sum
}
