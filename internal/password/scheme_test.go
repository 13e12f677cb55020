package password

import (
	"bufio"
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
)

// vector is a line of testdata: a hash that another program made.
type vector struct {
	secret Secret
	hash   string
}

func vectors(t testing.TB, file string) (all []vector) {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if lines.Text() == "" || lines.Text()[0] == '#' {
			continue
		}
		fields := strings.Split(lines.Text(), "\t")
		secret, err := strconv.Unquote(fields[0])
		if err != nil || len(fields) != 3 {
			t.Fatalf("%s: %q: %v", file, lines.Text(), err)
		}
		all = append(all, vector{Secret(secret), fields[2]})
	}
	return all
}

func TestHashesOfOtherPrograms(t *testing.T) {
	seen := map[Scheme]int{}
	for _, file := range []string{"doveadm-2.3.19.txt", "crypt.txt"} {
		for _, row := range vectors(t, file) {
			kept, err := ParseHash(row.hash)
			if err != nil {
				t.Errorf("ParseHash(%s) = %v", row.hash, err)
				continue
			}
			if !strings.HasSuffix(kept, row.hash) {
				t.Errorf("ParseHash(%s) = %s, which is another hash", row.hash, kept)
			}
			expect(t, kept, row.secret, true)
			scheme, d, _ := parse(kept)
			if !dear(d, kept) {
				expect(t, kept, otherThan(row.secret), false)
			}
			seen[scheme]++
		}
	}
	for _, scheme := range []Scheme{Argon2ID, BLFCrypt, SHA512Crypt} {
		if seen[scheme] < 5 {
			t.Errorf("%d hashes of %s were checked, want 5 at least", seen[scheme], scheme)
		}
	}
}

// otherThan changes the first byte, because bcrypt ignores late ones.
func otherThan(s Secret) Secret {
	other := append(Secret{}, s...)
	other[0] ^= 1
	return other
}

func expect(t *testing.T, hash string, s Secret, want bool) {
	t.Helper()
	_, d, err := parse(hash)
	if err != nil {
		t.Errorf("parse(%s) = %v", hash, err)
		return
	}
	if got, err := verify(d, s); err != nil || got != want {
		t.Errorf("verify(%s, %q) = %v, %v, want %v", hash, []byte(s), got, err, want)
	}
}

func TestOurHashes(t *testing.T) {
	prefix := map[Scheme]string{
		Argon2ID:    "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$",
		BLFCrypt:    "{BLF-CRYPT}$2a$10$",
		SHA512Crypt: "{SHA512-CRYPT}$6$",
	}
	for scheme, want := range prefix {
		t.Run(string(scheme), func(t *testing.T) {
			s := Secret("Grüße aus Łódź")
			hash, err := Hash(scheme, s)
			if err != nil || !strings.HasPrefix(hash, want) {
				t.Fatalf("Hash = %s, %v, want %s…", hash, err, want)
			}
			expect(t, hash, s, true)
			expect(t, hash, otherThan(s), false)
			if kept, err := ParseHash(hash); kept != hash {
				t.Errorf("ParseHash(%s) = %s, %v, want it unchanged", hash, kept, err)
			}
			if again, _ := Hash(scheme, s); again == hash {
				t.Errorf("two hashes of a password are equal: %s", hash)
			}
		})
	}
}

func TestSecretsThatNeverMatch(t *testing.T) {
	long := Secret(strings.Repeat("x", MaxSecret+1))
	for _, row := range []struct {
		name   string
		secret Secret
		hashed Secret // what the stored hash was made from
	}{
		{"empty", Secret{}, Secret{}},
		{"with a NUL", Secret("abc\x00def"), Secret("abc\x00def")},
		{"over 1024 bytes", long, long[:MaxSecret]},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, scheme := range []Scheme{Argon2ID, SHA512Crypt} {
				body, err := newBody(scheme, row.hashed)
				if err != nil {
					t.Fatal(err)
				}
				expect(t, braced(scheme, body), row.secret, false)
			}
		})
	}
}

func TestSecretsThatAreNotHashed(t *testing.T) {
	for _, row := range []struct {
		name   string
		scheme Scheme
		secret string
		err    string
	}{
		{"empty", Argon2ID, "", "password needs at least 1 character"},
		{"longest", Argon2ID, strings.Repeat("x", 1024), ""},
		{"too long", Argon2ID, strings.Repeat("x", 1025), "password must not have more than 1024 bytes"},
		{"NUL", SHA512Crypt, "a\x00b", "password must not have control characters"},
		{"bcrypt, longest", BLFCrypt, strings.Repeat("x", 72), ""},
		{"bcrypt, too long", BLFCrypt, strings.Repeat("x", 73), "password must not have more than the 72 bytes that BLF-CRYPT reads"},
		{"unknown scheme", "SSHA", "secret", "hash password: unknown password scheme; supported are ARGON2ID, BLF-CRYPT and SHA512-CRYPT"},
	} {
		t.Run(row.name, func(t *testing.T) {
			hash, err := Hash(row.scheme, Secret(row.secret))
			if message(err) != row.err || (hash == "") != (row.err != "") {
				t.Fatalf("Hash = %q, %v, want error %q", hash, err, row.err)
			}
			var weak *WeakError
			if strings.HasPrefix(row.err, "password ") && !errors.As(err, &weak) {
				t.Errorf("Hash gave a %T, want a *WeakError", err)
			}
		})
	}
}

func TestBcryptReads72Bytes(t *testing.T) {
	// Measured: doveadm pw -t says "verified" for a longer password, too.
	first := strings.Repeat("0123456789", 7) + "ab"
	hash, err := Hash(BLFCrypt, Secret(first))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, hash, Secret(first+"and more"), true)
	expect(t, hash, Secret(first[:71]), false)
}

func TestParseScheme(t *testing.T) {
	for name, want := range map[string]Scheme{
		"ARGON2ID": Argon2ID, "blf-crypt": BLFCrypt, "SHA512-CRYPT": SHA512Crypt, "SHA256-RANDOM": "", "": "", "PLAIN": "",
	} {
		if got, err := ParseScheme(name); got != want || (err == nil) != (want != "") {
			t.Errorf("ParseScheme(%q) = %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestStoredHashThatCannotBeRead(t *testing.T) {
	for _, hash := range []string{
		"", "{", "{}", "}", "$6$salt$key", "ARGON2ID}$argon2id$", "{argon2id}", "{PLAIN}secret", "{SSHA}x", "{CRYPT}$6$a$b",
		"{SHA256-RANDOM}$AAAA$AAAA", "{BLF-CRYPT}$2y$31$" + strings.Repeat(".", 53), "{ARGON2ID}" + strings.Repeat("x", 300),
	} {
		ok, err := NewVerifier(Options{}).Verify(context.Background(), hash, Secret("secret"))
		if ok || err == nil {
			t.Errorf("Verify(%q) = %v, %v, want an error", hash, ok, err)
		}
	}
}
