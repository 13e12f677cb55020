package password

import (
	"crypto/rand"
	"crypto/sha3"
	"fmt"
)

// decoys makes hashes for names that have none.
type decoys struct {
	scheme Scheme
	key    [32]byte // of the process: nobody outside can tell a decoy
}

func newDecoys(scheme Scheme) decoys {
	if scheme == "" {
		scheme = Argon2ID
	}
	d := decoys{scheme: scheme}
	_, _ = rand.Read(d.key[:]) // never fails: crypto/rand ends the process instead
	return d
}

// of derives salt and key from the name. That a secret matches is as likely as
// finding a given key of the hash: 2^-184 for bcrypt, the shortest.
func (d decoys) of(name []byte) string {
	bytes := sha3.SumSHAKE256(append(d.key[:], name...), 128)
	chars := make([]byte, len(bytes))
	for i, b := range bytes {
		chars[i] = crypt64[b%64]
	}
	switch d.scheme {
	case BLFCrypt:
		return braced(BLFCrypt, fmt.Sprintf("$2y$%02d$%s.", bcryptCost, chars[:22+30]))
	case SHA512Crypt:
		return braced(SHA512Crypt, fmt.Sprintf("$6$%s$%s.", chars[:shaMaxSalt], chars[shaMaxSalt:][:shaKey-1]))
	}
	return braced(Argon2ID, argon2idDigest{
		memory: argonMemory, passes: argonPasses, lanes: argonLanes, salt: bytes[:argonSalt], key: bytes[argonSalt:][:argonKey],
	}.encode())
}
