package password

import (
	"strings"
	"testing"
)

// FuzzParseHash checks that what is accepted can be read again and stays as it
// is, and that no error holds a piece of the text.
func FuzzParseHash(f *testing.F) {
	for _, file := range []string{"doveadm-2.3.19.txt", "crypt.txt"} {
		for _, row := range vectors(f, file) {
			f.Add(row.hash, len(row.hash)/2)
		}
	}
	f.Add("{SSHA256}c2VjcmV0", 3)
	f.Add("{CRYPT}$6$$", 8)
	f.Fuzz(func(t *testing.T, text string, at int) {
		kept, err := ParseHash(text)
		if err == nil {
			if again, err := ParseHash(kept); err != nil || again != kept {
				t.Errorf("ParseHash(%q) = %q, %v, want it unchanged", kept, again, err)
			}
			if _, _, err := parse(kept); err != nil {
				t.Errorf("what ParseHash accepted cannot be read: %q: %v", kept, err)
			}
		}
		const marker = "qQ7Zx"
		at = min(max(at, 0), len(text))
		if _, err := ParseHash(text[:at] + marker + text[at:]); err != nil && strings.Contains(strings.ToLower(err.Error()), strings.ToLower(marker)) {
			t.Errorf("the error holds a piece of the text: %v", err)
		}
	})
}

// FuzzVerify checks that no hash that can be read makes a verification panic
// or fail, and that a hash matches no two passwords.
func FuzzVerify(f *testing.F) {
	f.Add("$argon2id$v=19$m=8,t=1,p=1"+argonTail, []byte("secret"))
	f.Add("$argon2id$v=19$m=128,t=1,p=16"+argonTail, []byte("secret"))
	f.Add("$2y$04$"+key53, []byte(strings.Repeat("x", 100)))
	f.Add("$2b$04$"+strings.Repeat("9", 52)+"6", []byte("secret\x00"))
	f.Add("$6$rounds=1000$salt$"+key86, []byte("Grüße"))
	f.Add("$6$rounds=1000$(odd)$"+key86, []byte{})
	for _, row := range vectors(f, "crypt.txt") {
		f.Add(row.hash, []byte(row.secret))
	}
	f.Fuzz(func(t *testing.T, text string, secret []byte) {
		kept, err := ParseHash(text)
		if err != nil {
			return
		}
		scheme, d, err := parse(kept)
		if err != nil || dear(d, kept) {
			return
		}
		ok, err := verify(d, secret)
		if err != nil || (ok && !usable(secret)) {
			t.Errorf("verify(%q, %q) = %v, %v", kept, secret, ok, err)
		}
		if ok && (scheme != BLFCrypt || len(secret) < bcryptReads) {
			expect(t, kept, append(secret, 'x'), false)
		}
	})
}

// dear reports whether a hash takes longer than a test should need twice.
func dear(d digest, hash string) bool {
	switch d := d.(type) {
	case argon2idDigest:
		return d.memory*d.passes > 4096
	case bcryptDigest:
		return string(d[4:6]) > "05"
	}
	return strings.Contains(hash, "$rounds=") && !strings.Contains(hash, "$rounds=1000$")
}
