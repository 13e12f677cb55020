package directory

import (
	"bytes"
	"strings"
	"testing"
)

const (
	madeHere = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBieXRlcyEhIQ$dGhpcnR5LXR3byBieXRlcyBvZiBhIGtleSwgbm90IG8"
	bigHash  = "{ARGON2ID}$argon2id$v=19$m=4294967295,t=10,p=16$c2FsdA$aGFzaA"
)

func TestHashForms(t *testing.T) {
	for _, row := range []struct {
		name, hash string
		form       byte
		size       int // bytes in the record
	}{
		{"made here", madeHere, hashArgon2id, 55},
		{"large costs", bigHash, hashArgon2id, 17},
		{"another scheme", "{SHA512-CRYPT}$6$salt$key", hashScheme + 2, 12},
		{"an unknown scheme", "{X}y", hashText, 5},
		{"a scheme alone", "{BLF-CRYPT}", hashText, 12},
		{"another version", strings.Replace(madeHere, "v=19", "v=16", 1), hashScheme, 98},
		{"padded base64", madeHere[:len(madeHere)-1] + "=", hashScheme, 98},
		{"bits beyond the last byte", madeHere[:len(madeHere)-1] + "p", hashScheme, 98},
		{"another order of the costs", strings.Replace(madeHere, "t=2,p=1", "p=1,t=2", 1), hashScheme, 98},
		{"a cost with a leading zero", strings.Replace(madeHere, "t=2", "t=02", 1), hashScheme, 99},
		{"a cost too many", strings.Replace(madeHere, "p=1", "p=1,x=1", 1), hashScheme, 102},
		{"a cost too few", strings.Replace(madeHere, ",p=1", "", 1), hashScheme, 94},
		{"a cost over 32 bits", strings.Replace(bigHash, "4294967295", "4294967296", 1), hashScheme, len(bigHash) - 9},
		{"a long salt", strings.Replace(bigHash, "$c2FsdA$", "$"+strings.Repeat("AAAA", 22)+"$", 1), hashScheme, len(bigHash) - 9 - 6 + 88},
		{"a part too many", madeHere + "$aGFzaA", hashScheme, 105},
	} {
		b := appendHash(nil, row.hash)
		if b[0] != row.form || len(b) != row.size {
			t.Errorf("%s: form %d in %d bytes, want form %d in %d", row.name, b[0], len(b), row.form, row.size)
		}
		if got, err := readHash(b); got != row.hash || err != nil {
			t.Errorf("%s: read as %q, %v, want %q", row.name, got, err, row.hash)
		}
		if err := checkHash(b); err != nil {
			t.Errorf("%s: checkHash = %v, want nil", row.name, err)
		}
	}
}

// A hash has one form only, and nothing else is one.
func TestCheckHashRefuses(t *testing.T) {
	for _, row := range []struct {
		name string
		b    []byte
	}{
		{"nothing", nil},
		{"a form alone", []byte{hashText}},
		{"an unknown form", []byte{7, 'x'}},
		{"text that has a form for its scheme", []byte("\x00{BLF-CRYPT}x")},
		{"a scheme's form of what has a shorter one", append([]byte{hashScheme}, madeHere[len("{ARGON2ID}"):]...)},
		{"text that has a shorter form", append([]byte{hashText}, madeHere...)},
		{"costs that end early", []byte{hashArgon2id, 1, 2}},
		{"a cost of needless bytes", []byte{hashArgon2id, 0x81, 0, 1, 1, 0, 'k'}},
		{"a cost over 32 bits", []byte{hashArgon2id, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1, 1, 0, 'k'}},
		{"no salt", []byte{hashArgon2id, 1, 1, 1}},
		{"a salt that ends early", []byte{hashArgon2id, 1, 1, 1, 9, 's'}},
		{"a salt that is too long", append([]byte{hashArgon2id, 1, 1, 1, maxSalt + 1}, make([]byte, 200)...)},
	} {
		if checkHash(row.b) == nil {
			t.Errorf("%s: checkHash(%x) = nil, want an error", row.name, row.b)
		}
	}
}

func FuzzHash(f *testing.F) {
	f.Add([]byte(madeHere), appendHash(nil, madeHere))
	f.Add([]byte("{X}y"), appendHash(nil, bigHash))
	f.Fuzz(func(t *testing.T, hash, form []byte) {
		if len(hash) > 0 {
			b := appendHash(nil, string(hash))
			if got, err := readHash(b); got != string(hash) || err != nil || checkHash(b) != nil {
				t.Errorf("%q is read as %q, %v, checked %v", hash, got, err, checkHash(b))
			}
		}
		if checkHash(form) != nil {
			return
		}
		text, err := readHash(form)
		if err != nil {
			t.Errorf("%x is checked and not read: %v", form, err)
		}
		if again := appendHash(nil, text); text != "" && !bytes.Equal(again, form) {
			t.Errorf("%x is read as %q, which is written as %x", form, text, again)
		}
	})
}
