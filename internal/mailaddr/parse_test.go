package mailaddr

import (
	"errors"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 64)
	for name, test := range map[string]struct{ given, internal, written string }{
		"plain":               {"alice@example.test", "alice@example.test", "alice@example.test"},
		"capitals":            {"Alice@EXAMPLE.Test", "alice@example.test", "alice@example.test"},
		"root dot":            {"alice@example.test.", "alice@example.test", "alice@example.test"},
		"one label":           {"root@localhost", "root@localhost", "root@localhost"},
		"every atext":         {"!#$%&'*+-/=?^_`{|}~@x.test", "!#$%&'*+-/=?^_`{|}~@x.test", "!#$%&'*+-/=?^_`{|}~@x.test"},
		"quoted for nothing":  {`"alice"@example.test`, "alice@example.test", "alice@example.test"},
		"blank":               {`"A b"@example.test`, "a b@example.test", `"a b"@example.test`},
		"at sign":             {`"a@b"@example.test`, "a@b@example.test", `"a@b"@example.test`},
		"dots":                {`"..a."@example.test`, "..a.@example.test", `"..a."@example.test`},
		"backslash and quote": {`"a\\b\"c\d"@example.test`, `a\b"cd@example.test`, `"a\\b\"cd"@example.test`},
		"one quote":           {`"\""@example.test`, `"@example.test`, `"\""@example.test`},
		"UTF-8":               {"Üser@example.test", "üser@example.test", "üser@example.test"},
		"UTF-8, decomposed":   {"U\u0308ser@example.test", "üser@example.test", "üser@example.test"},
		"folds to ASCII":      {"\u212a\u017f\u037e@x.test", "ks;@x.test", `"ks;"@x.test`},
		"U-label":             {"a@Bücher.example", "a@xn--bcher-kva.example", "a@xn--bcher-kva.example"},
		"U-label, other dot":  {"a@例え。jp", "a@xn--r8jz45g.jp", "a@xn--r8jz45g.jp"},
		"A-label":             {"a@XN--R8JZ45G.jp", "a@xn--r8jz45g.jp", "a@xn--r8jz45g.jp"},
		"64 octets":           {long + "@x.test", long + "@x.test", long + "@x.test"},
		"64 octets to escape": {`"` + strings.Repeat(`\"`, 63) + `a"@x.test`, strings.Repeat(`"`, 63) + "a@x.test", `"` + strings.Repeat(`\"`, 63) + `a"@x.test`},
		"254 octets":          {long + "@" + domainOf(189), long + "@" + domainOf(189), long + "@" + domainOf(189)},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := Parse(test.given)
			if err != nil || a.Internal() != test.internal || a.String() != test.written {
				t.Errorf("Parse(%q) = %q written %q, %v, want %q written %q", test.given, a.Internal(), a, err, test.internal, test.written)
			}
		})
	}
}

