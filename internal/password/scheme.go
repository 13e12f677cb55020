package password

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Scheme says how a password was hashed, in Dovecot's name for it.
type Scheme string

// The schemes that are made and verified.
const (
	Argon2ID    Scheme = "ARGON2ID"
	BLFCrypt    Scheme = "BLF-CRYPT"
	SHA512Crypt Scheme = "SHA512-CRYPT"
)

// MaxSecret is how many bytes of a password are looked at: enough for any
// passphrase, short enough that SHA-crypt, whose work grows with the square of
// the length, cannot be made slow. Longer passwords never match.
const MaxSecret = 1024

// maxHash is longer than any hash of parameters that are allowed.
const maxHash = 256

const supported = "supported are ARGON2ID, BLF-CRYPT and SHA512-CRYPT"

// digest is a decoded hash.
type digest interface {
	// matches reports whether the hash was made from secret; it does the work.
	matches(secret []byte) (bool, error)
}

// ParseScheme returns the scheme called name, for a configuration.
func ParseScheme(name string) (Scheme, error) {
	switch s := Scheme(strings.ToUpper(name)); s {
	case Argon2ID, BLFCrypt, SHA512Crypt:
		return s, nil
	}
	return "", errors.New("unknown password scheme; " + supported)
}

// Hash hashes s with a new random salt, in the form [Verifier.Verify] reads.
// A password that could not be used afterwards is refused with a *[WeakError].
// It costs what a verification costs: use [Verifier.Hash] in a server.
func Hash(scheme Scheme, s Secret) (string, error) {
	if err := hashable(scheme, s); err != nil {
		return "", err
	}
	body, err := newBody(scheme, s)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return braced(scheme, body), nil
}

func newBody(scheme Scheme, s Secret) (string, error) {
	switch scheme {
	case Argon2ID:
		return newArgon2id(s), nil
	case BLFCrypt:
		return newBcrypt(s)
	case SHA512Crypt:
		return newSHA512Crypt(s)
	}
	return "", errors.New("unknown password scheme; " + supported)
}

// ParseHash checks a hash that was made elsewhere and returns it as it is to
// be kept: "{SCHEME}…". It takes Dovecot's form, {CRYPT} with a known prefix,
// and the bare crypt(5) and PHC forms. Errors say what is wrong, and never
// hold a piece of the text: people paste passwords into the wrong field.
func ParseHash(text string) (string, error) {
	scheme, body, err := splitForeign(text)
	if err != nil {
		return "", fmt.Errorf("password hash: %w", err)
	}
	if _, err := decode(scheme, body); err != nil {
		return "", fmt.Errorf("password hash: %s: %w", scheme, err)
	}
	return braced(scheme, body), nil
}

// splitForeign finds scheme and body of a text from outside.
func splitForeign(text string) (Scheme, string, error) {
	if len(text) > maxHash {
		return "", "", fmt.Errorf("longer than %d bytes", maxHash)
	}
	if !strings.HasPrefix(text, "{") {
		return splitBare(text)
	}
	name, body, closed := strings.Cut(text[1:], "}")
	if !closed {
		return "", "", errors.New("the closing } of the scheme is missing")
	}
	if strings.EqualFold(name, "CRYPT") {
		return splitBare(body)
	}
	scheme, err := ParseScheme(name)
	if err != nil {
		return "", "", unsupported(name)
	}
	return scheme, body, nil
}

// splitBare tells the scheme of a text without {SCHEME} by its prefix.
func splitBare(text string) (Scheme, string, error) {
	switch {
	case text == "":
		return "", "", errors.New("empty")
	case strings.HasPrefix(text, "$argon2id$"):
		return Argon2ID, text, nil
	case strings.HasPrefix(text, "$2a$"), strings.HasPrefix(text, "$2b$"), strings.HasPrefix(text, "$2y$"):
		return BLFCrypt, text, nil
	case strings.HasPrefix(text, "$6$"):
		return SHA512Crypt, text, nil
	}
	return "", "", errors.New("begins with neither {SCHEME} nor $argon2id$, $2a$, $2b$, $2y$ or $6$; " + supported)
}

