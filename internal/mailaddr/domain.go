package mailaddr

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

const maxLabel = 63 // octets: RFC 1035 section 2.3.4

// Domain is a domain name in lower-case A-labels without a trailing dot. Only
// this package makes it. Domains are equal when they are ==. The zero Domain
// is no domain.
type Domain struct{ s string }

// ParseDomain checks a domain that was typed, in A-labels or U-labels, and
// maps it with the IDNA lookup profile. One trailing dot is dropped. Address
// literals, IP addresses, empty labels, labels with a hyphen at an end and
// names over 253 octets are refused with a [SyntaxError].
func ParseDomain(s string) (Domain, error) {
	if isPlain(s) {
		return Domain{s}, nil
	}
	return mapDomain(s)
}

// isPlain reports whether s is, beyond doubt, a domain that the profile maps to
// itself: labels of a-z, 0-9 and hyphens between them, not two hyphens in the
// third and fourth place, and a letter in the last label. Nearly every name is,
// and looking is a twentieth of the profile's work.
func isPlain(s string) bool {
	start, letter := 0, false
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '.' {
			c := s[i]
			letter = letter || 'a' <= c && c <= 'z'
			if c != '-' && ('a' > c || c > 'z') && ('0' > c || c > '9') {
				return false
			}
			continue
		}
		if !isPlainLabel(s[start:i]) {
			return false
		}
		if i < len(s) {
			start, letter = i+1, false
		}
	}
	return letter && len(s) <= maxDomain
}

func isPlainLabel(label string) bool {
	n := len(label)
	return n > 0 && n <= maxLabel && label[0] != '-' && label[n-1] != '-' && (n < 4 || label[2:4] != "--")
}

// mapDomain is ParseDomain for what may have to be mapped.
func mapDomain(s string) (Domain, error) {
	if err := scanDomain(s); err != nil {
		return Domain{}, err
	}
	name, err := toASCII(s)
	if err != nil {
		return Domain{}, &SyntaxError{Part: "domain", Reason: idnaReason(err), Err: ErrDomain}
	}
	if err := checkLabels(name); err != nil {
		return Domain{}, err
	}
	if ascii := !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }); ascii && !strings.EqualFold(strings.TrimSuffix(s, "."), name) {
		// "a.xn--" is mapped to "a": a name that stands for another is none.
		return Domain{}, &SyntaxError{Part: "domain", Reason: "a label begins with xn-- and is not an A-label", Err: ErrDomain}
	}
	return Domain{name}, nil
}

// idnaReason returns what the profile says, for example `invalid label "-b"`,
// unless it echoes too much.
func idnaReason(err error) string {
	reason := strings.TrimPrefix(err.Error(), "idna: ")
	if len(reason) > maxEcho+len(`invalid label ""`) {
		return ErrDomain.Error()
	}
	return reason
}

// scanDomain finds the mistakes that have a place.
func scanDomain(s string) error {
	switch {
	case s == "" || s == ".":
		return &SyntaxError{Part: "domain", Reason: "empty", Err: ErrNoDomain}
	case len(s) > maxRawDomain:
		return tooLong("domain", len(s), maxDomain)
	case s[0] == '[':
		return &SyntaxError{Part: "domain", Reason: "address literals are not accepted", Err: ErrDomain}
	}
	for i, r := range s {
		switch {
		case r == utf8.RuneError:
			return unexpected("domain", s, i)
		case r < utf8.RuneSelf && r != '.' && r != '-' && !isAlnum(byte(r)):
			e := unexpected("domain", s, i)
			e.Err = ErrDomain
			return e
		}
	}
	return nil
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// checkLabels checks the mapped name, because mapping makes dots and changes
// lengths.
func checkLabels(name string) error {
	bad := func(reason string) error {
		return &SyntaxError{Part: "domain", Reason: reason, Err: ErrDomain}
	}
	if len(name) > maxDomain {
		return tooLong("domain", len(name), maxDomain)
	}
	for label := range strings.SplitSeq(name, ".") {
		switch {
		case label == "":
			return bad("empty label")
		case len(label) > maxLabel:
			return tooLong("domain: label "+echo(label), len(label), maxLabel)
		}
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return bad(echo(name) + " is an IP address, not a domain")
	}
	return nil
}

// toASCII maps a name to A-labels and drops one trailing dot, which may have
// been another full stop (U+3002) before.
func toASCII(s string) (string, error) {
	name, err := idna.Lookup.ToASCII(s)
	return strings.TrimSuffix(name, "."), err
}

// appendDomain appends a peer's domain for a lookup. ASCII names are not
// checked: what is not a valid name is not found either.
func appendDomain(dst, raw []byte) ([]byte, error) {
	if len(raw) > maxRawDomain {
		return dst, ErrTooLong
	}
	start := len(dst)
	dst = append(dst, raw...)
	for i, c := range dst[start:] {
		if c >= utf8.RuneSelf {
			return appendMapped(dst[:start], raw)
		}
		dst[start+i] = lowerASCII(c)
	}
	if n := len(dst); n > start && dst[n-1] == '.' {
		dst = dst[:n-1]
	}
	return dst, checkLength(len(dst) - start)
}

func appendMapped(dst, raw []byte) ([]byte, error) {
	if !utf8.Valid(raw) {
		return dst, ErrInvalidUTF8
	}
	name, err := toASCII(string(raw))
	if err != nil {
		return dst, ErrDomain
	}
	return append(dst, name...), checkLength(len(name))
}

func checkLength(n int) error {
	switch {
	case n == 0:
		return ErrNoDomain
	case n > maxDomain:
		return ErrTooLong
	}
	return nil
}

// String returns the name in A-labels.
func (d Domain) String() string { return d.s }

// Unicode returns the name in U-labels, for people. A name that has no U-label
// form comes as it is.
func (d Domain) Unicode() string {
	if u, err := idna.Display.ToUnicode(d.s); err == nil {
		return u
	}
	return d.s
}

// Internal returns "@" and the name: the key under which the domain stands.
func (d Domain) Internal() string { return "@" + d.s }

// IsZero reports whether d is no domain.
func (d Domain) IsZero() bool { return d.s == "" }

// Key returns the domain's key. It allocates.
func (d Domain) Key() Key {
	if d.IsZero() {
		return Key{}
	}
	return Key{b: []byte(d.Internal())}
}
