package mailaddr

import (
	"strings"
	"testing"
)

func TestParseDomain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ given, want, unicode string }{
		"plain":          {"example.test", "example.test", "example.test"},
		"capitals":       {"EXAMPLE.Test", "example.test", "example.test"},
		"root dot":       {"example.test.", "example.test", "example.test"},
		"one label":      {"localhost", "localhost", "localhost"},
		"digits":         {"123.4a", "123.4a", "123.4a"},
		"U-label":        {"Bücher.example", "xn--bcher-kva.example", "bücher.example"},
		"A-label":        {"XN--bcher-KVA.example", "xn--bcher-kva.example", "bücher.example"},
		"decomposed":     {"bu\u0308cher.example", "xn--bcher-kva.example", "bücher.example"},
		"full width":     {"ｅｘａｍｐｌｅ．test", "example.test", "example.test"},
		"other full dot": {"example。test。", "example.test", "example.test"},
		"sharp s kept":   {"straße.example", "xn--strae-oqa.example", "straße.example"},
		"63 octets":      {strings.Repeat("a", 63) + ".test", strings.Repeat("a", 63) + ".test", strings.Repeat("a", 63) + ".test"},
		"253 octets":     {domainOf(253), domainOf(253), domainOf(253)},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := ParseDomain(test.given)
			if err != nil || d.String() != test.want || d.Unicode() != test.unicode || d.Internal() != "@"+test.want {
				t.Errorf("ParseDomain(%q) = %q (%q), %v, want %q (%q)", test.given, d, d.Unicode(), err, test.want, test.unicode)
			}
		})
	}
}

func TestParseDomainRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		given, want string
		is          error
	}{
		"nothing":         {"", "domain: empty", ErrNoDomain},
		"root":            {".", "domain: empty", ErrNoDomain},
		"literal":         {"[127.0.0.1]", "domain: address literals are not accepted", ErrDomain},
		"IPv6 literal":    {"[IPv6:::1]", "domain: address literals are not accepted", ErrDomain},
		"IP address":      {"192.0.2.1", `domain: "192.0.2.1" is an IP address, not a domain`, ErrDomain},
		"address":         {"a@b.test", `domain: unexpected "@" at byte 2`, ErrDomain},
		"underscore":      {"a_b.test", `domain: unexpected "_" at byte 2`, ErrDomain},
		"blank":           {"a b.test", `domain: unexpected " " at byte 2`, ErrDomain},
		"NUL":             {"a\x00b.test", `domain: unexpected "\x00" at byte 2`, ErrDomain},
		"not UTF-8":       {"a\xff.test", `domain: "\xff" is not valid UTF-8 at byte 2`, ErrInvalidUTF8},
		"empty label":     {"a..test", "domain: empty label", ErrDomain},
		"two root dots":   {"a.test..", "domain: empty label", ErrDomain},
		"dot first":       {".a.test", "domain: empty label", ErrDomain},
		"hyphen first":    {"a.-b.test", `domain: invalid label "-b"`, ErrDomain},
		"long bad label":  {"-" + strings.Repeat("a", 99) + ".test", "domain: not a valid domain name", ErrDomain},
		"hyphen last":     {"a.b-.test", `domain: invalid label "b-"`, ErrDomain},
		"bad punycode":    {"xn--a.test", `domain: invalid label "\u0080"`, ErrDomain},
		"disguised ASCII": {"xn--abc-.test", `domain: invalid label "abc-"`, ErrDomain},
		"disguised at":    {"a＠b.test", "domain: disallowed rune U+FF20", ErrDomain},
		"64 octets":       {strings.Repeat("a", 64) + ".test", `domain: label "` + strings.Repeat("a", 64) + `": 64 octets, at most 63 are allowed`, ErrTooLong},
		"254 octets":      {domainOf(254), "domain: 254 octets, at most 253 are allowed", ErrTooLong},
		"endless":         {strings.Repeat("a.", 1000), "domain: 2000 octets, at most 253 are allowed", ErrTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := ParseDomain(test.given)
			checkRefusal(t, err, test.want, test.is)
			if !d.IsZero() {
				t.Errorf("ParseDomain(%q) = %q beside an error, want the zero Domain", test.given, d)
			}
		})
	}
}
