package password

import (
	"strings"
	"testing"
)

func TestRandom(t *testing.T) {
	seen := map[string]bool{}
	policy, err := ParsePolicy("classic8")
	if err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		s := Random()
		if err := policy.Check(s); err != nil || !randomForm(s) {
			t.Fatalf("Random() = %q: %v", []byte(s), err)
		}
		if seen[string(s)] {
			t.Fatalf("Random() gave %q twice", []byte(s))
		}
		seen[string(s)] = true
	}
}

func TestRandomUsesItsAlphabetEvenly(t *testing.T) {
	const draws = 55000
	count := map[byte]int{}
	for range draws {
		count[drawChar()]++
	}
	if len(count) != len(randomAlphabet) {
		t.Errorf("%d characters came, want all %d", len(count), len(randomAlphabet))
	}
	for c, n := range count {
		if n < 800 || n > 1200 { // 1000 is expected, 31 the standard deviation
			t.Errorf("%q came %d times of %d", c, n, draws)
		}
	}
}

func TestVerifyRandom(t *testing.T) {
	s := Random()
	hash := HashRandom(s)
	dear, err := Hash(SHA512Crypt, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, hash string
		secret     Secret
		want       bool
	}{
		{"right", hash, s, true},
		{"another hash of it", HashRandom(s), s, true},
		{"another secret", hash, Random(), false},
		{"one character more", hash, append(s[:len(s):len(s)], 'x'), false},
		{"empty secret", hash, nil, false},
		{"empty hash", "", s, false},
		{"hash without key", hash[:strings.LastIndex(hash, "$")+1], s, false},
		{"hash without salt", "{SHA256-RANDOM}$$" + hash[strings.LastIndex(hash, "$")+1:], s, false},
		{"hash of another scheme", dear, s, false},
		{"hash without scheme", strings.TrimPrefix(hash, "{SHA256-RANDOM}"), s, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := VerifyRandom(row.hash, row.secret); got != row.want {
				t.Errorf("VerifyRandom(%s) = %v, want %v", row.hash, got, row.want)
			}
		})
	}
	if again := HashRandom(s); again == hash {
		t.Error("two hashes of a secret are equal")
	}
}

func TestHashRandomRefusesChosenPasswords(t *testing.T) {
	for _, chosen := range []string{"", "Secret-1", "aaaaaaaaaaaaaaaaaaaaaaa", "aaaaa-aaaaa-aaaaa-aaaa0"} {
		func() {
			defer func() {
				r := recover()
				if r == nil {
					t.Errorf("HashRandom took %q", chosen)
				} else if chosen != "" && strings.Contains(r.(string), chosen) {
					t.Errorf("the panic holds the password: %v", r)
				}
			}()
			HashRandom(Secret(chosen))
		}()
	}
}