// unsupported names a scheme of Dovecot 2.3 and 2.4 (doveadm pw -l), so that an
// import can be told what to do. Other names may be a piece of a password.
func unsupported(name string) error {
	base, _, _ := strings.Cut(strings.ToUpper(name), ".")
	known := []string{
		"ARGON2I", "ARGON2ID", "BLF-CRYPT", "CLEAR", "CLEARTEXT", "CRAM-MD5", "DES-CRYPT", "DIGEST-MD5", "HMAC-MD5",
		"LDAP-MD5", "MD5", "MD5-CRYPT", "OTP", "PBKDF2", "PLAIN", "PLAIN-MD4", "PLAIN-MD5", "PLAIN-TRUNC",
		"SCRAM-SHA-1", "SCRAM-SHA-256", "SHA", "SHA1", "SHA256", "SHA256-CRYPT", "SHA512", "SHA512-CRYPT", "SMD5",
		"SSHA", "SSHA256", "SSHA512",
	}
	switch {
	case Scheme(base) == schemeRandom:
		return fmt.Errorf("%s is only for passwords made here; %s", schemeRandom, supported)
	case slices.Contains(known, base) && len(base) < len(name):
		return fmt.Errorf("scheme %s with a suffix is not supported; %s", base, supported)
	case slices.Contains(known, base):
		return fmt.Errorf("scheme %s is not supported; %s", base, supported)
	}
	return errors.New("unknown scheme in braces; " + supported)
}

// parse reads a hash as it is kept.
func parse(hash string) (Scheme, digest, error) {
	if len(hash) > maxHash {
		return "", nil, fmt.Errorf("stored password hash is longer than %d bytes", maxHash)
	}
	name, body, closed := strings.Cut(strings.TrimPrefix(hash, "{"), "}")
	if !closed || hash[0] != '{' {
		return "", nil, errors.New("stored password hash has no {SCHEME}")
	}
	scheme := Scheme(name)
	d, err := decode(scheme, body)
	if err != nil {
		return "", nil, fmt.Errorf("stored password hash: %w", err)
	}
	return scheme, d, nil
}

func decode(scheme Scheme, body string) (digest, error) {
	switch scheme {
	case Argon2ID:
		return decodeArgon2id(body)
	case BLFCrypt:
		return decodeBcrypt(body)
	case SHA512Crypt:
		return decodeSHA512Crypt(body)
	}
	return nil, errors.New("unknown password scheme; " + supported)
}

// verify reports whether s is what d was made from. It does the same work for
// secrets that may never match as for those that may.
func verify(d digest, s Secret) (bool, error) {
	ok, err := d.matches(s[:min(len(s), MaxSecret)])
	return ok && usable(s), err
}

// usable reports whether a password can be one at all.
func usable(s Secret) bool {
	return len(s) > 0 && len(s) <= MaxSecret && bytes.IndexByte(s, 0) < 0
}

// hashable refuses what would never match, and what bcrypt would cut.
func hashable(scheme Scheme, s Secret) error {
	switch {
	case len(s) == 0:
		return &WeakError{Needs: []string{"at least 1 character"}}
	case len(s) > MaxSecret:
		return &WeakError{Forbids: []string{fmt.Sprintf("more than %d bytes", MaxSecret)}}
	case bytes.IndexByte(s, 0) >= 0:
		return &WeakError{Forbids: []string{"control characters"}}
	case scheme == BLFCrypt && len(s) > bcryptReads:
		return &WeakError{Forbids: []string{fmt.Sprintf("more than the %d bytes that %s reads", bcryptReads, BLFCrypt)}}
	}
	return nil
}

func braced(scheme Scheme, body string) string { return "{" + string(scheme) + "}" + body }
