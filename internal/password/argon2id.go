package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// What new hashes cost: the OWASP minimum, about 25 ms. Dovecot's own default
// (64 MiB, three passes) takes six times that and three times the memory,
// which a mail server pays at every login that the cache does not know.
const (
	argonMemory = 19 * 1024 // KiB
	argonPasses = 2
	argonLanes  = 1
	argonSalt   = 16 // bytes
	argonKey    = 32
)

// What is accepted from elsewhere. The lower bounds of salt and key are those
// of libsodium, which Dovecot uses, and of RFC 9106, section 3.1.
const (
	argonMaxMemory = 256 * 1024 // KiB
	argonMaxPasses = 10
	argonMaxLanes  = 16
	argonMinSalt   = 8
	argonMaxSalt   = 64
	argonMinKey    = 16
	argonMaxKey    = 64
)

// argon2idDigest is a decoded Argon2id hash, version 1.3.
type argon2idDigest struct {
	memory, passes, lanes uint32
	salt, key             []byte
}

func newArgon2id(s Secret) string {
	d := argon2idDigest{memory: argonMemory, passes: argonPasses, lanes: argonLanes, salt: make([]byte, argonSalt)}
	_, _ = rand.Read(d.salt) // never fails: crypto/rand ends the process instead
	d.key = argon2.IDKey(s, d.salt, d.passes, d.memory, uint8(d.lanes), argonKey)
	return d.encode()
}

func (d argon2idDigest) encode() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		d.memory, d.passes, d.lanes, b64.EncodeToString(d.salt), b64.EncodeToString(d.key))
}

func (d argon2idDigest) matches(secret []byte) (bool, error) {
	key := argon2.IDKey(secret, d.salt, d.passes, d.memory, uint8(d.lanes), uint32(len(d.key)))
	return subtle.ConstantTimeCompare(key, d.key) == 1, nil
}

// decodeArgon2id reads "$argon2id$v=19$m=M,t=T,p=P$SALT$KEY".
func decodeArgon2id(body string) (digest, error) {
	fields := strings.Split(body, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" {
		return nil, errors.New("not of the form $argon2id$v=19$m=M,t=T,p=P$SALT$KEY")
	}
	if fields[2] != "v=19" {
		return nil, errors.New("only version 19 (v=19) is supported")
	}
	d := argon2idDigest{}
	if err := d.decodeCost(fields[3]); err != nil {
		return nil, err
	}
	var err error
	if d.salt, err = argonBytes("salt", fields[4], argonMinSalt, argonMaxSalt); err != nil {
		return nil, err
	}
	d.key, err = argonBytes("key", fields[5], argonMinKey, argonMaxKey)
	return d, err
}

// decodeCost reads "m=M,t=T,p=P", in this order as the PHC format asks.
func (d *argon2idDigest) decodeCost(text string) error {
	fields := strings.Split(text, ",")
	if len(fields) != 3 {
		return errors.New("the cost is not of the form m=M,t=T,p=P")
	}
	var err error
	if d.lanes, err = number(fields[2], "p", 1, argonMaxLanes); err != nil {
		return err
	}
	if d.passes, err = number(fields[1], "t", 1, argonMaxPasses); err != nil {
		return err
	}
	d.memory, err = number(fields[0], "m", 8*d.lanes, argonMaxMemory)
	return err
}

// number reads "name=N" with N in plain decimal between low and high.
func number(field, name string, low, high uint32) (uint32, error) {
	text, found := strings.CutPrefix(field, name+"=")
	n, err := strconv.ParseUint(text, 10, 32)
	if !found || err != nil || strconv.FormatUint(n, 10) != text {
		return 0, fmt.Errorf("%s is not a whole number", name)
	}
	if n < uint64(low) || n > uint64(high) {
		return 0, fmt.Errorf("%s is outside %d to %d", name, low, high)
	}
	return uint32(n), nil
}

func argonBytes(what, text string, low, high int) ([]byte, error) {
	// The decoder skips line breaks even when strict.
	b, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, fmt.Errorf("the %s is not base64 without padding", what)
	}
	if len(b) < low || len(b) > high {
		return nil, fmt.Errorf("the %s has %d bytes, must have %d to %d", what, len(b), low, high)
	}
	return b, nil
}