// domainOf returns a domain of n octets, n%4 != 0.
func domainOf(n int) string {
	return (strings.Repeat("abc.", n/4) + "abc")[:n]
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		given, want string
		is          error
	}{
		"nothing":            {"", "address: empty", ErrEmpty},
		"no at sign":         {"alice", `address: no "@"`, ErrNoDomain},
		"no at sign, quoted": {`"alice"`, `address: no "@"`, ErrNoDomain},
		"no local part":      {"@example.test", "local part: empty", ErrEmpty},
		"no text in quotes":  {`""@example.test`, "local part: empty", ErrEmpty},
		"no domain":          {"alice@", "domain: empty", ErrNoDomain},
		"blank":              {"al ice@example.test", `local part: unexpected " " at byte 3`, nil},
		"display name":       {"Alice <alice@example.test>", `local part: unexpected " " at byte 6`, nil},
		"dot first":          {".alice@example.test", `local part: unexpected "." at byte 1`, nil},
		"dot last":           {"alice.@example.test", `local part: unexpected "." at byte 6`, nil},
		"two dots":           {"al..ice@example.test", `local part: unexpected "." at byte 4`, nil},
		"two at signs":       {"a@b@example.test", `local part: unexpected "@" at byte 2`, nil},
		"quote inside":       {`a"b@example.test`, `local part: unexpected "\"" at byte 2`, nil},
		"text after quote":   {`"a"b@example.test`, `local part: unexpected "b" at byte 4`, nil},
		"quote without end":  {`"a@example.test`, "local part: quoted string without its end", ErrQuoting},
		"backslash at end":   {`"a\`, "local part: backslash with nothing after it at byte 3", ErrQuoting},
		"quotes in quotes":   {`"\"a\""@example.test`, "local part: begins and ends with a double quote of its own", ErrQuoting},
		"control byte":       {"a\x01b@example.test", `local part: unexpected "\x01" at byte 2`, nil},
		"line end, quoted":   {"\"a\nb\"@example.test", `local part: unexpected "\n" at byte 3`, nil},
		"line end, escaped":  {"\"a\\\nb\"@example.test", `local part: unexpected "\n" at byte 4`, nil},
		"C1 control":         {"a\u0085@example.test", `local part: unexpected "\u0085" at byte 2`, nil},
		"C1 control, quoted": {"\"a\u0085\"@example.test", `local part: unexpected "\u0085" at byte 2`, nil},
		"direction override": {"a\u202eb@example.test", `local part: unexpected "\u202e" at byte 2`, nil},
		"zero width joiner":  {"a\u200db@example.test", `local part: unexpected "\u200d" at byte 2`, nil},
		"not UTF-8":          {"ab\xffc@example.test", `local part: "\xff" is not valid UTF-8 at byte 3`, ErrInvalidUTF8},
		"not UTF-8, quoted":  {"\"ab\xff\"@example.test", "local part: not valid UTF-8", ErrInvalidUTF8},
		"65 octets":          {strings.Repeat("a", 65) + "@x.test", "local part: 65 octets, at most 64 are allowed", ErrTooLong},
		"65 octets of UTF-8": {strings.Repeat("é", 32) + "a@x.test", "local part: 65 octets, at most 64 are allowed", ErrTooLong},
		"255 octets":         {strings.Repeat("a", 64) + "@" + domainOf(190), "address: 255 octets, at most 254 are allowed", ErrTooLong},
		"endless":            {strings.Repeat("a", 5000), "address: 5000 octets, at most 254 are allowed", ErrTooLong},
		"bad domain, place":  {"alice@exa_mple.test", `domain: unexpected "_" at byte 10`, ErrDomain},
		"address literal":    {"alice@[127.0.0.1]", "domain: address literals are not accepted", ErrDomain},
		"route":              {"@a.test:b@example.test", `local part: unexpected "@" at byte 1`, nil},
		"brackets":           {"<alice@example.test>", `local part: unexpected "<" at byte 1`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := Parse(test.given)
			checkRefusal(t, err, test.want, test.is)
			if !a.IsZero() {
				t.Errorf("Parse(%q) = %q beside an error, want the zero Addr", test.given, a)
			}
		})
	}
}

func checkRefusal(t *testing.T, err error, want string, is error) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Fatalf("error = %v, want %s", err, want)
	}
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || is != nil && !errors.Is(err, is) {
		t.Errorf("error = %#v, want a SyntaxError around %v", err, is)
	}
}

func TestParseMailbox(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ given, want string }{
		"plain":             {"Alice.B@example.test", "alice.b@example.test"},
		"every sign":        {"a._-='z9@example.test", "a._-='z9@example.test"},
		"digit first":       {"0815@example.test", "0815@example.test"},
		"underscore first":  {"_a@example.test", "_a@example.test"},
		"hyphen last":       {"a-@example.test", "a-@example.test"},
		"letters":           {"Жанна@example.test", "жанна@example.test"},
		"letters and marks": {"हिन्दी@example.test", "हिन्दी@example.test"},
		"sharp s":           {"strauß@example.test", "strauss@example.test"},
	} {
		t.Run(name, func(t *testing.T) {
			if a, err := ParseMailbox(test.given); err != nil || a.Internal() != test.want {
				t.Errorf("ParseMailbox(%q) = %q, %v, want %q", test.given, a.Internal(), err, test.want)
			}
		})
	}
}

func TestParseMailboxRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ given, want string }{
		"nothing":         {"", "address: empty"},
		"no domain":       {"alice", `address: no "@"`},
		"no local part":   {"@example.test", "local part: empty"},
		"dot first":       {".a@x.test", `local part: unexpected "." at byte 1`},
		"dot last":        {"a.@x.test", `local part: unexpected "." at byte 2`},
		"two dots":        {"a..b@x.test", `local part: unexpected "." at byte 3`},
		"hyphen first":    {"-a@x.test", `local part: unexpected "-" at byte 1`},
		"mark first":      {"\u0301a@x.test", `local part: unexpected "` + "\u0301" + `" at byte 1`},
		"detail":          {"a+b@x.test", `local part: unexpected "+" at byte 2`},
		"slash":           {"a/b@x.test", `local part: unexpected "/" at byte 2`},
		"mask":            {"a*@x.test", `local part: unexpected "*" at byte 2`},
		"percent":         {"a%b@x.test", `local part: unexpected "%" at byte 2`},
		"quoted":          {`"a"@x.test`, `local part: unexpected "\"" at byte 1`},
		"emoji":           {"a😀@x.test", `local part: unexpected "😀" at byte 2`},
		"not a letter":    {"a\u037eb@x.test", `local part: unexpected "` + "\u037e" + `" at byte 2`},
		"not UTF-8":       {"a\xe9@x.test", `local part: "\xe9" is not valid UTF-8 at byte 2`},
		"IP address":      {"a@127.0.0.1", `domain: "127.0.0.1" is an IP address, not a domain`},
		"65 octets":       {strings.Repeat("a", 65) + "@x.test", "local part: 65 octets, at most 64 are allowed"},
		"empty label":     {"a@x..test", "domain: empty label"},
		"hyphen in label": {"a@-x.test", `domain: invalid label "-x"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseMailbox(test.given)
			checkRefusal(t, err, test.want, nil)
		})
	}
}

func TestParseLoginName(t *testing.T) {
	t.Parallel()
	if n, err := ParseLoginName("Alice.B"); err != nil || n.String() != "alice.b" || n.IsZero() {
		t.Errorf("ParseLoginName(Alice.B) = %q, %v, want alice.b", n, err)
	}
	for name, test := range map[string]struct{ given, want string }{
		"nothing":   {"", "login name: empty"},
		"at sign":   {"a@b", `login name: unexpected "@" at byte 2`},
		"hyphen":    {"-a", `login name: unexpected "-" at byte 1`},
		"blank":     {"a b", `login name: unexpected " " at byte 2`},
		"65 octets": {strings.Repeat("a", 65), "login name: 65 octets, at most 64 are allowed"},
		"endless":   {strings.Repeat("a", 5000), "login name: 5000 octets, at most 64 are allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseLoginName(test.given)
			checkRefusal(t, err, test.want, nil)
		})
	}
}

func TestFromInternal(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]string{"plain": "alice@example.test", "quoted": "a b@c@example.test", "A-label": "ü@xn--bcher-kva.example"} {
		t.Run(name, func(t *testing.T) {
			if a, err := FromInternal(s); err != nil || a.Internal() != s {
				t.Errorf("FromInternal(%q) = %q, %v, want it back", s, a.Internal(), err)
			}
		})
	}
	for name, s := range map[string]string{
		"nothing": "", "no domain": "alice", "capitals": "Alice@example.test", "capital domain": "alice@Example.test",
		"root dot": "alice@example.test.", "U-label": "a@bücher.example", "quotes": `"a b"@example.test`,
		"decomposed": "u\u0308@example.test", "domain": "@example.test", "control": "a\x00@example.test", "no name": "a@",
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			if a, err := FromInternal(s); err == nil {
				t.Errorf("FromInternal(%q) = %q, want an error", s, a.Internal())
			}
		})
	}
}

func TestAddrParts(t *testing.T) {
	t.Parallel()
	a, err := Parse(`"a@b"@Bücher.example`)
	if err != nil {
		t.Fatal(err)
	}
	if a.Local() != "a@b" || a.Domain().String() != "xn--bcher-kva.example" || a.Unicode() != `"a@b"@bücher.example` {
		t.Errorf("parts of %q: local %q, domain %q, unicode %q", a, a.Local(), a.Domain(), a.Unicode())
	}
	var zero Addr
	if !zero.IsZero() || zero.String()+zero.Unicode()+zero.Internal()+zero.Local() != "" || !zero.Domain().IsZero() {
		t.Errorf("the zero Addr is not empty")
	}
}

func TestErrorsEchoLittle(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"a@" + strings.Repeat("ü", 400), "a@" + strings.Repeat("x", 300), "a@-" + strings.Repeat("x.", 100), strings.Repeat("\x01", 1900) + "@x", "Ü@" + strings.Repeat("x", 64) + ".test",
	} {
		if _, err := Parse(s); err == nil || len(err.Error()) > 64+100 {
			t.Errorf("Parse(%.20q…): error %v, want a short one", s, err)
		}
	}
}
