package password

import (
	"errors"
	"strings"

	"github.com/go-crypt/crypt/algorithm/shacrypt"
)

const (
	shaRounds    = 5000 // of crypt(5), when the hash names none
	shaMinRounds = 1000
	shaMaxRounds = 1_000_000 // about 0.4 s
	shaMaxSalt   = 16
	shaKey       = 86 // characters
)

// sha512Digest is a checked SHA-crypt hash; the library does the work.
type sha512Digest struct{ d *shacrypt.Digest }

// newSHA512Crypt makes a copy of the secret that nobody wipes: the library
// hashes only strings. It writes the rounds out only when they are not 5000.
func newSHA512Crypt(s Secret) (string, error) {
	h, err := shacrypt.New(shacrypt.WithVariant(shacrypt.VariantSHA512), shacrypt.WithIterations(shaRounds))
	if err != nil {
		return "", err
	}
	d, err := h.Hash(string(s))
	if err != nil {
		return "", err
	}
	return d.Encode(), nil
}

func (d sha512Digest) matches(secret []byte) (bool, error) { return d.d.MatchBytesAdvanced(secret) }

// decodeSHA512Crypt reads "$6$[rounds=N$]SALT$KEY". Everything is checked before
// the library sees it: its errors quote the text.
func decodeSHA512Crypt(body string) (digest, error) {
	fields := strings.Split(body, "$")
	if len(fields) < 4 || len(fields) > 5 || fields[0] != "" || fields[1] != "6" {
		return nil, errors.New("not of the form $6$SALT$KEY or $6$rounds=N$SALT$KEY")
	}
	if len(fields) == 5 {
		if _, err := number(fields[2], "rounds", shaMinRounds, shaMaxRounds); err != nil {
			return nil, err
		}
	}
	if err := checkSHA512(fields[len(fields)-2], fields[len(fields)-1]); err != nil {
		return nil, err
	}
	d, err := shacrypt.DecodeVariant(shacrypt.VariantSHA512)(body)
	sha, ok := d.(*shacrypt.Digest)
	if err != nil || !ok {
		return nil, errors.New("not a SHA-crypt hash")
	}
	return sha512Digest{sha}, nil
}

func checkSHA512(salt, key string) error {
	switch {
	case salt == "" || len(salt) > shaMaxSalt:
		return errors.New("the salt must have 1 to 16 characters")
	case strings.ContainsFunc(salt, notInSalt):
		return errors.New("the salt holds a character that crypt(5) forbids")
	case len(key) != shaKey || strings.Trim(key, crypt64) != "":
		return errors.New("the key must be 86 characters of ./0-9A-Za-z")
	case key[shaKey-1] != '.' && key[shaKey-1] != '/' && key[shaKey-1] != '0' && key[shaKey-1] != '1':
		return errors.New("the last character of the key carries more than two bits")
	}
	return nil
}

// notInSalt is the rule of crypt(5): printable ASCII without the separators of
// passwd(5) and what marks locked accounts.
func notInSalt(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`:;*!\`, r) }
