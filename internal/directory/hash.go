package directory

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"strings"
)

// A hash in a record begins with its form. The forms behind hashScheme stand for
// a scheme in braces, and the rest of the text follows. The Argon2id hashes that
// gatepost makes, which most users have, are kept as what their text spells:
// memory, passes and lanes as uvarints, the length of the salt (1), salt, key.
// That takes half of the bytes. A text has one form only.
const (
	hashText     = 0 // with its scheme
	hashArgon2id = 1
	hashScheme   = 2 // the first of hashSchemes
)

// hashSchemes may get longer; their places are part of the record format.
var hashSchemes = [...]string{"{ARGON2ID}", "{BLF-CRYPT}", "{SHA512-CRYPT}"}

const (
	argonPrefix = "{ARGON2ID}$argon2id$v=19$"
	argonText   = 128 // bytes that the text of most takes at most
	maxSalt     = 64
)

var errHash = errors.New("not a hash")

// appendHash appends a hash in its form.
func appendHash(b []byte, hash string) []byte {
	if packed, ok := packArgon2id(b, hash); ok {
		return packed
	}
	form, text := plainForm(hash)
	return append(append(b, form), text...)
}

// plainForm returns the form of a hash that is kept as text, and what of the
// text is kept.
func plainForm(hash string) (form byte, text string) {
	for i, scheme := range hashSchemes {
		if text, ok := strings.CutPrefix(hash, scheme); ok && text != "" {
			return byte(hashScheme + i), text
		}
	}
	return hashText, hash
}

// packArgon2id appends a hash whose text spellArgon2id gives back to the byte.
func packArgon2id(b []byte, hash string) ([]byte, bool) {
	rest, ok := strings.CutPrefix(hash, argonPrefix)
	if !ok {
		return nil, false
	}
	cost, rest, _ := strings.Cut(rest, "$")
	salt64, key64, _ := strings.Cut(rest, "$")
	salt, err := base64.RawStdEncoding.DecodeString(salt64)
	if err != nil || len(salt) > maxSalt {
		return nil, false
	}
	key, err := base64.RawStdEncoding.DecodeString(key64)
	if err != nil {
		return nil, false
	}
	start := len(b)
	b = append(b, hashArgon2id)
	for parameter := range strings.SplitSeq(cost, ",") {
		_, digits, _ := strings.Cut(parameter, "=")
		n, err := strconv.ParseUint(digits, 10, 32)
		if err != nil {
			return nil, false
		}
		b = binary.AppendUvarint(b, n)
	}
	b = append(append(append(b, byte(len(salt))), salt...), key...)
	text, err := spellArgon2id(make([]byte, 0, argonText), b[start+1:])
	return b, err == nil && string(text) == hash
}

// readHash reads what appendHash wrote.
func readHash(b []byte) (string, error) {
	if len(b) < 2 {
		return "", errHash
	}
	switch form := int(b[0]); {
	case form == hashText:
		return string(b[1:]), nil
	case form == hashArgon2id:
		text, err := spellArgon2id(make([]byte, 0, argonText), b[1:])
		return string(text), err
	case form < hashScheme+len(hashSchemes):
		return hashSchemes[form-hashScheme] + string(b[1:]), nil
	}
	return "", errHash
}

// spellArgon2id appends the text of a hash.
func spellArgon2id(text, b []byte) ([]byte, error) {
	cost, salt, key, err := splitArgon2id(b)
	if err != nil {
		return nil, err
	}
	text = append(text, argonPrefix...)
	for i, name := range []string{"m=", ",t=", ",p="} {
		text = strconv.AppendUint(append(text, name...), cost[i], 10)
	}
	text = base64.RawStdEncoding.AppendEncode(append(text, '$'), salt)
	return base64.RawStdEncoding.AppendEncode(append(text, '$'), key), nil
}

func splitArgon2id(b []byte) (cost [3]uint64, salt, key []byte, err error) {
	for i := range cost {
		n, size := minimalUvarint(b)
		if size <= 0 || n > math.MaxUint32 {
			return cost, nil, nil, errHash
		}
		cost[i], b = n, b[size:]
	}
	if len(b) == 0 || b[0] > maxSalt || len(b) < 1+int(b[0]) {
		return cost, nil, nil, errHash
	}
	n := 1 + int(b[0])
	return cost, b[1:n], b[n:], nil
}

// checkHash reports why b is not a hash in its form. It builds the text only of
// what is kept as text.
func checkHash(b []byte) error {
	if len(b) > 1 && b[0] == hashArgon2id {
		_, _, _, err := splitArgon2id(b[1:])
		return err
	}
	hash, err := readHash(b)
	if err != nil {
		return err
	}
	if _, shorter := packArgon2id(nil, hash); shorter {
		return errHash
	}
	if form, _ := plainForm(hash); form != b[0] {
		return errHash
	}
	return nil
}
