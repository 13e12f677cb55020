package password

import (
	"strings"
	"testing"
)

const (
	salt16 = "YLxoojmeDs+XZXbwe+Lr4w"
	key32  = "iKeP3e/NmY6279MMdYzKU18Qw4TBXL87HN0TCAxHmM"
	key53  = "asXp7ncY.cduMFJAnyhKbuyc1yeSD14SGFlxbO8p0Au34FZ4mcX3."
)

var (
	argonTail = "$" + salt16 + "$/" + key32
	key86     = strings.Repeat("aB3./", 17) + "1"
)

func TestParseHashAccepts(t *testing.T) {
	for _, row := range []struct{ name, in, want string }{
		{"as kept", "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1" + argonTail, ""},
		{"lower case", "{argon2id}$argon2id$v=19$m=19456,t=2,p=1" + argonTail, "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1" + argonTail},
		{"bare argon2id", "$argon2id$v=19$m=8,t=1,p=1" + argonTail, "{ARGON2ID}$argon2id$v=19$m=8,t=1,p=1" + argonTail},
		{"argon2id at every limit", "$argon2id$v=19$m=262144,t=10,p=16" + argonTail, "{ARGON2ID}$argon2id$v=19$m=262144,t=10,p=16" + argonTail},
		{"bare 2a", "$2a$04$" + key53, "{BLF-CRYPT}$2a$04$" + key53},
		{"bare 2b", "$2b$10$" + key53, "{BLF-CRYPT}$2b$10$" + key53},
		{"bare 2y", "$2y$14$" + key53, "{BLF-CRYPT}$2y$14$" + key53},
		{"crypt", "{CRYPT}$2y$05$" + key53, "{BLF-CRYPT}$2y$05$" + key53},
		{"crypt, sha", "{crypt}$6$salt$" + key86, "{SHA512-CRYPT}$6$salt$" + key86},
		{"bare 6", "$6$salt$" + key86, "{SHA512-CRYPT}$6$salt$" + key86},
		{"fewest rounds", "$6$rounds=1000$salt$" + key86, "{SHA512-CRYPT}$6$rounds=1000$salt$" + key86},
		{"most rounds", "$6$rounds=1000000$salt$" + key86, "{SHA512-CRYPT}$6$rounds=1000000$salt$" + key86},
		{"one-character salt", "$6$a$" + key86, "{SHA512-CRYPT}$6$a$" + key86},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.want == "" {
				row.want = row.in
			}
			if got, err := ParseHash(row.in); err != nil || got != row.want {
				t.Errorf("ParseHash(%s) = %q, %v, want %q", row.in, got, err, row.want)
			}
		})
	}
}

