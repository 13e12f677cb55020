package password

import (
	"errors"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
	bcryptCost    = 10
	bcryptMinCost = 4
	bcryptMaxCost = 14 // about one second
	bcryptReads   = 72 // bytes of a password; the rest is ignored
	bcryptLength  = len("$2y$10$") + 22 + 31
)

// crypt64 holds the characters that crypt(5) writes bytes with. bcrypt and
// SHA-crypt order them differently, but in both '.' is zero.
const crypt64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// bcryptLast are the characters that four bits before two empty ones make; a
// hash that ends in another was mistyped and would never match.
const bcryptLast = ".CGKOSWaeimquy26"

// bcryptDigest is a checked bcrypt hash.
type bcryptDigest []byte

func newBcrypt(s Secret) (string, error) {
	hash, err := bcrypt.GenerateFromPassword(s, bcryptCost)
	return string(hash), err
}

func (d bcryptDigest) matches(secret []byte) (bool, error) {
	err := bcrypt.CompareHashAndPassword(d, secret[:min(len(secret), bcryptReads)])
	if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return false, nil
	}
	return err == nil, err
}

// decodeBcrypt reads "$2y$CC$" and 53 characters of salt and key. $2x$ marks
// hashes of a library that computed them wrongly, $2$ those before 1999.
func decodeBcrypt(body string) (digest, error) {
	switch {
	case len(body) != bcryptLength:
		return nil, errors.New("not of the form $2y$COST$ and 53 characters")
	case body[:4] != "$2a$" && body[:4] != "$2b$" && body[:4] != "$2y$":
		return nil, errors.New("does not begin with $2a$, $2b$ or $2y$")
	case !isDigit(body[4]) || !isDigit(body[5]) || body[6] != '$':
		return nil, errors.New("the cost is not two digits and a $")
	case strings.Trim(body[7:], crypt64) != "":
		return nil, errors.New("salt and key hold characters other than ./0-9A-Za-z")
	case !strings.Contains(bcryptLast, body[bcryptLength-1:]):
		return nil, errors.New("the last character of the key carries more than four bits")
	}
	if cost := 10*int(body[4]-'0') + int(body[5]-'0'); cost < bcryptMinCost || cost > bcryptMaxCost {
		return nil, errors.New("the cost is outside 04 to 14")
	}
	return bcryptDigest(body), nil
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }
