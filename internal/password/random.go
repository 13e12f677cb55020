package password

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
)

// schemeRandom is salted SHA-256. One round is enough for a secret of 115
// random bits, which nobody can search, and wrong for any that a person chose.
const schemeRandom Scheme = "SHA256-RANDOM"

// randomAlphabet leaves out what looks alike in print: 0 O, 1 l I i, o.
const randomAlphabet = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"

const (
	randomGroups = 4
	randomGroup  = 5 // characters; 20 of 5.78 bits each
	randomLength = randomGroups*(randomGroup+1) - 1
	randomSalt   = 16 // bytes
)

// Random returns a new password such as "Kx7mQ-b2TfW-nR9uH-eV4sZ": 115 bits
// from crypto/rand, characters that cannot be mistaken for others, with upper
// and lower case, a digit and a symbol, so that every policy takes it.
func Random() Secret {
	for {
		if s := draw(); bytes.ContainsFunc(s, isLower) && bytes.ContainsFunc(s, isUpper) && bytes.ContainsAny(s, "23456789") {
			return s
		}
	}
}

// draw fills one password; a few in a hundred lack a class.
func draw() Secret {
	s := make(Secret, 0, randomLength)
	for len(s) < randomLength {
		if len(s)%(randomGroup+1) == randomGroup {
			s = append(s, '-')
			continue
		}
		s = append(s, drawChar())
	}
	return s
}

// drawChar throws bytes away that would make some characters likelier.
func drawChar() byte {
	const n = len(randomAlphabet)
	var b [1]byte
	for {
		_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
		if int(b[0]) < 256/n*n {
			return randomAlphabet[int(b[0])%n]
		}
	}
}

func isLower(r rune) bool { return 'a' <= r && r <= 'z' }
func isUpper(r rune) bool { return 'A' <= r && r <= 'Z' }

// HashRandom hashes a secret of [Random], with a salt, fast. It panics when s
// has not the form Random writes: a fast hash of a chosen password would be a
// gift to whoever reads the store, and the calling code is then wrong.
func HashRandom(s Secret) string {
	if !randomForm(s) {
		panic("password: HashRandom of a secret that Random did not make")
	}
	salt := make([]byte, randomSalt)
	_, _ = rand.Read(salt)
	b64 := base64.RawStdEncoding
	return braced(schemeRandom, "$"+b64.EncodeToString(salt)+"$"+b64.EncodeToString(randomKey(salt, s)))
}

// VerifyRandom reports whether hash came from [HashRandom] of s. It takes
// microseconds and needs no slot. A text that is no such hash matches nothing.
func VerifyRandom(hash string, s Secret) bool {
	fields := strings.Split(hash, "$")
	if len(fields) != 3 || fields[0] != braced(schemeRandom, "") || !randomForm(s) {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(fields[1])
	if err != nil || len(salt) != randomSalt {
		return false
	}
	key, err := base64.RawStdEncoding.DecodeString(fields[2])
	return err == nil && subtle.ConstantTimeCompare(key, randomKey(salt, s)) == 1
}

// randomKey is SHA-256 of salt and secret; the salt's length is fixed.
func randomKey(salt []byte, s Secret) []byte {
	h := sha256.New()
	h.Write(salt)
	h.Write(s)
	return h.Sum(nil)
}

// randomForm reports whether s looks like one of Random.
func randomForm(s Secret) bool {
	if len(s) != randomLength {
		return false
	}
	for i, b := range s {
		if i%(randomGroup+1) == randomGroup {
			if b != '-' {
				return false
			}
		} else if strings.IndexByte(randomAlphabet, b) < 0 {
			return false
		}
	}
	return true
}