func TestParseHashRefuses(t *testing.T) {
	const argon = "$argon2id$v=19$m=19456,t=2,p=1$"
	for _, row := range []struct{ name, in, want string }{
		{"empty", "", "empty"},
		{"scheme only", "{BLF-CRYPT}", "BLF-CRYPT: not of the form $2y$COST$ and 53 characters"},
		{"crypt only", "{CRYPT}", "empty"},
		{"too long", strings.Repeat("a", 257), "longer than 256 bytes"},
		{"a password", "correct horse", "begins with neither {SCHEME} nor $argon2id$, $2a$, $2b$, $2y$ or $6$; " + supported},
		{"blank before", " $6$salt$" + key86, "begins with neither {SCHEME} nor $argon2id$, $2a$, $2b$, $2y$ or $6$; " + supported},
		{"line break after", "$6$salt$" + key86 + "\n", "SHA512-CRYPT: the key must be 86 characters of ./0-9A-Za-z"},
		{"unclosed", "{SSHA", "the closing } of the scheme is missing"},
		{"unknown scheme", "{HUNTER2}abc", "unknown scheme in braces; " + supported},
		{"plain", "{PLAIN}secret", "scheme PLAIN is not supported; " + supported},
		{"ssha", "{ssha256}abc", "scheme SSHA256 is not supported; " + supported},
		{"suffix", "{ARGON2ID.b64}abc", "scheme ARGON2ID with a suffix is not supported; " + supported},
		{"md5crypt", "$1$salt$abc", "begins with neither {SCHEME} nor $argon2id$, $2a$, $2b$, $2y$ or $6$; " + supported},
		{"argon2i", "$argon2i$v=19$m=19456,t=2,p=1" + argonTail, "begins with neither {SCHEME} nor $argon2id$, $2a$, $2b$, $2y$ or $6$; " + supported},
		{"ours alone", "{SHA256-RANDOM}$AAAA$AAAA", "SHA256-RANDOM is only for passwords made here; " + supported},
		{"scheme of another", "{ARGON2ID}$6$salt$" + key86, "ARGON2ID: not of the form $argon2id$v=19$m=M,t=T,p=P$SALT$KEY"},

		{"argon2id, no version", "$argon2id$m=19456,t=2,p=1" + argonTail, "ARGON2ID: not of the form $argon2id$v=19$m=M,t=T,p=P$SALT$KEY"},
		{"argon2id, old version", "$argon2id$v=16$m=19456,t=2,p=1" + argonTail, "ARGON2ID: only version 19 (v=19) is supported"},
		{"argon2id, m missing", "$argon2id$v=19$t=2,p=1" + argonTail, "ARGON2ID: the cost is not of the form m=M,t=T,p=P"},
		{"argon2id, other order", "$argon2id$v=19$t=2,m=19456,p=1" + argonTail, "ARGON2ID: t is not a whole number"},
		{"argon2id, m too large", "$argon2id$v=19$m=262145,t=2,p=1" + argonTail, "ARGON2ID: m is outside 8 to 262144"},
		{"argon2id, m overflows", "$argon2id$v=19$m=4294967297,t=2,p=1" + argonTail, "ARGON2ID: m is not a whole number"},
		{"argon2id, m too small", "$argon2id$v=19$m=31,t=2,p=4" + argonTail, "ARGON2ID: m is outside 32 to 262144"},
		{"argon2id, m with sign", "$argon2id$v=19$m=+8,t=2,p=1" + argonTail, "ARGON2ID: m is not a whole number"},
		{"argon2id, m with zeroes", "$argon2id$v=19$m=008,t=2,p=1" + argonTail, "ARGON2ID: m is not a whole number"},
		{"argon2id, t too large", "$argon2id$v=19$m=19456,t=11,p=1" + argonTail, "ARGON2ID: t is outside 1 to 10"},
		{"argon2id, t zero", "$argon2id$v=19$m=19456,t=0,p=1" + argonTail, "ARGON2ID: t is outside 1 to 10"},
		{"argon2id, p too large", "$argon2id$v=19$m=19456,t=2,p=17" + argonTail, "ARGON2ID: p is outside 1 to 16"},
		{"argon2id, p zero", "$argon2id$v=19$m=19456,t=2,p=0" + argonTail, "ARGON2ID: p is outside 1 to 16"},
		{"argon2id, keyid", "$argon2id$v=19$m=19456,t=2,p=1,keyid=1" + argonTail, "ARGON2ID: the cost is not of the form m=M,t=T,p=P"},
		{"argon2id, padded", argon + salt16 + "==$/" + key32, "ARGON2ID: the salt is not base64 without padding"},
		{"argon2id, line break", argon + salt16 + "$/" + key32[:20] + "\n" + key32[20:], "ARGON2ID: the key is not base64 without padding"},
		{"argon2id, loose bits", argon + salt16 + "$/" + key32[:41] + "N", "ARGON2ID: the key is not base64 without padding"},
		{"argon2id, short salt", argon + "AAAAAAAAAA$/" + key32, "ARGON2ID: the salt has 7 bytes, must have 8 to 64"},
		{"argon2id, short key", argon + salt16 + "$AAAA", "ARGON2ID: the key has 3 bytes, must have 16 to 64"},
		{"argon2id, long key", argon + salt16 + "$" + strings.Repeat("A", 88), "ARGON2ID: the key has 66 bytes, must have 16 to 64"},

		{"bcrypt, 2x", "{BLF-CRYPT}$2x$10$" + key53, "BLF-CRYPT: does not begin with $2a$, $2b$ or $2y$"},
		{"bcrypt, cut", "$2y$10$" + key53[:52], "BLF-CRYPT: not of the form $2y$COST$ and 53 characters"},
		{"bcrypt, too cheap", "$2y$03$" + key53, "BLF-CRYPT: the cost is outside 04 to 14"},
		{"bcrypt, too dear", "$2y$15$" + key53, "BLF-CRYPT: the cost is outside 04 to 14"},
		{"bcrypt, cost in letters", "$2y$1x$" + key53, "BLF-CRYPT: the cost is not two digits and a $"},
		{"bcrypt, alphabet", "$2y$10$" + key53[:20] + "=" + key53[21:], "BLF-CRYPT: salt and key hold characters other than ./0-9A-Za-z"},
		{"bcrypt, loose bits", "$2y$10$" + key53[:52] + "/", "BLF-CRYPT: the last character of the key carries more than four bits"},

		{"sha512, no key", "$6$salt", "SHA512-CRYPT: not of the form $6$SALT$KEY or $6$rounds=N$SALT$KEY"},
		{"sha512, too many fields", "$6$rounds=5000$salt$" + key86 + "$", "SHA512-CRYPT: not of the form $6$SALT$KEY or $6$rounds=N$SALT$KEY"},
		{"sha512, few rounds", "$6$rounds=999$salt$" + key86, "SHA512-CRYPT: rounds is outside 1000 to 1000000"},
		{"sha512, many rounds", "$6$rounds=1000001$salt$" + key86, "SHA512-CRYPT: rounds is outside 1000 to 1000000"},
		{"sha512, rounds empty", "$6$rounds=$salt$" + key86, "SHA512-CRYPT: rounds is not a whole number"},
		{"sha512, other parameter", "$6$round=5000$salt$" + key86, "SHA512-CRYPT: rounds is not a whole number"},
		{"sha512, empty salt", "$6$$" + key86, "SHA512-CRYPT: the salt must have 1 to 16 characters"},
		{"sha512, long salt", "$6$12345678901234567$" + key86, "SHA512-CRYPT: the salt must have 1 to 16 characters"},
		{"sha512, salt with colon", "$6$sa:lt$" + key86, "SHA512-CRYPT: the salt holds a character that crypt(5) forbids"},
		{"sha512, salt not ASCII", "$6$sält$" + key86, "SHA512-CRYPT: the salt holds a character that crypt(5) forbids"},
		{"sha512, short key", "$6$salt$" + key86[:85], "SHA512-CRYPT: the key must be 86 characters of ./0-9A-Za-z"},
		{"sha512, key alphabet", "$6$salt$" + key86[:10] + "+" + key86[11:], "SHA512-CRYPT: the key must be 86 characters of ./0-9A-Za-z"},
		{"sha512, loose bits", "$6$salt$" + key86[:85] + "2", "SHA512-CRYPT: the last character of the key carries more than two bits"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := ParseHash(row.in)
			if got != "" || message(err) != "password hash: "+row.want {
				t.Errorf("ParseHash(%q) = %q, %v, want error %q", row.in, got, err, row.want)
			}
		})
	}
}
